import { assert, assertEqual, assertInvalid } from "../assert.ts";
import type { Case, TestTabular } from "../harness.ts";
import { float16Arrays } from "../requirements.ts";
import {
  HOSTILE_TEXTS,
  jsonValues,
  nonJsonValues,
  TEXTS_BY_CODE_POINT,
  UNSTORABLE_TEXTS,
} from "../samples.ts";
import { show } from "../show.ts";
import { everyType, nullability } from "./tables.ts";

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** Values of a column that come back as they went in. */
const KEPT: Readonly<Record<string, readonly unknown[]>> = {
  text: ["", ...HOSTILE_TEXTS, ...TEXTS_BY_CODE_POINT],
  number: [0, 1, -1.5, 0.1, 1e300, 5e-324, -Number.MAX_VALUE, Number.MAX_SAFE_INTEGER, 2 ** 53 + 2],
  integer: [0, 1, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  big: [0n, 1n, -1n, 2n ** 53n + 1n, INT64_MAX, INT64_MIN],
  flag: [true, false],
  bytes: [new Uint8Array(0), new Uint8Array([0, 255, 128, 39, 0])],
  list: [[], [1, "2", null, { a: [true] }], [[[]]], [JSON.parse('{"__proto__":1}')]],
  object: jsonValues().filter((v) => typeof v === "object" && v !== null && !Array.isArray(v)),
  vector: [
    new Float32Array([1, -0.5, 3e38]),
    new Float32Array(0),
    new Float32Array([Number.NaN, Number.POSITIVE_INFINITY, -0]),
  ],
};

/** Values that a column does not take. */
function refused(): Readonly<Record<string, readonly unknown[]>> {
  const notJson = nonJsonValues().map(([, value]) => value);
  return {
    text: [1, true, null, {}, ["a"], 1n, new Date(0), new Uint8Array(1), ...UNSTORABLE_TEXTS],
    number: ["1", true, null, Number.NaN, Number.POSITIVE_INFINITY, -Infinity, 1n, {}, []],
    integer: ["1", 1.5, 2 ** 53, -(2 ** 53), Number.NaN, Infinity, 1n, true, null, {}],
    big: [1, "1", INT64_MAX + 1n, INT64_MIN - 1n, 1.5, true, null],
    flag: [0, 1, "true", null, {}, "f"],
    at: DATE_TIMES_REFUSED,
    bytes: ["abc", [1, 2], null, new Uint16Array(1), new ArrayBuffer(1), {}, 1],
    list: [
      ...notJson,
      [() => 1],
      [undefined],
      [[Number.NaN]],
      [new Uint8Array(1)],
      null,
      {},
      "text",
      1,
      true,
    ],
    object: [
      ...notJson,
      null,
      [],
      "text",
      1,
      true,
      { a: { b: Number.NaN } },
      { a: new Date(0) },
      { "a\0": 1 },
    ],
    vector: [[1, 2], "1,2", new Float64Array(1), new Uint8Array(4), null, {}, new ArrayBuffer(4)],
  };
}

/** What goes in, and the one form in which it is kept. */
const DATE_TIMES: readonly (readonly [given: string | Date, kept: string])[] = [
  ["2024-02-29T12:34:56.789Z", "2024-02-29T12:34:56.789Z"],
  ["2024-02-29T12:34:56Z", "2024-02-29T12:34:56.000Z"],
  ["2024-02-29T12:34:56.7Z", "2024-02-29T12:34:56.700Z"],
  ["2024-02-29T12:34:56.789123Z", "2024-02-29T12:34:56.789Z"],
  ["2024-02-29T12:34:56.789+00:00", "2024-02-29T12:34:56.789Z"],
  ["2024-02-29T12:34:56.789+05:30", "2024-02-29T07:04:56.789Z"],
  ["2024-02-29T23:59:59.999-01:00", "2024-03-01T00:59:59.999Z"],
  ["2024-02-29", "2024-02-29T00:00:00.000Z"],
  ["0001-01-01T00:00:00.000Z", "0001-01-01T00:00:00.000Z"],
  ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"],
  ["1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"],
  [new Date(0), "1970-01-01T00:00:00.000Z"],
  [new Date(1_709_210_096_789), "2024-02-29T12:34:56.789Z"],
  [new Date(-62_135_596_800_000), "0001-01-01T00:00:00.000Z"],
];

const DATE_TIMES_REFUSED: readonly unknown[] = [
  "",
  "now",
  "yesterday",
  "2024-13-01T00:00:00Z",
  "2024-00-01T00:00:00Z",
  "2023-02-29T00:00:00Z",
  "2024-02-30T00:00:00Z",
  "2024-01-01T25:00:00Z",
  "2024-01-01T00:60:00Z",
  "2024-01-01T00:00:00Z'; --",
  "0000-01-01T00:00:00Z",
  "0001-01-01T00:00:00+01:00",
  "9999-12-31T23:59:59-01:00",
  "+010000-01-01T00:00:00Z",
  "10000-01-01T00:00:00Z",
  "-000001-01-01T00:00:00Z",
  new Date(Number.NaN),
  new Date(253_402_300_800_000),
  1_709_210_096_789,
  true,
  null,
  {},
];

async function assertKept(table: TestTabular, column: string, value: unknown): Promise<void> {
  const row = { id: "x", [column]: value };
  assertEqual(await table.put(row), row, `what put gave for ${column}`);
  assertEqual(await table.get({ id: "x" }), row, `what get gave for ${column}`);
  assertEqual(await table.getAll(), [row], `what getAll gave for ${column}`);
}

export const valueCases: readonly Case[] = [
  ...Object.entries(KEPT).map(
    ([column, values]): Case => ({
      name: `gives back the values of a ${column} column as they were`,
      run: async (c) => {
        const table = await c.tabular(everyType);
        for (const value of values) await assertKept(table, column, value);
      },
    }),
  ),
  {
    name: "keeps date-times in one form, whatever their spelling",
    run: async (c) => {
      const table = await c.tabular(everyType);
      for (const [given, kept] of DATE_TIMES) {
        const stored = await table.put({ id: "x", at: given });
        assertEqual(stored, { id: "x", at: kept }, `what put gave for ${show(given)}`);
        assertEqual(
          await table.get({ id: "x" }),
          { id: "x", at: kept },
          `what get gave for ${show(given)}`,
        );
        assertEqual(
          await table.count({ at: given as string }),
          1,
          `the rows found by ${show(given)}`,
        );
      }
    },
  },
  {
    name: "gives back a whole row of every type through every reading method",
    run: async (c) => {
      const table = await c.tabular(everyType);
      const row = {
        id: "x",
        text: "t",
        number: 1.5,
        integer: 7,
        big: 2n ** 60n,
        flag: true,
        at: "2024-01-01T00:00:00.000Z",
        bytes: new Uint8Array([1]),
        list: [1],
        object: { a: 1 },
        vector: new Float32Array([1, 2]),
      };
      await table.putBulk([row, { ...row, id: "y" }]);
      assertEqual(await table.get({ id: "x" }), row, "get");
      assertEqual(await table.getMany([{ id: "x" }]), [row], "getMany");
      assertEqual(await table.query({ id: "x" }), [row], "query");
      assertEqual(await table.getBulk(0, 1), [row], "getBulk");
      assertEqual((await table.getPage({ limit: 1 })).items, [row], "getPage");
      for await (const read of table.records()) {
        assertEqual(read, { ...row, id: read.id }, "records");
      }
      assertEqual(await table.update({ id: "x" }, { text: "u" }), { ...row, text: "u" }, "update");
      assertEqual(
        Object.keys((await table.get({ id: "x" })) ?? {}),
        Object.keys(row),
        "the property order",
      );
    },
  },
  {
    name: "turns -0 into 0",
    run: async (c) => {
      const table = await c.tabular(everyType);
      await table.put({ id: "x", number: -0, integer: -0, list: [-0], object: { a: -0 } });
      const kept = { id: "x", number: 0, integer: 0, list: [0], object: { a: 0 } };
      assertEqual(await table.get({ id: "x" }), kept);
      assertEqual(await table.update({ id: "x" }, { number: -0 }), kept);
      assertEqual(await table.count({ number: -0 }), 1, "the rows where number is -0");
    },
  },
  ...[
    "Float16Array",
    "Float32Array",
    "Float64Array",
    "Int8Array",
    "Uint8Array",
    "Int16Array",
    "Uint16Array",
  ].map(
    (name): Case => ({
      name: `gives back a ${name} as one`,
      requires: name === "Float16Array" ? [float16Arrays] : [],
      run: async (c) => {
        const ArrayOf = (globalThis as unknown as Record<string, Float64ArrayConstructor>)[name];
        assert(ArrayOf !== undefined, `this runtime has no ${name}`);
        const properties = {
          id: { type: "string" },
          exact: { type: "array", format: `TypedArray:${name}` },
          any: { type: "array", format: "TypedArray" },
        } as const;
        const schema = { type: "object", properties, required: ["id"] } as const;
        const table = await c.tabular({ schema, primaryKey: ["id"] });
        const whole = new ArrayOf([0, 1, 2, 3, 100]);
        for (const array of [whole, whole.subarray(1, 3), new ArrayOf(0)]) {
          const row = { id: "x", exact: array, any: array };
          const kept = { id: "x", exact: ArrayOf.from(array), any: ArrayOf.from(array) };
          assertEqual(await table.put(row), kept, "what put gave");
          assertEqual(await table.get({ id: "x" }), kept, "what get gave");
        }
      },
    }),
  ),
  {
    name: "refuses values of the wrong type or range in every writing method, and changes nothing",
    timeoutMs: 30_000,
    run: async (c) => {
      const table = await c.tabular(everyType);
      const before = { id: "x", text: "before" };
      await table.put(before);
      for (const [column, values] of Object.entries(refused())) {
        for (const value of values) {
          const what = `${column}: ${show(value)}`;
          const row = { id: "x", [column]: value };
          await assertInvalid(() => table.put(row), `put of ${what}`);
          await assertInvalid(() => table.putBulk([{ id: "y" }, row]), `putBulk of ${what}`);
          await assertInvalid(() => table.insert({ ...row, id: "z" }), `insert of ${what}`);
          await assertInvalid(
            () => table.update({ id: "x" }, { [column]: value }),
            `update of ${what}`,
          );
        }
      }
      assertEqual(await table.getAll(), [before], "the rows");
    },
  },
  {
    name: "refuses rows that are none, lack a column or have one too many",
    run: async (c) => {
      const table = await c.tabular(nullability);
      for (const wrong of [undefined, null, 1, "x", [], [1], () => 1]) {
        await assertInvalid(() => table.put(wrong as never), `put(${show(wrong)})`);
        await assertInvalid(() => table.insert(wrong as never), `insert(${show(wrong)})`);
        await assertInvalid(() => table.putBulk([wrong as never]), `putBulk([${show(wrong)}])`);
      }
      for (const wrong of [undefined, null, 1, "x", { id: "x", nullable: null }]) {
        await assertInvalid(() => table.putBulk(wrong as never), `putBulk(${show(wrong)})`);
      }
      await assertInvalid(() => table.put({ id: "x" }), "a required column missing");
      await assertInvalid(() => table.put({ nullable: "x" }), "the key missing");
      await assertInvalid(
        () => table.put({ id: "x", nullable: undefined }),
        "a required column undefined",
      );
      await assertInvalid(() => table.put({ id: null, nullable: "x" }), "a null key");
      const columns = ["other", "ID", "constructor", "toString", "hasOwnProperty", 'a"b'];
      for (const column of columns) {
        const row = { id: "x", nullable: null, [column]: 1 };
        await assertInvalid(
          () => table.put(row),
          `a column ${show(column)}`,
          "StorageInvalidColumnError",
        );
      }
      const proto = JSON.parse('{"id":"x","nullable":null,"__proto__":1}');
      await assertInvalid(() => table.put(proto), "a column __proto__");
      assertEqual(await table.getAll(), undefined, "the rows");
    },
  },
  {
    name: "keeps absent and null apart, except where the schema allows both",
    run: async (c) => {
      const table = await c.tabular(nullability);
      const both = { both: null, bothJson: null, bothBytes: null };
      const expected = { id: "x", nullable: null, ...both };
      assertEqual(await table.put({ id: "x", nullable: null }), expected, "what put gave");
      assertEqual(await table.get({ id: "x" }), expected, "what get gave");
      assertEqual(await table.put({ id: "x", nullable: "n", ...both }), {
        ...expected,
        nullable: "n",
      });
      assertEqual(await table.get({ id: "x" }), { ...expected, nullable: "n" });
      const undefinedOnes = { absent: undefined, absentJson: undefined, both: undefined };
      assertEqual(await table.put({ id: "x", nullable: null, ...undefinedOnes }), expected);
      assertEqual(await table.getAll(), [expected], "what getAll gave");
      const full = {
        absent: "",
        nullable: "",
        both: "",
        absentJson: {},
        bothJson: {},
        bothBytes: new Uint8Array(0),
      };
      assertEqual(await table.put({ id: "x", ...full }), { id: "x", ...full }, "a full row");
      assertEqual(await table.get({ id: "x" }), { id: "x", ...full }, "a full row");
    },
  },
  {
    name: "put replaces the whole row, absent properties included",
    run: async (c) => {
      const table = await c.tabular(everyType);
      await table.put({ id: "x", text: "a", number: 1, object: { a: 1 } });
      await table.put({ id: "x", flag: true });
      assertEqual(await table.get({ id: "x" }), { id: "x", flag: true });
    },
  },
  {
    name: "copies what it is given and gives copies out",
    run: async (c) => {
      const table = await c.tabular(everyType);
      const row = {
        id: "x",
        object: { a: [1] },
        bytes: new Uint8Array([1]),
        vector: new Float32Array([1]),
      };
      const expected = {
        id: "x",
        object: { a: [1] },
        bytes: new Uint8Array([1]),
        vector: new Float32Array([1]),
      };
      const spoil = (given: unknown): void => {
        const { object, bytes, vector } = given as typeof row;
        object.a.push(9);
        bytes[0] = 9;
        vector[0] = 9;
      };
      const writing = table.put(row);
      spoil(row);
      spoil(await writing);
      spoil(row);
      for (const read of await table.putBulk([expected])) spoil(read);
      // The bulk was given `expected` itself, which must not have changed either.
      assertEqual(expected.object, { a: [1] }, "the argument of putBulk");
      spoil(await table.get({ id: "x" }));
      spoil((await table.query({ id: "x" }))?.[0]);
      spoil((await table.getAll())?.[0]);
      spoil((await table.getBulk(0, 1))?.[0]);
      spoil((await table.getMany([{ id: "x" }]))[0]);
      spoil((await table.getPage()).items[0]);
      for await (const read of table.records()) spoil(read);
      spoil(await table.update({ id: "x" }, {}));
      assertEqual(await table.get({ id: "x" }), expected, "the stored row");
    },
  },
  {
    name: "copies a patch and an inserted row",
    run: async (c) => {
      const table = await c.tabular(everyType);
      const object = { a: [1] };
      const inserted = table.insert({ id: "x", object });
      object.a.push(2);
      await inserted;
      const patch = { object: { b: [1] } };
      const updated = table.update({ id: "x" }, patch);
      patch.object.b.push(2);
      const result = (await updated) as typeof patch;
      result.object.b.push(3);
      assertEqual(await table.get({ id: "x" }), { id: "x", object: { b: [1] } });
    },
  },
  {
    name: "keeps a column called __proto__'s namesakes apart inside JSON",
    run: async (c) => {
      const table = await c.tabular(everyType);
      await table.put({
        id: "x",
        object: JSON.parse('{"__proto__":{"polluted":true},"constructor":{}}'),
      });
      const { object } = (await table.get({ id: "x" })) as { object: object };
      assert(
        Object.hasOwn(object, "__proto__") && !("polluted" in object),
        "__proto__ is no plain property",
      );
      assert(!("polluted" in {}), "the prototype of all objects was changed");
    },
  },
  {
    name: "stores texts, bytes and JSON of a million characters",
    run: async (c) => {
      const { schema, primaryKey } = everyType;
      const table = await c.tabular({ schema, primaryKey });
      const row = {
        id: "x",
        text: "\u00e9\u{1f600}x".repeat(300_000),
        bytes: Uint8Array.from({ length: 1_000_000 }, (_, i) => (i * 31) % 256),
        list: Array.from({ length: 100_000 }, (_, i) => i),
      };
      await table.put(row);
      assertEqual(await table.get({ id: "x" }), row, "the large row");
    },
  },
];
