import type { OrderColumn } from "../SelectPlan.ts";
import type { Column } from "../schema/Column.ts";
import type { CanonicalValue } from "../schema/canonicalValue.ts";
import type { Row } from "../schema/TableSchema.ts";
import { type Interval, type Intervals, isPoint, onlyValue } from "./intervals.ts";
import {
  afterAll,
  beforeAll,
  compareTuples,
  type IndexRange,
  type IndexTuple,
  type OrderedIndex,
} from "./OrderedIndex.ts";

/** A column of an order that may differ between the rows of a query. */
export interface FreeOrderColumn extends OrderColumn {
  /** Where it stands in the whole order. */
  readonly place: number;
}

/** A way to the rows of a query. */
export interface RowPath {
  /** The names of the columns whose conditions every row on the path meets. */
  readonly covered: ReadonlySet<string>;
  /** How many conditions narrow the path down; without any it leads to every row. */
  readonly selectivity: number;
  /** How many columns of the order the rows come in. */
  readonly ordered: number;
  /** Whether the rows come in the whole order. */
  readonly isOrdered: boolean;
  /** The number of rows on the path, counted up to `most`. */
  count(most: number): number;
  /**
   * Calls `visit` for each row until it gives false.
   *
   * @param after where to start, one value for each column of the whole order. Where the path has
   * only a part of the order, some rows before that come along.
   */
  walk(after: readonly CanonicalValue[] | undefined, visit: (row: Row) => boolean): void;
}

/** Beyond this many ranges the conditions of a further column are checked row by row. */
const MAX_RANGES = 10_000;

/** The rows in some stretches of one index, in the query's order as far as the index has it. */
export class IndexPath implements RowPath {
  public readonly covered: ReadonlySet<string>;
  public readonly ordered: number;
  private readonly index: OrderedIndex;
  private readonly conditions: ReadonlyMap<string, Intervals>;
  private readonly order: readonly FreeOrderColumn[];
  private readonly descending: boolean;
  /** Disjoint stretches, ascending. */
  private readonly ranges: readonly IndexRange[];

  public constructor(
    index: OrderedIndex,
    conditions: ReadonlyMap<string, Intervals>,
    order: readonly FreeOrderColumn[],
  ) {
    const { ranges, covered } = rangesOf(index.columns, conditions);
    this.index = index;
    this.conditions = conditions;
    this.order = order;
    this.descending = order[0]?.descending ?? false;
    this.ranges = ranges;
    this.covered = covered;
    this.ordered = this.sharedPrefix();
  }

  public get selectivity(): number {
    return this.covered.size;
  }

  public get isOrdered(): boolean {
    return this.ordered === this.order.length;
  }

  public count(most: number): number {
    let count = 0;
    for (const range of this.ranges) {
      if (!this.index.walk(range, false, () => ++count < most)) break;
    }
    return count;
  }

  public walk(after: readonly CanonicalValue[] | undefined, visit: (row: Row) => boolean): void {
    const start = after && this.positionOf(after);
    for (const range of this.descending ? this.ranges.toReversed() : this.ranges) {
      const rest = start === undefined ? range : this.restOf(range, start);
      if (rest !== undefined && !this.index.walk(rest, this.descending, visit)) return;
    }
  }

  private sharedPrefix(): number {
    const { order, descending } = this;
    const names = this.index.columns
      .map(({ name }) => name)
      .filter((name) => onlyValue(this.conditions.get(name)) === undefined);
    const differs = order.findIndex(
      (entry, at) => entry.column.name !== names[at] || entry.descending !== descending,
    );
    return differs < 0 ? order.length : differs;
  }

  /** The position in the index that the rows of interest lie behind. */
  private positionOf(after: readonly CanonicalValue[]): IndexTuple {
    const { order, ordered, descending } = this;
    const values: CanonicalValue[] = [];
    let used = 0;
    for (const { name } of this.index.columns) {
      const only = onlyValue(this.conditions.get(name));
      if (only !== undefined) values.push(only);
      else if (used < ordered) values.push(after[(order[used++] as FreeOrderColumn).place] ?? null);
      else break;
    }
    // With the whole order, the row at the position is behind us; with a part, its equals are not.
    return this.isOrdered === descending ? beforeAll(values) : afterAll(values);
  }

  private restOf(range: IndexRange, start: IndexTuple): IndexRange | undefined {
    const { from, to } = range;
    if (this.descending ? compareTuples(to, start) <= 0 : compareTuples(from, start) >= 0)
      return range;
    const rest = this.descending ? { from, to: start } : { from: start, to };
    return compareTuples(rest.from, rest.to) < 0 ? rest : undefined;
  }
}

/** The stretches of an index in which the conditions on its leading columns hold. */
function rangesOf(
  columns: readonly Column[],
  conditions: ReadonlyMap<string, Intervals>,
): { readonly ranges: readonly IndexRange[]; readonly covered: ReadonlySet<string> } {
  const covered = new Set<string>();
  let prefixes: CanonicalValue[][] = [[]];
  for (const { name } of columns) {
    const intervals = conditions.get(name);
    const count = prefixes.length * (intervals?.length ?? 1);
    if (intervals === undefined || (count > MAX_RANGES && prefixes.length > 1)) break;
    covered.add(name);
    if (!intervals.every(isPoint)) {
      return { ranges: prefixes.flatMap((p) => intervals.map((i) => rangeIn(p, i))), covered };
    }
    prefixes = prefixes.flatMap((p) => intervals.map(({ from }) => [...p, from.value]));
  }
  const complete = covered.size === columns.length;
  const ranges = prefixes.map((values) => ({
    from: beforeAll(values),
    to: afterAll(values),
    entry: complete ? values : undefined,
  }));
  return { ranges, covered };
}

function rangeIn(prefix: readonly CanonicalValue[], { from, to }: Interval): IndexRange {
  const start = [...prefix, from.value];
  const end = to === undefined ? prefix : [...prefix, to.value];
  return {
    from: from.after ? afterAll(start) : beforeAll(start),
    to: to === undefined || to.after ? afterAll(end) : beforeAll(end),
  };
}
