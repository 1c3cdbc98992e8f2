import type { SqlParam } from "./SqlExecutor.ts";

/** How much one part may hold. */
export interface PartLimits {
  readonly count: number;
  /** In UTF-16 units and bytes of the values. */
  readonly size: number;
}

/** Cuts a list where a statement with the parameters of all of a part would grow too large. */
export function* inParts<T>(
  items: Iterable<T>,
  paramsOf: (item: T) => readonly SqlParam[],
  { count, size }: PartLimits,
): Generator<readonly T[]> {
  let part: T[] = [];
  let taken = 0;
  for (const item of items) {
    part.push(item);
    for (const value of paramsOf(item)) taken += sizeOf(value);
    if (part.length < count && taken < size) continue;
    yield part;
    part = [];
    taken = 0;
  }
  if (part.length > 0) yield part;
}

function sizeOf(value: SqlParam): number {
  if (typeof value === "string") return value.length;
  return value instanceof Uint8Array ? 2 * value.length : 8;
}
