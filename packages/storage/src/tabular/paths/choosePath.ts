import { combine, type Predicate } from "../Predicate.ts";
import type { OrderColumn } from "../SelectPlan.ts";
import { type FreeOrderColumn, type IndexColumns, IndexPath } from "./IndexPath.ts";
import { type Conditions, conditionsOf, onlyValue } from "./intervals.ts";
import type { RowPath } from "./RowPath.ts";
import { UnionPath } from "./UnionPath.ts";

/** What is asked, and where it may be looked for. */
export interface RowQuery<Index extends IndexColumns> {
  readonly where: Predicate | undefined;
  readonly order: readonly OrderColumn[];
  /** How many matching rows are wanted, in this order; may be infinite. */
  readonly wanted: number;
  /** The primary key's order first, then the others that there are. */
  readonly indexes: readonly Index[];
  /** How many rows there are; `undefined` where that takes long to find out. */
  readonly size: number | undefined;
}

export interface ChosenPath<Index extends IndexColumns> {
  readonly path: RowPath<Index>;
  /** The order without the columns that have the same value in all rows of the query. */
  readonly order: readonly OrderColumn[];
  /** What remains to be checked of each row on the path. */
  readonly rest: Predicate | undefined;
  /**
   * Paths without (all of) the order that are better should they be short. Only where `size` was
   * not given: then it takes reading along `path` to learn how soon enough rows match.
   */
  readonly rivals: readonly PathWithRest<Index>[];
}

export interface PathWithRest<Index extends IndexColumns> {
  readonly path: RowPath<Index>;
  readonly rest: Predicate | undefined;
}

/** Asks for the number of rows on each of the paths, counted up to `most`. */
export interface CountQuestion<Index extends IndexColumns> {
  readonly paths: readonly RowPath<Index>[];
  readonly most: number;
}

/** A choice that halts where it needs counts, which may take a request to find out. */
export type PathChoice<Index extends IndexColumns> = Generator<
  CountQuestion<Index>,
  ChosenPath<Index>,
  readonly number[]
>;

/** Rows are counted at least up to this many before an index is held to be no help. */
const LEAST_COUNT = 64;
/** Rows are counted at most up to this many where all matching ones are wanted. */
const MOST_COUNT = 1000;

/**
 * Chooses the index that leads to the rows of a query with the fewest others on the way.
 *
 * An index that narrows the query down has to read its whole stretch and sort it; one that has the
 * order reads until enough rows match. With n rows, of which a share s is in the stretch, that is
 * s·n against wanted/s, which are equal where the stretch holds √(wanted·n) rows. So stretches are
 * counted up to that number: a shorter one wins, and otherwise the order.
 */
export function* choosePath<Index extends IndexColumns>(query: RowQuery<Index>): PathChoice<Index> {
  const conditions = conditionsOf(query.where);
  const order = freeOrder(query.order, conditions);
  const paths: RowPath<Index>[] = query.indexes.map(
    (index) => new IndexPath(index, conditions.byColumn, order),
  );
  for (const alternatives of alternativesIn(conditions)) {
    const union = yield* unionPath(query, alternatives, order.length === 0);
    if (union !== undefined) paths.push(union);
  }
  const candidates = new Candidates(paths, conditions, query);
  const path = candidates.evident() ?? (yield* candidates.counted());
  return { path, order, rest: candidates.restOn(path), rivals: candidates.rivalsOf(path) };
}

function freeOrder(
  order: readonly OrderColumn[],
  { byColumn }: Conditions,
): readonly FreeOrderColumn[] {
  return order
    .map((entry, place) => ({ ...entry, place }))
    .filter(({ column }) => onlyValue(byColumn.get(column.name)) === undefined);
}

/** The alternatives of each `or` over several columns. */
function alternativesIn({ parts }: Conditions): (readonly Predicate[])[] {
  return parts.flatMap(({ column, predicate }) =>
    column === undefined && predicate.kind === "or" ? [predicate.operands] : [],
  );
}

/** The path over the indexes of all alternatives, if each has one. */
function* unionPath<Index extends IndexColumns>(
  query: RowQuery<Index>,
  alternatives: readonly Predicate[],
  unordered: boolean,
): Generator<CountQuestion<Index>, UnionPath<Index> | undefined, readonly number[]> {
  const paths: RowPath<Index>[] = [];
  for (const where of alternatives) {
    const part = { ...query, where, order: [], wanted: Number.POSITIVE_INFINITY };
    paths.push((yield* choosePath(part)).path);
  }
  const narrow = paths.every(({ selectivity }) => selectivity > 0);
  return narrow ? new UnionPath(paths, unordered) : undefined;
}

/** The paths of one query, the most promising first. */
class Candidates<Index extends IndexColumns> {
  private readonly conditions: Conditions;
  private readonly query: RowQuery<Index>;
  /** Whether reading may end before all matching rows are found. */
  private readonly limited: boolean;
  private readonly ranked: readonly RowPath<Index>[];
  private readonly narrowing: readonly RowPath<Index>[];

