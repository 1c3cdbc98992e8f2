import {
  type CanonicalValue,
  canonicalDateTime,
  cell,
  compareValues,
  compilePrefixes,
  type Row,
  TableSchema,
} from "@workglow/storage";
import { compareTuples, afterAll as endOf, beforeAll as startOf } from "@workglow/storage/paths";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EntryCodec } from "../../src/records/EntryCodec.ts";

const table = new TableSchema(
  {
    type: "object",
    properties: {
      text: { type: "string" },
      number: { type: "number" },
      integer: { type: "integer" },
      int64: { type: "integer", format: "int64" },
      flag: { type: "boolean" },
      at: { type: "string", format: "date-time" },
      blob: { type: "string", contentEncoding: "blob" },
    },
    required: ["text"],
    additionalProperties: false,
  },
  ["text"],
);

/** Units at all the places where the order by unit and the order by code point part. */
const character = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("a", "b", "é", "\u0001", "\uD7FF", "\uE000", "\uFFFD") },
  {
    weight: 3,
    arbitrary: fc.constantFrom("\uFFFF", "\u{10000}", "\u{10FFFF}", "😀", "🧭", "\uF800"),
  },
  { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 1 }) },
);
const text = fc.array(character, { maxLength: 4 }).map((parts) => parts.join(""));

const values: Readonly<Record<string, fc.Arbitrary<CanonicalValue>>> = {
  text,
  number: fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (n === 0 ? 0 : n)),
    fc.constantFrom(0, Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE, -Number.MIN_VALUE),
  ),
  integer: fc.oneof(
    fc.maxSafeInteger().map((n) => (n === 0 ? 0 : n)),
    fc.constantFrom(0, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER),
  ),
  int64: fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.constantFrom(0n, -1n, 1n, -(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n, 2n ** 53n + 1n),
  ),
  flag: fc.boolean(),
  at: fc.oneof(
    fc
      .date({
        min: new Date("0001-01-01T00:00:00.000Z"),
        max: new Date("9999-12-31T23:59:59.999Z"),
        noInvalidDate: true,
      })
      .map((date) => canonicalDateTime(date, "at")),
    fc.constantFrom(
      "0001-01-01T00:00:00.000Z",
      "0099-12-31T23:59:59.999Z",
      "1970-01-01T00:00:00.000Z",
      "9999-12-31T23:59:59.999Z",
    ),
  ),
  blob: fc.uint8Array({ maxLength: 4 }),
};

const nullable = (name: string): fc.Arbitrary<CanonicalValue> =>
  fc.oneof(
    { weight: 1, arbitrary: fc.constant(null) },
    { weight: 9, arbitrary: values[name] as fc.Arbitrary<CanonicalValue> },
  );

const compareEntries = (a: IDBValidKey, b: IDBValidKey): number => indexedDB.cmp(a, b);

const rowOf = (names: readonly string[], given: readonly CanonicalValue[]): Row =>
  Object.fromEntries(names.map((name, at) => [name, given[at] as CanonicalValue]));

