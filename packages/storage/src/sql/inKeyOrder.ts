import type { SqlParam } from "./SqlExecutor.ts";

/**
 * Parameters of rows in one order of their keys, whoever asks: two writers that lock the same rows
 * then do so in the same order, and never wait for each other.
 *
 * @param key which of a row's parameters are its key; `undefined` keeps the order given
 */
export function inKeyOrder<Params extends readonly SqlParam[]>(
  rows: readonly Params[],
  key: readonly number[] | undefined,
): readonly Params[] {
  if (key === undefined) return rows;
  return [...rows].sort((a, b) => {
    for (const at of key) {
      const [left, right] = [a[at] as string, b[at] as string];
      if (left < right) return -1;
      if (left > right) return 1;
    }
    return 0;
  });
}
