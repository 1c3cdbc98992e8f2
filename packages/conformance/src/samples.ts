/** Texts in code point order, each of which some naive comparison puts elsewhere. */
export const TEXTS_BY_CODE_POINT: readonly string[] = [
  "",
  " ",
  "!",
  "%",
  "'",
  "0",
  "10",
  "2",
  "A",
  "Z",
  "Zebra",
  "_",
  "a",
  "a b",
  "aa",
  "ab",
  "b",
  "z",
  "~",
  "\u00e4",
  "\u00e9",
  "\u00e9x",
  "\u0436",
  "\u4e2d",
  "\ud7ff",
  "\ue000",
  "\ufb01",
  "\uffee",
  "\ufffd",
  "\uffff",
  "\u{10000}",
  "\u{1f600}",
  "\u{1f600}a",
  "\u{10ffff}",
];

/** Texts that break careless quoting, patterns and object keys. */
export const HOSTILE_TEXTS: readonly string[] = [
  "'; DROP TABLE x; --",
  '" OR 1=1 --',
  "\\",
  "\\'",
  "%",
  "_",
  "%_%",
  "[a-z]*",
  "$1",
  "?",
  ":name",
  "@name",
  "{}",
  "null",
  "undefined",
  "NaN",
  "true",
  "456",
  "1e400",
  " leading and trailing ",
  "line\nbreak\r\n\ttab",
  "\u0001\u001f\u007f",
  "\u202e\u200b\ufeff",
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "2024-01-01",
];

/** What no database keeps as it is. */
export const UNSTORABLE_TEXTS: readonly string[] = [
  "a\0b",
  "\0",
  "\ud800",
  "x\udc00y",
  "\udc00\ud800",
];

/** An object with an own property `__proto__`, as `JSON.parse` makes it. */
function withProtoKey(): Record<string, unknown> {
  return JSON.parse('{"__proto__":{"polluted":true},"constructor":1,"toString":"text"}') as Record<
    string,
    unknown
  >;
}

/** JSON values that are to come back as they were. */
export function jsonValues(): readonly unknown[] {
  return [
    null,
    true,
    false,
    0,
    1,
    -1,
    0.1,
    1e21,
    5e-324,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
    Number.MAX_VALUE,
    "",
    "text",
    ...HOSTILE_TEXTS,
    ...TEXTS_BY_CODE_POINT,
    [],
    [[]],
    [null, [null]],
    {},
    { a: {} },
    { "": 1 },
    { b: 1, a: 2 },
    { "key with \"quotes\" and 'more'": ["\u{1f600}"] },
    { deep: { deeper: [{ deepest: [1, "2", null, true, { x: 1.5 }] }] } },
    withProtoKey(),
    { nested: withProtoKey() },
  ];
}

/** What is no JSON. Each is made anew, as rings and classes have identity. */
export function nonJsonValues(): readonly (readonly [what: string, value: unknown])[] {
  const ring: Record<string, unknown> = {};
  ring.self = ring;
  return [
    ["a function", () => 1],
    ["a symbol", Symbol("s")],
    ["a bigint", 1n],
    ["NaN", Number.NaN],
    ["Infinity", Number.POSITIVE_INFINITY],
    ["-Infinity", Number.NEGATIVE_INFINITY],
    ["a Date", new Date(0)],
    ["a Map", new Map([[1, 2]])],
    ["a Set", new Set([1])],
    ["a RegExp", /x/],
    [
      "an instance of a class",
      new (class Point {
        public x = 1;
      })(),
    ],
    ["a ring", ring],
    ["a text with NUL", "a\0b"],
    ["a lone surrogate", "\ud800"],
  ];
}

/** A generator of numbers in [0, 1) that gives the same ones for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
