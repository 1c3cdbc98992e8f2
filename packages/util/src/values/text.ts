import { StorageValidationError } from "../errors/StorageValidationError.ts";

interface WellFormedness {
  isWellFormed?: () => boolean;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** Whether databases keep the string as it is: no NUL, no surrogate without its other half. */
export function isStorableText(text: string): boolean {
  if (text.includes("\0")) return false;
  const { isWellFormed } = text as WellFormedness;
  return isWellFormed === undefined ? !LONE_SURROGATE.test(text) : isWellFormed.call(text);
}

/**
 * Passes a string that every backend can keep.
 *
 * @param where names the value in the error; the string itself never appears in it
 * @throws StorageValidationError for NUL and for lone surrogates
 */
export function checkText(text: string, where: string): void {
  if (!isStorableText(text)) throw new StorageValidationError(`${where} ${describeFlaw(text)}`);
}

/** Says why a string that is not storable is not. */
export function describeFlaw(text: string): string {
  return text.includes("\0")
    ? "holds a NUL character, which databases cannot keep"
    : "holds a lone surrogate, which is no Unicode text";
}

const FIRST_SURROGATE = 0xd800;
const FIRST_LOW_SURROGATE = 0xdc00;
const AFTER_SURROGATES = 0xe000;
const LAST_CODE_POINT = 0x10ffff;

/**
 * Orders strings by Unicode code point, as databases do: negative, 0 or positive. JavaScript's own
 * order is by UTF-16 unit and puts U+E000 to U+FFFF behind all that takes two units.
 */
export function compareCodePoints(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const unitA = a.charCodeAt(index);
    const unitB = b.charCodeAt(index);
    if (unitA !== unitB) {
      return unitA < FIRST_SURROGATE || unitB < FIRST_SURROGATE
        ? unitA - unitB
        : compareAt(a, b, index);
    }
  }
  return a.length - b.length;
}

/** Compares where the units at `index` differ, as halves of a pair perhaps. */
function compareAt(a: string, b: string, index: number): number {
  const before = index > 0 ? a.charCodeAt(index - 1) : 0;
  if (before >= FIRST_SURROGATE && before < FIRST_LOW_SURROGATE) {
    const difference = codePointAt(a, index - 1) - codePointAt(b, index - 1);
    if (difference !== 0) return difference;
  }
  return codePointAt(a, index) - codePointAt(b, index);
}

function codePointAt(text: string, index: number): number {
  return text.codePointAt(index) as number;
}

/** Length in bytes of the string as UTF-8; a lone surrogate counts three. */
export function utf8ByteLength(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else bytes += 2;
    if (unit >= FIRST_SURROGATE && unit < FIRST_LOW_SURROGATE && isLowSurrogate(text, index + 1)) {
      // A pair is four bytes in all: its two units, and the two just added.
      index++;
    }
  }
  return bytes;
}

function isLowSurrogate(text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  return unit >= FIRST_LOW_SURROGATE && unit < AFTER_SURROGATES;
}

/**
 * The smallest string above every string that starts with `prefix`, in the order of
 * `compareCodePoints`: the open end of a range scan. `undefined` where there is none, which is
 * where the prefix is empty or nothing but U+10FFFF.
 */
export function nextPrefix(prefix: string): string | undefined {
  let end = prefix.length;
  while (end > 0) {
    const start = isLowSurrogate(prefix, end - 1) && end > 1 ? end - 2 : end - 1;
    const last = codePointAt(prefix, start);
    if (last < LAST_CODE_POINT) {
      const next = last + 1 === FIRST_SURROGATE ? AFTER_SURROGATES : last + 1;
      return prefix.slice(0, start) + String.fromCodePoint(next);
    }
    end = start;
  }
  return undefined;
}
