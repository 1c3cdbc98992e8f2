import type { SqlValue } from "./SqlExecutor.ts";

/** Rows that one statement takes as lists: enough to make the round trips cheap. */
const MOST_ROWS = 20_000;
/** A list that would be larger, in UTF-16 units and bytes of its values, is cut. */
const MOST_SIZE = 16_000_000;

/** Cuts the parameters of many rows into parts for one statement each. */
export function* rowLists(
  rows: Iterable<readonly SqlValue[]>,
): Generator<readonly (readonly SqlValue[])[]> {
  let list: (readonly SqlValue[])[] = [];
  let size = 0;
  for (const row of rows) {
    list.push(row);
    for (const value of row) size += sizeOf(value);
    if (list.length < MOST_ROWS && size < MOST_SIZE) continue;
    yield list;
    list = [];
    size = 0;
  }
  if (list.length > 0) yield list;
}

function sizeOf(value: SqlValue): number {
  if (typeof value === "string") return value.length;
  return value instanceof Uint8Array ? 2 * value.length : 8;
}
