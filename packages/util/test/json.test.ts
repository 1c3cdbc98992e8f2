import assert from "node:assert";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson, copyJson, type JsonValue, StorageValidationError } from "../src/index.ts";

// Keys and strings that stores can keep, with the troublesome names among the keys.
const cleanText = fc.string({ unit: "binary" }).map((value) => value.replaceAll("\0", "0"));
const key = fc.oneof(cleanText, fc.constantFrom("__proto__", "constructor", "toString", "0", "a"));
const json = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    cleanText,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 4 }),
    fc
      .array(fc.tuple(key, tie("value")), { maxLength: 4 })
      .map((entries) => Object.fromEntries(entries) as JsonValue),
  ),
})).value;

function nested(depth: number, make: (inner: unknown) => unknown): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = make(value);
  return value;
}

const ring: Record<string, unknown> = {};
ring.self = ring;

const refused: readonly (readonly [string, unknown, RegExp])[] = [
  ["undefined", undefined, /^row is undefined$/],
  ["undefined in an array", { a: [1, undefined] }, /^row\.a\[1\] is undefined$/],
  ["a hole in an array", new Array(1), /^row\[0\] is undefined$/],
  ["NaN", { a: { b: Number.NaN } }, /^row\.a\.b is NaN/],
  ["infinity", [Number.POSITIVE_INFINITY], /^row\[0\] is Infinity/],
  ["negative infinity", Number.NEGATIVE_INFINITY, /^row is -Infinity/],
  ["a function", { f: () => 1 }, /^row\.f is a function/],
  ["a symbol", { s: Symbol("x") }, /^row\.s is a symbol/],
  ["a bigint", { n: 1n }, /^row\.n is a bigint/],
  ["a Date", { at: new Date(0) }, /^row\.at is a Date/],
  ["a Map", { m: new Map() }, /^row\.m is a Map/],
  ["a typed array", { v: new Float32Array(1) }, /^row\.v is a Float32Array/],
  ["an instance", { "odd key": new (class Thing {})() }, /^row\["odd key"\] is a Thing/],
  ["an instance without a name", Object.create({ a: 1 }), /^row is a Object|^row is a class/],
  ["a boxed string", { b: Object("x") }, /^row\.b is a String/],
  ["a ring", ring, /^row is nested too deeply, or in a ring$/],
  ["deep objects", nested(1001, (inner) => ({ inner })), /^row is nested too deeply/],
  ["deep arrays", nested(100_000, (inner) => [inner]), /^row is nested too deeply/],
];

const refusedText: readonly (readonly [string, unknown, RegExp])[] = [
  ["NUL", { a: "x\0" }, /^row\.a holds a NUL/],
  ["a lone surrogate", ["\ud800"], /^row\[0\] holds a lone surrogate/],
  ["NUL in a key", { "k\0": 1 }, /^row\["k\\u0000"\] is a key that holds a NUL/],
  ["a lone surrogate in a key", { a: { "\udc00": 1 } }, /is a key that holds a lone surrogate/],
];

