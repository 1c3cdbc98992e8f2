import type { OrderColumn } from "../SelectPlan.ts";
import type { Column } from "../schema/Column.ts";
import type { CanonicalValue } from "../schema/canonicalValue.ts";
import {
  afterAll,
  beforeAll,
  compareTuples,
  type IndexRange,
  type IndexTuple,
} from "./IndexRange.ts";
import { type Interval, type Intervals, isPoint, onlyValue } from "./intervals.ts";

/** What planning has to know of an index. */
export interface IndexColumns {
  /** The columns by which entries are ordered; no two entries have the same values of all of them. */
  readonly columns: readonly Column[];
}

/** A column of an order that may differ between the rows of a query. */
export interface FreeOrderColumn extends OrderColumn {
  /** Where it stands in the whole order. */
  readonly place: number;
}

/** Beyond this many ranges the conditions of a further column are checked row by row. */
const MAX_RANGES = 10_000;

/** The rows in some stretches of one index, in the query's order as far as the index has it. */
export class IndexPath<Index extends IndexColumns> {
  public readonly index: Index;
  /** The names of the columns whose conditions every row on the path meets. */
  public readonly covered: ReadonlySet<string>;
  /** How many columns of the order the rows come in. */
  public readonly ordered: number;
  public readonly descending: boolean;
  /** Disjoint stretches, ascending. */
  public readonly ranges: readonly IndexRange[];
  private readonly conditions: ReadonlyMap<string, Intervals>;
  private readonly order: readonly FreeOrderColumn[];

  public constructor(
    index: Index,
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

  /** How many conditions narrow the path down; without any it leads to every row. */
  public get selectivity(): number {
    return this.covered.size;
  }

  /** Whether the rows come in the whole order. */
  public get isOrdered(): boolean {
    return this.ordered === this.order.length;
  }

  /** How many rows there can be at most, by what the conditions say. */
  public get mostRows(): number {
    const known = this.ranges[0] === undefined || this.ranges[0].entry !== undefined;
    return known ? this.ranges.length : Number.POSITIVE_INFINITY;
  }

  /**
   * The stretches in the order in which they are to be read.
   *
   * @param after where to start, one value for each column of the whole order. Where the path has
   * only a part of the order, some rows before that come along.
   */
  public rangesAfter(after: readonly CanonicalValue[] | undefined): readonly IndexRange[] {
    const ranges = this.descending ? this.ranges.toReversed() : this.ranges;
    if (after === undefined) return ranges;
    const start = this.positionOf(after);
    return ranges.map((range) => this.restOf(range, start)).filter((range) => range !== undefined);
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
