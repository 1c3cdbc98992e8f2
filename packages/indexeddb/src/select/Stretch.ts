import type { CanonicalValue } from "@workglow/storage";
import { type RowPath, UnionPath } from "@workglow/storage/paths";
import type { RowOrder } from "../records/RecordCodec.ts";
import type { TableRead } from "./TableRead.ts";

/** A stretch of one order, to be read in one direction. */
export interface Stretch {
  readonly order: RowOrder;
  /** `undefined` for all of it. */
  readonly range: IDBKeyRange | undefined;
  readonly descending: boolean;
  /** Whether it holds one row at most. */
  readonly single: boolean;
}

/**
 * The stretches of a path in the order in which they are to be read. Those of a union may have rows
 * in common.
 *
 * @param after where to start, one value for each column of the query's whole order
 */
export function stretchesOf(
  path: RowPath<RowOrder>,
  after: readonly CanonicalValue[] | undefined,
): readonly Stretch[] {
  if (path instanceof UnionPath) return path.paths.flatMap((part) => stretchesOf(part, undefined));
  const { index: order } = path;
  // A direction that nobody sees is the faster one.
  const descending = path.descending && path.ordered > 0;
  const ranges = path.rangesAfter(after);
  return ranges.map((range) => ({
    order,
    range: order.codec.rangeOf(range),
    descending,
    single: range.entry !== undefined,
  }));
}

/** The store or index that has an order. */
export function sourceOf({ store }: TableRead, { index }: RowOrder): IDBObjectStore | IDBIndex {
  return index === undefined ? store : store.index(index);
}
