import type { DataPortSchemaObject } from "@workglow/util/schema";
import { assert, assertEqual, assertRejects, rejection } from "../assert.ts";
import type { Case, TestRow } from "../harness.ts";
import {
  otherProcess,
  persistence,
  secondConnection,
  setUpTables,
  sharedTables,
} from "../requirements.ts";
import { show } from "../show.ts";
import { accounts, everyType, user, users } from "./tables.ts";

const extended = (properties: object, indexes: readonly string[] = []) => ({
  ...users,
  indexes: [...(users.indexes ?? []), ...indexes],
  schema: { ...users.schema, properties: { ...users.schema.properties, ...properties } },
  table: "grown",
});

export const setupCases: readonly Case[] = [
  {
    name: "can be set up again without losing anything, also eight times at once",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("a"));
      await table.setupDatabase();
      await Promise.all(Array.from({ length: 8 }, () => table.setupDatabase()));
      assertEqual(await table.getAll(), [user("a")], "the rows");
    },
  },
  {
    name: "eight storages of one table can be set up at once",
    requires: [sharedTables],
    run: async (c) => {
      const tables = Array.from({ length: 8 }, () =>
        c.constructTabular({ ...users, table: "shared" }),
      );
      await Promise.all(tables.map((table) => table.setupDatabase()));
      await Promise.all(tables.map((table, i) => table.put(user(`${i}`))));
      assertEqual(await tables[0]?.size(), 8, "the size");
    },
  },
  {
    name: "keeps rows and unique indexes over a restart",
    requires: [persistence],
    run: async (c) => {
      const spec = { ...accounts, table: "kept" };
      const row = { id: "a", email: "a@example.org", country: null, number: 5 };
      await (await c.tabular(spec)).put(row);
      await c.reopen();
      const table = await c.tabular(spec);
      assertEqual(await table.getAll(), [row], "the rows");
      assertEqual(await table.query({ number: 5 }), [row], "the rows by number");
      const conflict = { name: "StorageConflictError" };
      await assertRejects(() => table.put({ ...row, id: "b" }), conflict, "a taken email");
    },
  },
  {
    name: "works after a restart without being set up again",
    requires: [persistence],
    run: async (c) => {
      const spec = { ...everyType, table: "kept" };
      const row = { id: "a", big: 2n ** 62n, object: { a: [1] }, bytes: new Uint8Array([1, 2]) };
      await (await c.tabular(spec)).put(row);
      await c.reopen();
      assertEqual(await c.constructTabular(spec).getAll(), [row], "the rows");
    },
  },
  {
    name: "a table that was not set up is a StorageNotSetUpError that says what to do",
    requires: [setUpTables],
    run: async (c) => {
      const table = c.constructTabular({ ...users, table: "never" });
      const calls: Record<string, () => Promise<unknown>> = {
        get: () => table.get({ id: "a" }),
        put: () => table.put(user("a")),
        query: () => table.query({ id: "a" }),
        deleteAll: () => table.deleteAll(),
        putBulk: () => table.putBulk([user("a"), user("b")]),
      };
      for (const [name, call] of Object.entries(calls)) {
        await assertRejects(call, { name: "StorageNotSetUpError" }, name);
        const { message } = (await rejection(call, name)) as Error;
        assert(/setupDatabase/.test(message), `${name}: ${show(message)}`);
        const tellsOfSql = /schemaSql/.test(message);
        assertEqual(tellsOfSql, c.capabilities.schemaSql, `${name}: whether it tells of SQL`);
      }
      await table.setupDatabase();
      assertEqual(await table.put(user("a")), user("a"), "put after the set-up");
    },
  },
  {
    name: "set-up adds new columns and indexes and keeps the rows",
    requires: [sharedTables],
    run: async (c) => {
      const before = await c.tabular(extended({}));
      await before.putBulk([user("a"), user("b", { age: 1 })]);
      const after = await c.tabular(
        extended({ city: { type: "string" }, zip: { type: ["string", "null"] } }, ["city"]),
      );
      assertEqual(
        await after.getAll(),
        [user("a", { zip: null }), user("b", { age: 1, zip: null })],
        "the rows",
      );
      const third = user("c", { city: "Bern", zip: "3000" });
      await after.put(third);
      assertEqual(await after.query({ city: "Bern" }), [third], "the rows by the new column");
      assertEqual(
        (await after.query({ city: null }))?.length,
        2,
        "the rows without the new column",
      );
      await after.update({ id: "a" }, { city: "Basel" });
      assertEqual((await after.get({ id: "a" }))?.city, "Basel", "an old row's new column");
    },
  },
  {
    name: "set-up refuses a table that differs otherwise, lists how, and leaves it alone",
    requires: [sharedTables],
    run: async (c) => {
      const before = await c.tabular(extended({}));
      await before.put(user("a", { age: 1 }));
      const { age: _, ...withoutAge } = users.schema.properties;
      const { properties } = users.schema;
      const other: Record<string, TestRow> = {
        "another type": { properties: { ...properties, age: { type: "string" } } },
        "a new required column": {
          properties: { ...properties, city: { type: "string" } },
          required: ["id", "name", "city"],
        },
        "a column less": { properties: withoutAge },
      };
      for (const [what, schema] of Object.entries(other)) {
        const indexes = what === "a column less" ? [] : users.indexes;
        const table = c.constructTabular({
          ...users,
          indexes,
          table: "grown",
          schema: { ...users.schema, ...schema },
        });
        await assertRejects(
          () => table.setupDatabase(),
          { name: "StorageSchemaMismatchError" },
          what,
        );
        const { message } = (await rejection(() => table.setupDatabase(), what)) as Error;
        assert(
          /age|city/.test(message),
          `${what}: the message ${show(message)} does not name the column`,
        );
        assert(
          /migration/i.test(message),
          `${what}: the message ${show(message)} names no migration`,
        );
      }
      const otherKey = c.constructTabular({ ...users, table: "grown", primaryKey: ["id", "name"] });
      await assertRejects(
        () => otherKey.setupDatabase(),
        { name: "StorageSchemaMismatchError" },
        "another key",
      );
      assertEqual(await before.getAll(), [user("a", { age: 1 })], "the rows");
    },
  },
  {
    name: "a migration whose transform gives no row is refused and changes nothing",
    requires: [sharedTables],
    run: async (c) => {
      const spec = { ...users, table: "transformed" };
      const rows = [user("a", { age: 1 }), user("b", { tags: ["x"] })];
      await (await c.tabular(spec)).putBulk(rows);
      const wrong: Record<string, (row: Readonly<TestRow>) => unknown> = {
        "a promise": async (row) => row,
        "a promise that rejects": async () => {
          throw new Error("never heard of");
        },
        undefined: () => undefined,
        null: () => null,
        "an array": (row) => [row],
        "a string": () => "row",
        "a number": () => 5,
        "a map": (row) => new Map(Object.entries(row)),
      };
      for (const [what, transform] of Object.entries(wrong)) {
        // Most rows may come through, as long as one of them would not.
        const once = (row: Readonly<TestRow>) => (row.id === "a" ? row : transform(row));
        const migrations = [{ version: 1, steps: [{ transform: once as never }] }];
        const table = c.constructTabular({ ...spec, options: { migrations } });
        const { name, message } = (await rejection(() => table.setupDatabase(), what)) as Error;
        assertEqual(name, "StorageValidationError", `the error for ${what}`);
        assert(/transform/.test(message), `${what}: ${show(message)} does not name the transform`);
        assertEqual(await c.constructTabular(spec).getAll(), rows, `the rows after ${what}`);
      }
      const age = (row: Readonly<TestRow>) => ({ ...row, age: 7 });
      const migrations = [{ version: 1, steps: [{ transform: age as never }] }];
      const table = await c.tabular({ ...spec, options: { migrations } });
      assertEqual(
        await table.getAll(),
        rows.map((row) => ({ ...row, age: 7 })),
        "the rows after a transform that gives rows",
      );
    },
  },
  {
    name: "keys that are generated from some day on meet none that are there",
    requires: [sharedTables],
    run: async (c) => {
      const given = (id: number) => ({ id, name: `given ${id}` });
      const schema = (generated: boolean): DataPortSchemaObject => ({
        ...users.schema,
        properties: {
          id: { type: "integer", "x-auto-generated": generated },
          name: { type: "string" },
        },
      });
      const base = { ...users, indexes: [], table: "numbered" };
      const before = await c.tabular({ ...base, schema: schema(false) });
      await before.putBulk([1, 2, 3, 40].map(given));
      const after = await c.tabular({ ...base, schema: schema(true) });
      const first = await after.put({ name: "one by itself" });
      // Written by a storage that counts nothing.
      const next = (first.id as number) + 1;
      await before.putBulk([next, next + 1, next + 3].map(given));
      await after.put({ name: "past those" });
      await after.insert({ name: "inserted" });
      await before.put(given(200));
      await after.putBulk([{ name: "in a bulk" }, { name: "of two" }]);
      await after.transaction(async (tx) => {
        await tx.put({ name: "in a transaction" });
      });
      const rows = (await after.getAll()) ?? [];
      assertEqual(rows.length, 14, "the number of rows");
      const names = new Map(rows.map((row) => [row.id, row.name]));
      for (const id of [1, 2, 3, 40, next, next + 1, next + 3, 200]) {
        assertEqual(names.get(id), `given ${id}`, `the row ${id}`);
      }
    },
  },
  {
    name: "two storages of one table see the same rows",
    requires: [sharedTables],
    run: async (c) => {
      const spec = { ...users, table: "shared" };
      const [first, second] = [await c.tabular(spec), await c.tabular(spec)];
      await first.put(user("a"));
      assertEqual(await second.get({ id: "a" }), user("a"), "a row of the other");
      await second.update({ id: "a" }, { age: 2 });
      assertEqual(
        await first.query({ age: 2 }),
        [user("a", { age: 2 })],
        "a row that the other updated",
      );
      await first.delete({ id: "a" });
      assertEqual(await second.getAll(), undefined, "the rows");
    },
  },
  {
    name: "two connections see the same rows and lose no writes",
    requires: [secondConnection],
    run: async (c) => {
      const spec = { ...users, table: "shared" };
      const first = await c.tabular(spec);
      const second = await (await c.connect()).tabular(spec);
      await first.put(user("a", { age: 0 }));
      assertEqual(await second.get({ id: "a" }), user("a", { age: 0 }), "a row of the other");
      const increment = async (table: typeof first): Promise<void> => {
        for (;;) {
          const age = (await table.get({ id: "a" }))?.age as number;
          if (await table.update({ id: "a" }, { age: age + 1 }, { expect: { age } })) return;
        }
      };
      await Promise.all(Array.from({ length: 20 }, (_, i) => increment(i % 2 ? first : second)));
      assertEqual((await first.get({ id: "a" }))?.age, 20, "the count");
      await Promise.all(
        Array.from({ length: 40 }, (_, i) => (i % 2 ? first : second).put(user(`row ${i}`))),
      );
      assertEqual([await first.size(), await second.size()], [41, 41], "the sizes");
    },
  },
  {
    name: "sees what another process stored, and the other way round",
    requires: [otherProcess],
    timeoutMs: 20_000,
    run: async (c) => {
      const spec = { ...users, table: "shared" };
      const table = await c.tabular(spec);
      await table.put(user("a"));
      const results = await c.inOtherProcess({
        kind: "tabular",
        spec,
        calls: [
          { method: "setupDatabase", args: [] },
          { method: "getAll", args: [] },
          { method: "put", args: [user("b")] },
          { method: "insert", args: [user("a")] },
        ],
      });
      assertEqual(results[1], { value: [user("a")] }, "what the other process read");
      const [, , , conflict] = results;
      assert(
        conflict !== undefined && "error" in conflict,
        "the other process inserted a taken key",
      );
      assertEqual(conflict.error.name, "StorageConflictError", "the other process's error");
      assertEqual(await table.getAll(), [user("a"), user("b")], "the rows");
    },
  },
];
