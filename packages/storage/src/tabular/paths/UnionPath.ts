import type { IndexColumns } from "./IndexPath.ts";
import type { RowPath } from "./RowPath.ts";

const NO_COLUMNS: ReadonlySet<string> = new Set();

/** The rows on several paths, each once: alternatives that each have an index. */
export class UnionPath<Index extends IndexColumns> {
  public readonly paths: readonly RowPath<Index>[];
  public readonly covered = NO_COLUMNS;
  public readonly selectivity = 1;
  public readonly ordered = 0;
  public readonly isOrdered: boolean;

  /** @param isOrdered whether no order is asked for */
  public constructor(paths: readonly RowPath<Index>[], isOrdered: boolean) {
    this.paths = paths;
    this.isOrdered = isOrdered;
  }

  /** How many rows there can be at most, by what the conditions say. */
  public get mostRows(): number {
    return this.paths.reduce((sum, { mostRows }) => sum + mostRows, 0);
  }
}