  public constructor(
    paths: readonly RowPath<Index>[],
    conditions: Conditions,
    query: RowQuery<Index>,
  ) {
    this.conditions = conditions;
    this.query = query;
    this.limited =
      query.size === undefined
        ? query.wanted < Number.POSITIVE_INFINITY && paths.some(hasOrder)
        : query.wanted < query.size;
    this.ranked = paths.toSorted(this.limited ? byOrder : bySelectivity);
    this.narrowing = this.ranked.filter(({ selectivity }) => selectivity > 0);
  }

  /** The path that wins, where that can be said without counting. */
  public evident(): RowPath<Index> | undefined {
    const { ranked, narrowing, limited, query } = this;
    const [first] = narrowing;
    if (first === undefined) return ranked[0];
    if (first.isOrdered && this.restOn(first) === undefined) return first;
    const isNarrowest = narrowing.every((path) => isWithin(first, path));
    if (isNarrowest && (!limited || first.isOrdered)) return first;
    const shortest = cheapest(narrowing, (path) => path.mostRows);
    if (shortest.mostRows <= LEAST_COUNT) return shortest;
    return limited && query.size === undefined ? ranked[0] : undefined;
  }

  public *counted(): Generator<CountQuestion<Index>, RowPath<Index>, readonly number[]> {
    const { ranked, narrowing, limited } = this;
    const { wanted, size = Number.POSITIVE_INFINITY } = this.query;
    const enough = limited
      ? Math.max(LEAST_COUNT, Math.ceil(Math.sqrt(wanted * size)))
      : MOST_COUNT;
    const paths = distinct(narrowing);
    const counts = yield { paths, most: enough + 1 };
    // Where no stretch is short, the first of the ranking wins.
    return cheapest(ranked, (path) => {
      const counted = counts[paths.findIndex((other) => isSame(other, path))] ?? size;
      return counted > enough ? size : counted;
    });
  }

  /** Which paths might be shorter than the reading along `path` that is to come. */
  public rivalsOf(path: RowPath<Index>): readonly PathWithRest<Index>[] {
    if (!this.limited || this.query.size !== undefined) return [];
    if (path.mostRows <= LEAST_COUNT || (path.isOrdered && this.restOn(path) === undefined)) {
      return [];
    }
    return distinct(this.narrowing)
      .filter((rival) => !(isWithin(path, rival) && path.ordered >= rival.ordered))
      .map((rival) => ({ path: rival, rest: this.restOn(rival) }));
  }

  /** What remains to be checked of each row on a path. */
  public restOn({ covered }: RowPath<Index>): Predicate | undefined {
    const left = this.conditions.parts.filter(
      ({ column }) => column === undefined || !covered.has(column),
    );
    if (left.length === 0) return undefined;
    return combine(
      "and",
      left.map(({ predicate }) => predicate),
    );
  }
}

function hasOrder<Index extends IndexColumns>(path: RowPath<Index>): boolean {
  return path.ordered > 0 || path.isOrdered;
}

/** Whether all rows on `path` are on `other`, as far as the conditions tell. */
function isWithin<Index extends IndexColumns>(
  path: RowPath<Index>,
  other: RowPath<Index>,
): boolean {
  if (path === other) return true;
  return other.covered.size > 0 && [...other.covered].every((name) => path.covered.has(name));
}

/** Whether two paths have the same rows, in whatever order. */
function isSame<Index extends IndexColumns>(a: RowPath<Index>, b: RowPath<Index>): boolean {
  return a === b || (isWithin(a, b) && isWithin(b, a));
}

/** The first of all paths that have the same rows. */
function distinct<Index extends IndexColumns>(
  paths: readonly RowPath<Index>[],
): readonly RowPath<Index>[] {
  return paths.filter((path, at) => paths.findIndex((other) => isSame(other, path)) === at);
}

/** For a few rows of many: the path that has most of the order, then the one that narrows most. */
const byOrder = <Index extends IndexColumns>(a: RowPath<Index>, b: RowPath<Index>): number =>
  b.ordered - a.ordered || b.selectivity - a.selectivity;

/** For all rows: the path that narrows most, then the one that has most of the order. */
const bySelectivity = <Index extends IndexColumns>(a: RowPath<Index>, b: RowPath<Index>): number =>
  b.selectivity - a.selectivity || b.ordered - a.ordered;

/** The first path of the lowest cost. */
function cheapest<Index extends IndexColumns>(
  paths: readonly RowPath<Index>[],
  costOf: (path: RowPath<Index>) => number,
): RowPath<Index> {
  let chosen = paths[0] as RowPath<Index>;
  let lowest = Number.POSITIVE_INFINITY;
  for (const path of paths) {
    const cost = costOf(path);
    if (cost >= lowest) continue;
    chosen = path;
    lowest = cost;
  }
  return chosen;
}
