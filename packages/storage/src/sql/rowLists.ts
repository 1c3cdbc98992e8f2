import { inParts, type PartLimits } from "./inParts.ts";
import type { SqlValue } from "./SqlExecutor.ts";

/** Enough rows to make the round trips cheap, and few enough for one message. */
const BULK: PartLimits = { count: 20_000, size: 16_000_000 };

/** Cuts the parameters of many rows into parts for one statement each. */
export function rowLists(
  rows: Iterable<readonly SqlValue[]>,
): Generator<readonly (readonly SqlValue[])[]> {
  return inParts(rows, (row) => row, BULK);
}
