import { compareCodePoints } from "@workglow/util";
import type { CanonicalValue } from "./schema/canonicalValue.ts";

/**
 * The order of one column's values on every backend: null and absent first, false before true,
 * numbers by value, strings by code point, bytes one by one. Negative, 0 or positive.
 */
export function compareValues(
  a: CanonicalValue | undefined,
  b: CanonicalValue | undefined,
): number {
  if (a === b) return 0;
  if (typeof a === "string" && typeof b === "string") return compareCodePoints(a, b);
  if (a === null || a === undefined) return b === null || b === undefined ? 0 : -1;
  if (b === null || b === undefined) return 1;
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b);
  return a < b ? -1 : 1;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const difference = (a[at] as number) - (b[at] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