describe.each(Object.keys(values))("entries of a column %s", (name) => {
  const column = table.column(name);
  const bare = new EntryCodec([column], [], true);
  const listed = new EntryCodec([column], [], false);

  it("are ordered as its values are", () => {
    fc.assert(
      fc.property(nullable(name), nullable(name), (a, b) => {
        const expected = Math.sign(compareValues(a, b));
        for (const codec of [bare, listed]) {
          const [left, right] = [codec.entryOf({ [name]: a }), codec.entryOf({ [name]: b })];
          expect(compareEntries(left, right)).toBe(expected);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("give their values back", () => {
    fc.assert(
      fc.property(nullable(name), (value) => {
        for (const codec of [bare, listed]) {
          const stored = structuredClone(codec.entryOf({ [name]: value }));
          const decoded = cell(codec.valuesOf(keyAsGivenBack(stored)), column);
          expect(compareValues(decoded, value)).toBe(0);
        }
      }),
    );
  });

  it("hold null for an absent value", () => {
    expect(bare.entryOf({})).toEqual(bare.entryOf({ [name]: null }));
  });
});

/** A key goes through IndexedDB, which gives bytes back as buffers. */
function keyAsGivenBack(key: IDBValidKey): IDBValidKey {
  return IDBKeyRange.only(key).lower as IDBValidKey;
}

describe("entries of several columns", () => {
  const names = ["text", "at", "int64", "number"];
  const columns = names.map((name) => table.column(name));
  const prefixes = compilePrefixes(
    {
      prefixes: [
        { name: "tenant", type: "uuid" },
        { name: "project", type: "number" },
      ],
      prefixValues: { tenant: "\u{1F600}\uE000", project: 7 },
    },
    () => false,
  );
  const tuple = fc.tuple(...names.map(nullable));

  it.each([
    ["without prefixes", new EntryCodec(columns, [], true)],
    ["with prefixes", new EntryCodec(columns, prefixes, true)],
  ])("are ordered as the lists of values are, %s", (_, codec) => {
    fc.assert(
      fc.property(tuple, tuple, (a, b) => {
        const found = compareEntries(
          codec.entryOf(rowOf(names, a)),
          codec.entryOf(rowOf(names, b)),
        );
        expect(found).toBe(Math.sign(compareTuples(a, b)));
        expect(codec.valuesOf(codec.entryOf(rowOf(names, a)))).toEqual(rowOf(names, a));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ["of a single column", new EntryCodec([table.column("text")], [], true), ["text"]],
    [
      "of a single column with prefixes",
      new EntryCodec([table.column("text")], prefixes, true),
      ["text"],
    ],
    ["of a single column in an index", new EntryCodec([table.column("text")], [], false), ["text"]],
    ["of several columns", new EntryCodec(columns, [], true), names],
    ["of several columns with prefixes", new EntryCodec(columns, prefixes, false), names],
  ])("lie in a range where the list of values lies between its ends, %s", (_, codec, held) => {
    const values = fc.tuple(...held.map(nullable));
    const position = fc
      .tuple(values, fc.nat({ max: held.length }), fc.boolean())
      .map(([all, length, isBehind]) => (isBehind ? endOf : startOf)(all.slice(0, length)));
    fc.assert(
      fc.property(position, position, fc.array(values, { maxLength: 20 }), (from, to, lists) => {
        fc.pre(compareTuples(from, to) < 0);
        const range = codec.rangeOf({ from, to });
        for (const list of lists) {
          const isInside = compareTuples(from, list) <= 0 && compareTuples(list, to) <= 0;
          const entry = codec.entryOf(rowOf(held, list));
          expect(range === undefined || range.includes(entry)).toBe(isInside);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("of another tenant are in no range", () => {
    const others = compilePrefixes(
      {
        prefixes: [{ name: "tenant", type: "uuid" }],
        prefixValues: { tenant: "users2" },
      },
      () => false,
    );
    const ours = compilePrefixes(
      { prefixes: [{ name: "tenant", type: "uuid" }], prefixValues: { tenant: "users" } },
      () => false,
    );
    const codec = new EntryCodec(columns, ours, true);
    const all = codec.rangeOf({ from: startOf([]), to: endOf([]) });
    fc.assert(
      fc.property(tuple, (list) => {
        const row = rowOf(names, list);
        expect(all?.includes(codec.entryOf(row))).toBe(true);
        expect(all?.includes(new EntryCodec(columns, others, true).entryOf(row))).toBe(false);
      }),
    );
  });

  it("go on behind an entry, and end at it", () => {
    const codec = new EntryCodec([table.column("integer")], [], true);
    const upTo5 = codec.rangeOf({ from: startOf([1]), to: endOf([5]) });
    expect(codec.rangeBehind(5, upTo5, false)).toBeUndefined();
    expect(codec.rangeBehind(1, upTo5, true)).toBeUndefined();
    const ascending = codec.rangeBehind(3, upTo5, false);
    expect([3, 4, 5, 6].map((n) => ascending?.includes(n))).toEqual([false, true, true, false]);
    const descending = codec.rangeBehind(3, upTo5, true);
    expect([0, 1, 2, 3].map((n) => descending?.includes(n))).toEqual([false, true, true, false]);
    const from = codec.rangeFrom(3, upTo5, false);
    expect([2, 3, 5, 6].map((n) => from?.includes(n))).toEqual([false, true, true, false]);
  });
});
