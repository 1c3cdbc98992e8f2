import { assert, assertEqual, assertInvalid, assertThrowsInvalid } from "../assert.ts";
import { collect } from "../collect.ts";
import type { Case } from "../harness.ts";
import { HOSTILE_TEXTS, TEXTS_BY_CODE_POINT, UNSTORABLE_TEXTS } from "../samples.ts";
import { show } from "../show.ts";
import { everyType, pairs, user, users } from "./tables.ts";

/** For each type a key column may have: values in their order. */
const KEY_VALUES: Readonly<Record<string, readonly unknown[]>> = {
  text: TEXTS_BY_CODE_POINT,
  number: [-1e300, -1.5, 0, 5e-324, 0.1, 1, 10, 2 ** 53 + 2],
  integer: [Number.MIN_SAFE_INTEGER, -1, 0, 1, 2, 10, Number.MAX_SAFE_INTEGER],
  big: [-(2n ** 63n), -1n, 0n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n],
  flag: [false, true],
  at: ["0001-01-01T00:00:00.000Z", "1999-12-31T23:59:59.999Z", "2000-01-01T00:00:00.000Z"],
  bytes: [
    new Uint8Array(0),
    new Uint8Array([0]),
    new Uint8Array([0, 0]),
    new Uint8Array([1]),
    new Uint8Array([127, 255]),
    new Uint8Array([128]),
    new Uint8Array([255, 0]),
  ],
};

