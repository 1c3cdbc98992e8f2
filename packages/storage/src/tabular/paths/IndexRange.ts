import { compareValues } from "../compareValues.ts";
import type { CanonicalValue } from "../schema/canonicalValue.ts";

/** Ends a position: before, or after, every entry that begins with the values in front of it. */
const BEFORE: unique symbol = Symbol("before");
const AFTER: unique symbol = Symbol("after");

/**
 * The values of an entry, absent ones as null; or a position between entries: as many values as are
 * of interest and one of the marks above.
 */
export type IndexTuple = readonly (CanonicalValue | typeof BEFORE | typeof AFTER)[];

export const beforeAll = (values: IndexTuple): IndexTuple => [...values, BEFORE];
export const afterAll = (values: IndexTuple): IndexTuple => [...values, AFTER];

/** A position in parts: it lies before or after all entries that begin with `values`. */
export interface PositionParts {
  readonly values: readonly CanonicalValue[];
  readonly after: boolean;
}

/** Takes a position apart, for indexes that have marks of their own. */
export function positionParts(position: IndexTuple): PositionParts {
  return {
    values: position.slice(0, -1) as CanonicalValue[],
    after: position.at(-1) === AFTER,
  };
}

/** A stretch of an index, from one position to another. */
export interface IndexRange {
  readonly from: IndexTuple;
  readonly to: IndexTuple;
  /** The one entry that the stretch can have, if its values are all known. */
  readonly entry?: readonly CanonicalValue[] | undefined;
}

export function compareTuples(a: IndexTuple, b: IndexTuple): number {
  const length = Math.max(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const x = a[at];
    const y = b[at];
    if (x === y) continue;
    if (x === BEFORE || y === AFTER) return -1;
    if (x === AFTER || y === BEFORE) return 1;
    const difference = compareValues(x, y);
    if (difference !== 0) return difference;
  }
  return 0;
}
