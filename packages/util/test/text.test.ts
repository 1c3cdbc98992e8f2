import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  checkText,
  compareCodePoints,
  nextPrefix,
  StorageValidationError,
  utf8ByteLength,
} from "../src/index.ts";
import { isStorableText } from "../src/values/text.ts";

const anyText = fc.string({ unit: "binary" });
/** The places where orders differ: around the surrogates and at the ends. */
const edgeUnit = fc.constantFrom(
  ..."a\u0001\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff",
  "\u{10000}",
  "\u{10001}",
  "\u{1f600}",
  "\u{10ffff}",
);
const edgeText = fc.string({ unit: edgeUnit, maxLength: 6 });
const text = fc.oneof(anyText, edgeText);
const unitText = fc
  .array(fc.constantFrom(0x61, 0xd800, 0xd801, 0xdbff, 0xdc00, 0xdfff, 0xe000), { maxLength: 6 })
  .map((units) => String.fromCharCode(...units));

function codePointsOf(value: string): number[] {
  return Array.from(value, (character) => character.codePointAt(0) as number);
}

function naiveOrder(a: string, b: string): number {
  const [left, right] = [codePointsOf(a), codePointsOf(b)];
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    if (left[index] !== right[index]) return left[index]! < right[index]! ? -1 : 1;
  }
  return Math.sign(left.length - right.length);
}

describe("compareCodePoints", () => {
  test("orders as a comparison code point by code point does", () => {
    fc.assert(
      fc.property(text, text, text, (prefix, a, b) => {
        expect(Math.sign(compareCodePoints(a, b))).toBe(naiveOrder(a, b));
        expect(Math.sign(compareCodePoints(prefix + a, prefix + b))).toBe(naiveOrder(a, b));
      }),
      { numRuns: 2000 },
    );
  });

  test("orders text with lone surrogates by code point as well", () => {
    fc.assert(
      fc.property(unitText, unitText, (a, b) => {
        expect(Math.sign(compareCodePoints(a, b))).toBe(naiveOrder(a, b));
      }),
      { numRuns: 5000 },
    );
  });

  test("orders as UTF-8 bytes do", () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareCodePoints(a, b))).toBe(
          Buffer.compare(Buffer.from(a), Buffer.from(b)),
        );
      }),
    );
  });

  test("puts emoji behind U+FFFF, which JavaScript's own order does not", () => {
    const sorted = ["\u{1f600}", "\uffff", "a", "", "ab", "\ue000"].sort(compareCodePoints);
    expect(sorted).toEqual(["", "a", "ab", "\ue000", "\uffff", "\u{1f600}"]);
    expect("\u{1f600}" < "\uffff").toBe(true);
  });
});

describe("nextPrefix", () => {
  test("is above all strings with the prefix and below or at all others above it", () => {
    fc.assert(
      fc.property(text, text, text, (prefix, rest, other) => {
        const next = nextPrefix(prefix);
        if (next === undefined) {
          expect(codePointsOf(prefix).every((point) => point === 0x10ffff)).toBe(true);
          return;
        }
        expect(compareCodePoints(prefix + rest, next)).toBeLessThan(0);
        const above = compareCodePoints(other, prefix) > 0 && !other.startsWith(prefix);
        if (above) expect(compareCodePoints(other, next)).toBeGreaterThanOrEqual(0);
        expect(isStorableText(next.replaceAll("\0", ""))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ["users", "usert"],
    ["a\u{10ffff}", "b"],
    ["a\u{10ffff}\u{10ffff}", "b"],
    ["\ud7ff", "\ue000"],
    ["\uffff", "\u{10000}"],
    ["x\u{1f600}", "x\u{1f601}"],
    ["\0", "\u0001"],
  ])("of %j is %j", (prefix, next) => {
    expect(nextPrefix(prefix)).toBe(next);
  });

  test("does not exist for no prefix, nor for the last code points", () => {
    expect(nextPrefix("")).toBeUndefined();
    expect(nextPrefix("\u{10ffff}")).toBeUndefined();
    expect(nextPrefix("\u{10ffff}\u{10ffff}")).toBeUndefined();
  });
});

describe("utf8ByteLength", () => {
  test("counts as an encoder does", () => {
    fc.assert(
      fc.property(fc.oneof(text, unitText), (value) => {
        expect(utf8ByteLength(value)).toBe(new TextEncoder().encode(value).length);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("checkText", () => {
  test("passes all Unicode text but NUL", () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(() => checkText(value.replaceAll("\0", ""), "name")).not.toThrow();
      }),
    );
  });

  test.each([
    ["a\0b", /^name holds a NUL/],
    ["\ud800", /^name holds a lone surrogate/],
    ["a\udc00b", /^name holds a lone surrogate/],
    ["\ude00\ud83d", /^name holds a lone surrogate/],
  ])("refuses %j", (value, message) => {
    expect(() => checkText(value, "name")).toThrow(StorageValidationError);
    expect(() => checkText(value, "name")).toThrow(message);
  });

  test("finds lone surrogates where the runtime has no isWellFormed", () => {
    const { isWellFormed } = String.prototype as { isWellFormed?: () => boolean };
    Reflect.deleteProperty(String.prototype, "isWellFormed");
    try {
      expect(isStorableText("ok \u{1f600}")).toBe(true);
      expect(isStorableText("\ud83d")).toBe(false);
    } finally {
      Object.defineProperty(String.prototype, "isWellFormed", {
        value: isWellFormed,
        configurable: true,
        writable: true,
      });
    }
  });
});