export const keyCases: readonly Case[] = [
  ...Object.entries(KEY_VALUES).map(
    ([column, values]): Case => ({
      name: `a ${column} column can be the key, and orders the rows`,
      run: async (c) => {
        const properties = {
          [column]: everyType.schema.properties[column] ?? {},
          note: { type: "string" },
        } as const;
        const schema = { type: "object", properties, required: [column] } as const;
        const table = await c.tabular({ schema, primaryKey: [column] });
        const rows = values.map((value, i) => ({ [column]: value, note: `${i}` }));
        await table.putBulk(rows.toReversed());
        assertEqual(await table.getAll(), rows, "getAll");
        assertEqual(await collect(table.records(2)), rows, "records");
        assertEqual(await table.getBulk(1, 1), rows.slice(1, 2), "getBulk");
        for (const [i, value] of values.entries()) {
          const key = { [column]: value };
          assertEqual(await table.get(key), rows[i], `get ${show(value)}`);
          assertEqual(await table.update(key, { note: "u" }), { ...key, note: "u" }, "update");
        }
        for (const value of values) await table.delete({ [column]: value });
        assertEqual(await table.size(), 0, "the size");
      },
    }),
  ),
  {
    name: "a key may have columns of several types",
    run: async (c) => {
      const columns = Object.keys(KEY_VALUES);
      const properties = Object.fromEntries(
        columns.map((column) => [column, everyType.schema.properties[column] ?? {}]),
      );
      const schema = { type: "object", properties, required: columns } as const;
      const table = await c.tabular({ schema, primaryKey: columns });
      const base = Object.fromEntries(columns.map((column) => [column, KEY_VALUES[column]?.[1]]));
      const rows = [
        base,
        ...columns.map((column) => ({ ...base, [column]: KEY_VALUES[column]?.[0] })),
      ];
      await table.putBulk(rows);
      assertEqual(await table.size(), rows.length, "the size");
      assertEqual(await table.getMany(rows), rows, "getMany");
      for (const row of rows) {
        assertEqual(await table.get(row), row, "get");
        await table.delete(row);
      }
      assertEqual(await table.size(), 0, "the size");
    },
  },
  {
    name: "rows of a compound key never meet, whatever the texts",
    run: async (c) => {
      const properties = {
        a: { type: "string" },
        b: { type: "string" },
        n: { type: "integer" },
      } as const;
      const schema = { type: "object", properties, required: ["a", "b"] } as const;
      const table = await c.tabular({ schema, primaryKey: ["a", "b"] });
      const texts = ["", "a", "b", "a,b", ",", '","', "\u0001", "ab", ...HOSTILE_TEXTS.slice(0, 8)];
      const rows = texts.flatMap((a) => texts.map((b) => ({ a, b })));
      await table.putBulk(rows.map((row, n) => ({ ...row, n })));
      assertEqual(await table.size(), rows.length, "the size");
      for (const [n, key] of rows.entries()) assertEqual(await table.get(key), { ...key, n });
    },
  },
  {
    name: "a compound key orders rows column by column",
    run: async (c) => {
      const table = await c.tabular(pairs);
      const rows = ["a", "b"].flatMap((group) => [-1, 2, 10].map((rank) => ({ group, rank })));
      await table.putBulk(rows.toReversed());
      assertEqual(await table.getAll(), rows, "getAll");
      assertEqual(await collect(table.records(1)), rows, "records, one a page");
      assertEqual(await table.getBulk(2, 2), rows.slice(2, 4), "getBulk");
    },
  },
  {
    name: "the order of the key's columns is the primary key's, not the schema's",
    run: async (c) => {
      const { schema } = pairs;
      const table = await c.tabular({ schema, primaryKey: ["rank", "group"] });
      const rows = [
        { group: "b", rank: 1 },
        { group: "a", rank: 2 },
        { group: "c", rank: 2 },
      ];
      await table.putBulk(rows.toReversed());
      assertEqual(await table.getAll(), rows);
    },
  },
  {
    name: "the order of properties in a key object does not matter",
    run: async (c) => {
      const table = await c.tabular(pairs);
      await table.put({ group: "g", rank: 1, note: "n" });
      assertEqual(await table.get({ rank: 1, group: "g" }), { group: "g", rank: 1, note: "n" });
      await table.delete({ rank: 1, group: "g" });
      assertEqual(await table.size(), 0, "the size");
    },
  },
  {
    name: "0 and -0 are one key",
    run: async (c) => {
      const table = await c.tabular(pairs);
      await table.put({ group: "g", rank: -0, note: "first" });
      await table.put({ group: "g", rank: 0, note: "second" });
      assertEqual(await table.getAll(), [{ group: "g", rank: 0, note: "second" }]);
    },
  },
  {
    name: "refuses keys that are incomplete, have a column too many or a wrong value, in every method",
    run: async (c) => {
      const table = await c.tabular(pairs);
      await table.put({ group: "g", rank: 1 });
      const wrong: readonly unknown[] = [
        undefined,
        null,
        "g",
        ["g", 1],
        {},
        { group: "g" },
        { rank: 1 },
        { group: "g", rank: undefined },
        { group: "g", rank: null },
        { group: "g", rank: "1" },
        { group: "g", rank: 1.5 },
        { group: 5, rank: 1 },
        { group: "g\0", rank: 1 },
      ];
      for (const key of wrong as Record<string, unknown>[]) {
        await assertInvalid(() => table.get(key), `get ${show(key)}`);
        await assertInvalid(() => table.getMany([key]), `getMany ${show(key)}`);
        await assertInvalid(() => table.delete(key), `delete ${show(key)}`);
        await assertInvalid(() => table.update(key, { note: "n" }), `update ${show(key)}`);
      }
      const unknown = { group: "g", rank: 1, constructor: 1 };
      await assertInvalid(() => table.get(unknown), "get with an unknown column");
      await assertInvalid(() => table.getMany(null as never), "getMany of null");
      assertEqual(await table.getAll(), [{ group: "g", rank: 1 }], "the rows");
    },
  },
  {
    name: "refuses NUL and lone surrogates in keys",
    run: async (c) => {
      const table = await c.tabular(users);
      for (const id of UNSTORABLE_TEXTS) {
        await assertInvalid(() => table.put(user(id)), `put ${show(id)}`);
        await assertInvalid(() => table.get({ id }), `get ${show(id)}`);
        await assertInvalid(() => table.query({ name: id }), `query ${show(id)}`);
      }
    },
  },
  {
    name: "an index entry holds 2,000 bytes of text, key included, and no more",
    run: async (c) => {
      const { schema } = users;
      const table = await c.tabular({ schema, primaryKey: ["id"], indexes: ["name"] });
      const rows = [
        user("k", { name: "x".repeat(1_999) }),
        user("\u00e9".repeat(500), { name: "\u{1f600}".repeat(250) }),
      ];
      for (const row of rows) {
        await table.put(row);
        assertEqual(
          await table.query({ name: row.name as string }),
          [row],
          "the row by its long name",
        );
        const longer = { ...row, name: `${row.name}x` };
        await assertInvalid(() => table.put(longer), "put of a longer one");
        await assertInvalid(() => table.putBulk([longer]), "putBulk of a longer one");
        await assertInvalid(
          () => table.update({ id: row.id }, { name: longer.name }),
          "update to a longer one",
        );
      }
      await assertInvalid(
        () => table.put(user("x".repeat(2_001), { name: "" })),
        "a key of 2,001 bytes",
      );
      const long = user("long", { name: "n", tags: ["y".repeat(10_000)] });
      await table.put(long);
      assertEqual(await table.get({ id: "long" }), long, "a long column without an index");
      assertEqual(await table.size(), 3, "the size");
    },
  },
  {
    name: "a constructor refuses schemas and keys that cannot be",
    run: async (c) => {
      const { properties } = everyType.schema;
      const schema = everyType.schema;
      const wrong: readonly (readonly [what: string, spec: Record<string, unknown>])[] = [
        ["no primary key", { schema, primaryKey: [] }],
        ["an absent primary key", { schema, primaryKey: undefined }],
        ["an unknown key column", { schema, primaryKey: ["other"] }],
        ["a key column from Object.prototype", { schema, primaryKey: ["constructor"] }],
        ["a key column twice", { schema, primaryKey: ["id", "id"] }],
        ["a JSON key", { schema, primaryKey: ["object"] }],
        ["a list as key", { schema, primaryKey: ["id", "list"] }],
        ["an unknown index column", { schema, primaryKey: ["id"], indexes: ["other"] }],
        [
          "an index column from Object.prototype",
          { schema, primaryKey: ["id"], indexes: ["toString"] },
        ],
        ["an index without columns", { schema, primaryKey: ["id"], indexes: [[]] }],
        [
          "an unknown unique index",
          { schema, primaryKey: ["id"], options: { uniqueIndexes: ["x"] } },
        ],
        [
          "an unknown clientProvidedKeys",
          { schema, primaryKey: ["id"], options: { clientProvidedKeys: "sometimes" } },
        ],
        ["no schema", { schema: undefined, primaryKey: ["id"] }],
        ["a null schema", { schema: null, primaryKey: ["id"] }],
        ["a schema without properties", { schema: { type: "object" }, primaryKey: ["id"] }],
        [
          "an empty column name",
          {
            schema: { ...schema, properties: { ...properties, "": { type: "string" } } },
            primaryKey: ["id"],
          },
        ],
        [
          "a column name with NUL",
          {
            schema: { ...schema, properties: { ...properties, "a\0": { type: "string" } } },
            primaryKey: ["id"],
          },
        ],
        [
          "an unknown type",
          { schema: { ...schema, properties: { id: { type: "uuid" } } }, primaryKey: ["id"] },
        ],
        [
          "an unknown typed array",
          {
            schema: {
              ...schema,
              properties: { ...properties, v: { type: "array", format: "TypedArray:Int128Array" } },
            },
            primaryKey: ["id"],
          },
        ],
        [
          "two generated columns",
          {
            schema: {
              type: "object",
              properties: {
                a: { type: "integer", "x-auto-generated": true },
                b: { type: "string", "x-auto-generated": true },
              },
            },
            primaryKey: ["a", "b"],
          },
        ],
        [
          "a generated boolean",
          {
            schema: {
              type: "object",
              properties: { a: { type: "boolean", "x-auto-generated": true } },
            },
            primaryKey: ["a"],
          },
        ],
      ];
      for (const [what, spec] of wrong)
        assertThrowsInvalid(() => c.constructTabular(spec as never), what);
    },
  },
  {
    name: "schema and key names can be read from the storage",
    run: async (c) => {
      const table = await c.tabular(pairs);
      assertEqual(table.schema, pairs.schema, "schema");
      assertEqual(table.primaryKeyNames, pairs.primaryKey, "primaryKeyNames");
      assert(table.capabilities.writable, "capabilities say that it takes writes");
    },
  },
];
