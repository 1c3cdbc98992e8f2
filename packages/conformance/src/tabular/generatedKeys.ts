import { assert, assertEqual, assertInvalid, rejection } from "../assert.ts";
import type { Case, TestRow, TestTabular } from "../harness.ts";
import { persistence, secondConnection, sharedTables } from "../requirements.ts";
import { show } from "../show.ts";
import { counted, identified } from "./tables.ts";

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const named = (name: string): TestRow => ({ name });

async function idOf(stored: Promise<TestRow | undefined>): Promise<number> {
  const id = (await stored)?.id;
  assert(Number.isSafeInteger(id), `the generated id is ${show(id)}, which is no integer`);
  return id as number;
}

function assertDistinct(ids: readonly unknown[]): void {
  assertEqual(new Set(ids).size, ids.length, `the number of distinct ids among ${show(ids)}`);
}

async function assertGrows(table: TestTabular, above: number): Promise<number> {
  const next = await idOf(table.put(named("next")));
  assert(next > above, `the next id is ${next}, not above ${above}`);
  return next;
}

export const generatedKeyCases: readonly Case[] = [
  {
    name: "an integer key counts up from 1",
    run: async (c) => {
      const table = await c.tabular(counted);
      const rows: TestRow[] = [];
      for (const name of ["a", "b"]) rows.push(await table.put(named(name)));
      rows.push(...(await table.putBulk([named("c"), named("d")])));
      rows.push((await table.insert(named("e"))) as TestRow);
      const expected = ["a", "b", "c", "d", "e"].map((name, i) => ({ id: i + 1, name }));
      assertEqual(rows, expected, "what the calls gave");
      assertEqual(await table.getAll(), expected, "the rows");
    },
  },
  {
    name: "a text key is a UUID of version 7, in the order of the calls",
    run: async (c) => {
      const table = await c.tabular(identified);
      const rows = [
        await table.put(named("a")),
        ...(await table.putBulk([named("b"), named("c")])),
      ];
      rows.push((await table.insert(named("d"))) as TestRow);
      for (const { id } of rows)
        assert(UUID_V7.test(String(id)), `the id ${show(id)} is no UUID v7`);
      assertDistinct(rows.map(({ id }) => id));
      assertEqual(await table.getMany(rows.map(({ id }) => ({ id }))), rows, "the rows by id");
      const first = rows[0] as TestRow;
      assertEqual(await table.put({ ...first, name: "again" }), { ...first, name: "again" });
      assertEqual(await table.size(), 4, "the size");
    },
  },
  {
    name: "ids are not given again after deletes",
    run: async (c) => {
      const table = await c.tabular(counted);
      const [, , last] = await table.putBulk([named("a"), named("b"), named("c")]);
      await table.delete({ id: last?.id });
      const after = await assertGrows(table, last?.id as number);
      await table.deleteSearch({ id: { operator: ">", value: 0 } });
      const later = await assertGrows(table, after);
      await table.deleteAll();
      await assertGrows(table, later);
    },
  },
  {
    name: "ids go on after a restart",
    requires: [persistence],
    run: async (c) => {
      const spec = { ...counted, table: "restarted" };
      const before = await c.tabular(spec);
      await before.putBulk([named("a"), named("b")]);
      const last = await idOf(before.put(named("c")));
      await before.delete({ id: last });
      await c.reopen();
      await assertGrows(await c.tabular(spec), last);
    },
  },
  {
    name: "a larger id of the caller's moves the counter, a smaller one does not",
    run: async (c) => {
      const table = await c.tabular(counted);
      await table.put({ id: 100, name: "given" });
      const next = await assertGrows(table, 100);
      await table.put({ id: -5, name: "negative" });
      await table.put({ id: 7, name: "small" });
      const third = await assertGrows(table, next);
      await table.insert({ id: 500, name: "inserted" });
      await assertGrows(table, 500);
      await table.putBulk([{ id: 1_000, name: "bulk" }, named("x"), { id: 2_000, name: "bulk" }]);
      await assertGrows(table, 2_000);
      assertEqual((await table.get({ id: third }))?.name, "next", "the row of a generated id");
      assertEqual(await table.size(), 11, "the size");
    },
  },
  {
    name: "a generated id never meets one that is given in the same bulk",
    run: async (c) => {
      const table = await c.tabular(counted);
      const given = [
        named("a"),
        { id: 1, name: "one" },
        named("b"),
        { id: 3, name: "three" },
        named("c"),
      ];
      const stored = await table.putBulk(given);
      assertEqual(
        stored.map(({ name }) => name),
        ["a", "one", "b", "three", "c"],
        "the names, in order",
      );
      assertEqual([stored[1]?.id, stored[3]?.id], [1, 3], "the given ids");
      assertDistinct(stored.map(({ id }) => id));
      assertEqual(await table.size(), 5, "the size");
      assertEqual(await table.getMany(stored.map(({ id }) => ({ id }))), stored, "the rows by id");
    },
  },
  {
    name: "given and generated ids, all at once, overwrite nothing",
    run: async (c) => {
      const table = await c.tabular(counted);
      const calls: Promise<TestRow | undefined>[] = [];
      for (let i = 1; i <= 40; i++) {
        calls.push(table.put(named(`generated ${i}`)));
        calls.push(table.insert({ id: 3 * i, name: `given ${3 * i}` }, { onConflict: "ignore" }));
      }
      const stored = (await Promise.all(calls)).filter((row) => row !== undefined);
      assertDistinct(stored.map(({ id }) => id));
      const generated = stored.filter(({ name }) => String(name).startsWith("generated"));
      assertEqual(generated.length, 40, "the generated rows");
      assertEqual(await table.size(), stored.length, "the size");
      for (const row of stored) assertEqual(await table.get({ id: row.id }), row, "a row");
    },
  },
  {
    name: "where the numbers run out, nothing is overwritten",
    run: async (c) => {
      const table = await c.tabular(counted);
      const last = { id: Number.MAX_SAFE_INTEGER, name: "last" };
      await table.put(last);
      const outcome = await table.put(named("next")).then(
        (row) => row,
        (error: Error & { kind?: string }) => error,
      );
      if (outcome instanceof Error) {
        assert(outcome.kind !== undefined, `${show(outcome)} is no typed error`);
        assertEqual(await table.getAll(), [last], "the rows");
      } else {
        assert(
          outcome.id !== last.id && Number.isSafeInteger(outcome.id),
          `the id ${show(outcome.id)}`,
        );
        assertEqual(await table.size(), 2, "the size");
      }
      assertEqual(await table.get({ id: last.id }), last, "the last row");
    },
  },
  {
    name: "two storages of one table share the counter",
    requires: [sharedTables],
    run: async (c) => {
      const spec = { ...counted, table: "shared" };
      const [first, second] = [await c.tabular(spec), await c.tabular(spec)];
      const stored = await Promise.all(
        Array.from({ length: 20 }, (_, i) => (i % 2 ? first : second).put(named(`${i}`))),
      );
      assertDistinct(stored.map(({ id }) => id));
      assertEqual(await first.size(), 20, "the size");
    },
  },
  {
    name: "two connections share the counter",
    requires: [secondConnection],
    run: async (c) => {
      const spec = { ...counted, table: "shared" };
      const first = await c.tabular(spec);
      const second = await (await c.connect()).tabular(spec);
      const stored = await Promise.all(
        Array.from({ length: 40 }, (_, i) => (i % 2 ? first : second).put(named(`${i}`))),
      );
      assertDistinct(stored.map(({ id }) => id));
      assertEqual(await first.size(), 40, "the size");
    },
  },
  {
    name: 'clientProvidedKeys "if-missing" takes ids and makes those that are missing',
    run: async (c) => {
      for (const options of [undefined, { clientProvidedKeys: "if-missing" }, "if-missing"]) {
        const table = await c.tabular({ ...identified, options: options as never });
        assertEqual(await table.put({ id: "own", name: "a" }), { id: "own", name: "a" });
        const { id } = await table.put(named("b"));
        assert(UUID_V7.test(String(id)), `the id ${show(id)} is no UUID v7`);
      }
    },
  },
  {
    name: 'clientProvidedKeys "never" refuses an id',
    run: async (c) => {
      for (const spec of [identified, counted]) {
        const table = await c.tabular({ ...spec, options: { clientProvidedKeys: "never" } });
        const { id } = await table.put(named("a"));
        const row = { id, name: "b" };
        await assertInvalid(() => table.put(row), "put with an id");
        await assertInvalid(() => table.putBulk([named("c"), row]), "putBulk with an id");
        await assertInvalid(() => table.insert(row), "insert with an id");
        assertEqual(await table.getAll(), [{ id, name: "a" }], "the rows");
        assertEqual(await table.update({ id }, { name: "u" }), { id, name: "u" }, "update by id");
      }
    },
  },
  {
    name: 'clientProvidedKeys "always" wants an id',
    run: async (c) => {
      for (const [spec, id] of [
        [identified, "own"],
        [counted, 5],
      ] as const) {
        const table = await c.tabular({ ...spec, options: { clientProvidedKeys: "always" } });
        const error = (await rejection(() => table.put(named("a")), "put without an id")) as Error;
        const message = 'Auto-generated key "id" is required when clientProvidedKeys is "always"';
        assert(error.message.includes(message), `the message is ${show(error.message)}`);
        await assertInvalid(() => table.put(named("a")), "put without an id");
        await assertInvalid(
          () => table.putBulk([{ id, name: "b" }, named("a")]),
          "putBulk without an id",
        );
        await assertInvalid(
          () => table.insert({ id: undefined, name: "a" }),
          "insert without an id",
        );
        await table.put({ id, name: "a" });
        assertEqual(await table.getAll(), [{ id, name: "a" }], "the rows");
      }
    },
  },
  {
    name: "refuses an id of the wrong type",
    run: async (c) => {
      const [numbers, texts] = [await c.tabular(counted), await c.tabular(identified)];
      for (const id of ["1", 1.5, null, true, 1n, 2 ** 53]) {
        await assertInvalid(() => numbers.put({ id, name: "a" }), `the id ${show(id)}`);
      }
      for (const id of [1, null, true, {}, "a\0"]) {
        await assertInvalid(() => texts.put({ id, name: "a" }), `the id ${show(id)}`);
      }
      assertEqual([await numbers.size(), await texts.size()], [0, 0], "the sizes");
    },
  },
  {
    name: "a generated number can be part of a compound key",
    run: async (c) => {
      const properties = {
        group: { type: "string" },
        id: { type: "integer", "x-auto-generated": true },
        name: { type: "string" },
      } as const;
      const schema = { type: "object", properties, required: ["group", "id", "name"] } as const;
      const table = await c.tabular({ schema, primaryKey: ["group", "id"] });
      const stored = await table.putBulk(["a", "b", "a"].map((group) => ({ group, name: "n" })));
      assertDistinct(stored.map(({ id }) => id));
      assertEqual(
        await table.getMany(stored.map(({ group, id }) => ({ group, id }))),
        stored,
        "the rows",
      );
    },
  },
];
