import type { CanonicalValue } from "../schema/canonicalValue.ts";
import type { Row } from "../schema/TableSchema.ts";
import type { RowPath } from "./IndexPath.ts";

const NO_COLUMNS: ReadonlySet<string> = new Set();

/** The rows on several paths, each once: alternatives that each have an index. */
export class UnionPath implements RowPath {
  public readonly covered = NO_COLUMNS;
  public readonly selectivity = 1;
  public readonly ordered = 0;
  public readonly isOrdered: boolean;
  private readonly paths: readonly RowPath[];

  /** @param isOrdered whether no order is asked for */
  public constructor(paths: readonly RowPath[], isOrdered: boolean) {
    this.paths = paths;
    this.isOrdered = isOrdered;
  }

  public count(most: number): number {
    let count = 0;
    for (const path of this.paths) if (count < most) count += path.count(most - count);
    return count;
  }

  public walk(_after: readonly CanonicalValue[] | undefined, visit: (row: Row) => boolean): void {
    const seen = new Set<Row>();
    let wanted = true;
    for (const path of this.paths) {
      path.walk(undefined, (row) => {
        if (seen.has(row)) return true;
        seen.add(row);
        wanted = visit(row);
        return wanted;
      });
      if (!wanted) return;
    }
  }
}
