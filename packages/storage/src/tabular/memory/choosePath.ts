import { combine, type Predicate } from "../Predicate.ts";
import type { OrderColumn } from "../SelectPlan.ts";
import { type FreeOrderColumn, IndexPath, type RowPath } from "./IndexPath.ts";
import { type Conditions, conditionsOf, onlyValue } from "./intervals.ts";
import type { MemoryPartition } from "./MemoryPartition.ts";
import { UnionPath } from "./UnionPath.ts";

/** What is asked of a partition. */
export interface RowQuery {
  readonly where: Predicate | undefined;
  readonly order: readonly OrderColumn[];
  /** How many matching rows are wanted, in this order; may be infinite. */
  readonly wanted: number;
}

export interface ChosenPath {
  readonly path: RowPath;
  /** The order without the columns that have the same value in all rows of the query. */
  readonly order: readonly OrderColumn[];
  /** What remains to be checked of each row on the path. */
  readonly rest: Predicate | undefined;
}

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
export function choosePath(partition: MemoryPartition, query: RowQuery): ChosenPath {
  const conditions = conditionsOf(query.where);
  const order = freeOrder(query.order, conditions);
  const paths = [
    ...partition.indexes.map((index) => new IndexPath(index, conditions.byColumn, order)),
    ...unionPaths(partition, conditions, order.length === 0),
  ];
  const path = best(paths, partition.size, query.wanted, conditions);
  return { path, order, rest: restOn(path, conditions) };
}

function freeOrder(order: readonly OrderColumn[], { byColumn }: Conditions): FreeOrderColumn[] {
  return order
    .map((entry, place) => ({ ...entry, place }))
    .filter(({ column }) => onlyValue(byColumn.get(column.name)) === undefined);
}

/** For each `or` over several columns, the path over the indexes of its alternatives. */
function unionPaths(
  partition: MemoryPartition,
  { parts }: Conditions,
  unordered: boolean,
): UnionPath[] {
  const unions: UnionPath[] = [];
  for (const { column, predicate } of parts) {
    if (column !== undefined || predicate.kind !== "or") continue;
    const paths = predicate.operands.map(
      (where) => choosePath(partition, { where, order: [], wanted: Number.POSITIVE_INFINITY }).path,
    );
    if (paths.every(({ selectivity }) => selectivity > 0))
      unions.push(new UnionPath(paths, unordered));
  }
  return unions;
}

function restOn({ covered }: RowPath, { parts }: Conditions): Predicate | undefined {
  const left = parts.filter(({ column }) => column === undefined || !covered.has(column));
  return left.length === 0
    ? undefined
    : combine(
        "and",
        left.map(({ predicate }) => predicate),
      );
}

function best(
  paths: readonly RowPath[],
  size: number,
  wanted: number,
  conditions: Conditions,
): RowPath {
  const limited = wanted < size;
  const isExact = (path: RowPath): boolean => restOn(path, conditions) === undefined;
  const ranked = paths.toSorted(limited ? byOrder : bySelectivity);
  const narrowing = ranked.filter(({ selectivity }) => selectivity > 0);
  const [first] = narrowing;
  if (first === undefined) return ranked[0] as RowPath;
  if (first.isOrdered && isExact(first)) return first;
  const isNarrowest = narrowing.every((path) => isWithin(first, path));
  if (isNarrowest && (!limited || first.isOrdered)) return first;
  const enough = limited ? Math.max(LEAST_COUNT, Math.ceil(Math.sqrt(wanted * size))) : MOST_COUNT;
  // Where no stretch is short, the first of the ranking wins.
  return cheapest(ranked, (path) => {
    const counted = path.selectivity === 0 ? size : path.count(enough + 1);
    return counted > enough ? size : counted;
  });
}

/** Whether all rows on `path` are on `other`, as far as the conditions tell. */
function isWithin(path: RowPath, other: RowPath): boolean {
  if (path === other) return true;
  return other.covered.size > 0 && [...other.covered].every((name) => path.covered.has(name));
}

/** For a few rows of many: the path that has most of the order, then the one that narrows most. */
const byOrder = (a: RowPath, b: RowPath): number =>
  b.ordered - a.ordered || b.selectivity - a.selectivity;

/** For all rows: the path that narrows most, then the one that has most of the order. */
const bySelectivity = (a: RowPath, b: RowPath): number =>
  b.selectivity - a.selectivity || b.ordered - a.ordered;

/** The first path of the lowest cost. */
function cheapest(paths: readonly RowPath[], costOf: (path: RowPath) => number): RowPath {
  let chosen = paths[0] as RowPath;
  let lowest = Number.POSITIVE_INFINITY;
  for (const path of paths) {
    const cost = costOf(path);
    if (cost >= lowest) continue;
    chosen = path;
    lowest = cost;
  }
  return chosen;
}