describe("copyJson", () => {
  test("gives an equal value that shares nothing with the given one", () => {
    fc.assert(
      fc.property(json, (value) => {
        const before = JSON.stringify(value);
        const copied = copyJson(value, "value");
        expect(JSON.stringify(copied)).toBe(before);
        expect(JSON.stringify(value)).toBe(before);
        expectNothingShared(value, copied);
      }),
      { numRuns: 1000 },
    );
  });

  test.each([...refused, ...refusedText])(
    "refuses %s, naming the place",
    (_name, value, message) => {
      expect(() => copyJson(value, "row")).toThrow(StorageValidationError);
      expect(() => copyJson(value, "row")).toThrow(message);
    },
  );

  test("turns -0 into 0 and leaves undefined properties out", () => {
    const copied = copyJson({ zero: -0, list: [-0], gone: undefined, kept: null }, "row");
    expect(copied).toStrictEqual({ zero: 0, list: [0], kept: null });
    expect(Object.is((copied as { zero: number }).zero, 0)).toBe(true);
  });

  test("keeps a key __proto__ as a key, and no prototype changes", () => {
    const hostile = JSON.parse('{"__proto__":{"admin":true},"a":{"__proto__":1}}');
    const copied = copyJson(hostile, "row") as Record<string, unknown>;
    expect(Object.keys(copied)).toEqual(["__proto__", "a"]);
    expect(Object.getPrototypeOf(copied)).toBe(Object.prototype);
    expect(copied.admin).toBeUndefined();
    expect(JSON.stringify(copied)).toBe('{"__proto__":{"admin":true},"a":{"__proto__":1}}');
  });

  test("takes literals without a prototype and from other realms", () => {
    expect(copyJson(Object.assign(Object.create(null), { a: 1 }), "row")).toStrictEqual({ a: 1 });
    expect(copyJson(runInNewContext("({ a: [1, { b: 2 }] })"), "row")).toEqual({
      a: [1, { b: 2 }],
    });
    expect(() => copyJson(runInNewContext("new Date(0)"), "row")).toThrow(/is a Date/);
  });

  test("does not copy what is only inherited", () => {
    Object.defineProperty(Object.prototype, "polluted", {
      value: 1,
      enumerable: true,
      configurable: true,
      writable: true,
    });
    try {
      expect(Object.keys(copyJson({ a: 1 }, "row") as object)).toEqual(["a"]);
    } finally {
      Reflect.deleteProperty(Object.prototype, "polluted");
    }
  });

  test("goes 1000 levels deep", () => {
    const deep = nested(1000, (inner) => [inner]);
    expect(JSON.stringify(copyJson(deep, "row"))).toBe(JSON.stringify(deep));
  });

  test("never repeats a refused value in the message", () => {
    expect(() => copyJson({ password: "hunter2\0" }, "row")).toThrow(/^(?!.*hunter2)/);
  });
});

describe("canonicalJson", () => {
  test("is the same text for the same value, whatever the order of its keys", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalJson(reorder(value))).toBe(canonicalJson(value));
        expect(canonicalJson(copyJson(value, "value"))).toBe(canonicalJson(value));
      }),
      { numRuns: 1000 },
    );
  });

  test("can be parsed back to the value, so that no two values share a text", () => {
    fc.assert(
      fc.property(json, (value) => {
        assert.deepStrictEqual(JSON.parse(canonicalJson(value)), copyJson(value, "value"));
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    [1, "1"],
    [null, {}],
    [{ a: null }, {}],
    [[], {}],
    [{ 0: "a" }, ["a"]],
    [["a,b"], ["a", "b"]],
    [{ a: { b: 1 } }, { "a.b": 1 }],
    ["true", true],
    ["null", null],
    [[[1], 2], [[1, 2]]],
    ["\ud800", "\\ud800"],
    [JSON.parse('{"__proto__":1}'), {}],
  ])("tells %j from %j", (a, b) => {
    expect(canonicalJson(a)).not.toBe(canonicalJson(b));
  });

  test("takes -0 for 0 and an undefined property for none", () => {
    expect(canonicalJson({ b: -0, a: undefined })).toBe('{"b":0}');
  });

  test.each(refused)("refuses %s", (_name, value) => {
    expect(() => canonicalJson(value)).toThrow(StorageValidationError);
  });
});

function reorder(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(reorder);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, inner]) => [name, reorder(inner)] as const);
  return Object.fromEntries(entries.reverse()) as JsonValue;
}

function expectNothingShared(a: unknown, b: unknown): void {
  if (typeof a !== "object" || a === null) return;
  expect(a).not.toBe(b);
  for (const name of Object.keys(a)) {
    expectNothingShared(Reflect.get(a, name), Reflect.get(b as object, name));
  }
}
