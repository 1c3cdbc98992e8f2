import type { RowPath } from "../paths/RowPath.ts";
import { UnionPath } from "../paths/UnionPath.ts";
import type { CanonicalValue } from "../schema/canonicalValue.ts";
import type { Row } from "../schema/TableSchema.ts";
import type { OrderedIndex } from "./OrderedIndex.ts";

/**
 * Calls `visit` for each row on a path until it gives false; gives whether it did not.
 *
 * @param after where to start, one value for each column of the whole order. Where the path has
 * only a part of the order, some rows before that come along.
 */
export function walkPath(
  path: RowPath<OrderedIndex>,
  after: readonly CanonicalValue[] | undefined,
  visit: (row: Row) => boolean,
): boolean {
  if (path instanceof UnionPath) return walkUnion(path, visit);
  const { index, descending } = path;
  for (const range of path.rangesAfter(after)) {
    if (!index.walk(range, descending, visit)) return false;
  }
  return true;
}

/** The number of rows on a path, counted up to `most`; rows on two paths of a union count twice. */
export function countPath(path: RowPath<OrderedIndex>, most: number): number {
  let count = 0;
  if (path instanceof UnionPath) {
    for (const part of path.paths) if (count < most) count += countPath(part, most - count);
    return count;
  }
  for (const range of path.ranges) {
    if (!path.index.walk(range, false, () => ++count < most)) break;
  }
  return count;
}

function walkUnion(path: UnionPath<OrderedIndex>, visit: (row: Row) => boolean): boolean {
  const seen = new Set<Row>();
  const visitOnce = (row: Row): boolean => {
    if (seen.has(row)) return true;
    seen.add(row);
    return visit(row);
  };
  return path.paths.every((part) => walkPath(part, undefined, visitOnce));
}
