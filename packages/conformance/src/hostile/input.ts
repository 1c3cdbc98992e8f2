import { not, or } from "@workglow/storage";
import { assert, assertEqual, assertInvalid, assertRejects, rejection } from "../assert.ts";
import { collect } from "../collect.ts";
import type { Case } from "../harness.ts";
import { HOSTILE_TEXTS, seededRandom } from "../samples.ts";
import { show } from "../show.ts";
import { counted, everyType, pairs, user, users } from "../tabular/tables.ts";

const OPERATORS: readonly unknown[] = [
  "=1 OR 1=1 --",
  "= 1 OR 1",
  "==",
  "<>",
  "LIKE",
  "like",
  "IS NOT",
  "",
  " = ",
  "IN",
  "; DROP TABLE users",
  "constructor",
  "__proto__",
  "toString",
  null,
  undefined,
  1,
  {},
  ["="],
];

const COLUMNS: readonly string[] = [
  "constructor",
  "toString",
  "hasOwnProperty",
  "valueOf",
  "nope",
  "NAME",
  "name ",
  'name" = "name',
  "1=1; --",
  "name) OR (1=1",
  "",
  "\0",
  "*",
  "rowid",
];

export const inputCases: readonly Case[] = [
  {
    name: "unknown operators are refused wherever criteria are taken, and nothing is deleted",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.putBulk([user("a"), user("b")]);
      for (const operator of OPERATORS) {
        const criteria = { name: { operator, value: "x" } } as never;
        const what = `the operator ${show(operator)}`;
        await assertInvalid(() => table.query(criteria), `query with ${what}`);
        await assertInvalid(() => table.count(criteria), `count with ${what}`);
        await assertInvalid(() => table.getPage({ criteria }), `getPage with ${what}`);
        await assertInvalid(() => table.deleteSearch(criteria), `deleteSearch with ${what}`);
        await assertInvalid(
          () => table.deleteSearch({ name: [{ operator, value: "x" }] } as never),
          `a list with ${what}`,
        );
        await assertInvalid(() => table.deleteSearch(or(criteria)), `or with ${what}`);
        await assertInvalid(() => table.deleteSearch(not(criteria)), `not with ${what}`);
      }
      assertEqual(await table.size(), 2, "the size");
    },
  },
  {
    name: "unknown columns are refused wherever criteria are taken, and nothing is deleted",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.putBulk([user("a"), user("b")]);
      const name = "StorageInvalidColumnError";
      const own = COLUMNS.map((column) => ({ [column]: "x" }));
      for (const criteria of [...own, JSON.parse('{"__proto__":"x"}') as object]) {
        const what = show(Object.keys(criteria)[0]);
        await assertInvalid(() => table.query(criteria), `query by ${what}`, name);
        await assertInvalid(() => table.count(criteria), `count by ${what}`, name);
        await assertInvalid(() => table.getPage({ criteria }), `getPage by ${what}`, name);
        await assertInvalid(() => table.deleteSearch(criteria), `deleteSearch by ${what}`, name);
        await assertInvalid(
          () => table.deleteSearch(not(criteria)),
          `deleteSearch by not ${what}`,
          name,
        );
      }
      assertEqual(await table.size(), 2, "the size");
    },
  },
  {
    name: "criteria that are none are refused, and nothing is deleted",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("a"));
      for (const criteria of [
        null,
        undefined,
        1,
        "1=1",
        "",
        [],
        ["name"],
        true,
        () => true,
        new Uint8Array(1),
      ] as never[]) {
        await assertInvalid(() => table.query(criteria), `query(${show(criteria)})`);
        await assertInvalid(() => table.deleteSearch(criteria), `deleteSearch(${show(criteria)})`);
        await assertInvalid(() => table.query(or(criteria)), `query(or(${show(criteria)}))`);
        await assertInvalid(() => table.query(not(criteria)), `query(not(${show(criteria)}))`);
      }
      assertEqual(await table.size(), 1, "the size");
    },
  },
  {
    name: "operands of the wrong type are refused, and nothing is deleted",
    run: async (c) => {
      const table = await c.tabular(everyType);
      await table.put({ id: "x", text: "1", number: 1, integer: 1, big: 1n, flag: true });
      const wrong: Record<string, readonly unknown[]> = {
        text: [1, true, {}, [], ["1"], 1n, new Date(0), "a\0", "\ud800"],
        number: ["1", "1 OR 1=1", true, Number.NaN, Number.POSITIVE_INFINITY, 1n, {}, []],
        integer: ["1", 1.5, 2 ** 53, true, 1n, Number.NaN],
        big: [1, "1", 2n ** 63n, -(2n ** 63n) - 1n],
        flag: [0, 1, "true"],
        at: ["now", "2024-13-01", "", 5, new Date(Number.NaN), "2024-01-01' OR '1'='1"],
        bytes: ["x", [1], new Uint16Array(1), {}],
      };
      for (const [column, values] of Object.entries(wrong)) {
        for (const value of values) {
          for (const operator of ["=", "!=", "<", ">="]) {
            const criteria = { [column]: { operator, value } } as never;
            await assertInvalid(
              () => table.query(criteria),
              `query ${column} ${operator} ${show(value)}`,
            );
            await assertInvalid(
              () => table.deleteSearch(criteria),
              `deleteSearch ${column} ${operator} ${show(value)}`,
            );
          }
          const list = { [column]: { operator: "not-in", value: [value] } } as never;
          await assertInvalid(
            () => table.deleteSearch(list),
            `deleteSearch ${column} not-in [${show(value)}]`,
          );
          await assertInvalid(
            () => table.query({ [column]: value }),
            `query ${column}: ${show(value)}`,
          );
          const expect = { [column]: value };
          await assertInvalid(
            () => table.update({ id: "x" }, { text: "u" }, { expect }),
            `expect ${column}: ${show(value)}`,
          );
        }
      }
      for (const operator of ["<", "<=", ">", ">=", "prefix"]) {
        const criteria = { text: { operator, value: null } } as never;
        await assertInvalid(() => table.deleteSearch(criteria), `text ${operator} null`);
      }
      for (const value of ["x", null, 1, {}, undefined, new Set(["1"])]) {
        for (const operator of ["in", "not-in"]) {
          const criteria = { text: { operator, value } } as never;
          await assertInvalid(
            () => table.deleteSearch(criteria),
            `text ${operator} ${show(value)}`,
          );
        }
      }
      for (const column of ["number", "integer", "big", "flag", "at", "bytes"]) {
        const criteria = { [column]: { operator: "prefix", value: "1" } } as never;
        await assertInvalid(() => table.query(criteria), `${column} prefix`);
      }
      assertEqual(await table.size(), 1, "the size");
      assertEqual((await table.get({ id: "x" }))?.text, "1", "the row's text");
    },
  },
  {
    name: "hostile texts are values like any other",
    run: async (c) => {
      const table = await c.tabular(users);
      const rows = HOSTILE_TEXTS.map((text) =>
        user(text, { name: text, email: text, tags: [text] }),
      );
      await table.putBulk(rows);
      await table.put(user("neighbour"));
      for (const [i, text] of HOSTILE_TEXTS.entries()) {
        assertEqual(await table.get({ id: text }), rows[i], `get ${show(text)}`);
        assertEqual(
          await table.query({ name: text, email: text }),
          [rows[i]],
          `query ${show(text)}`,
        );
        const prefixed = (await table.query({ name: { operator: "prefix", value: text } })) ?? [];
        assertEqual(
          prefixed.length,
          HOSTILE_TEXTS.filter((other) => other.startsWith(text)).length,
          `the rows whose name begins with ${show(text)}`,
        );
      }
      for (const text of HOSTILE_TEXTS) await table.deleteSearch({ name: text });
      assertEqual(await table.getAll(), [user("neighbour")], "the rows left");
    },
  },
  {
    name: "cursors that were changed, cut, made up or made for another query are refused",
    run: async (c) => {
      const table = await c.tabular(pairs);
      await table.putBulk(
        Array.from({ length: 10 }, (_, rank) => ({ group: "g", rank, note: `${rank % 3}` })),
      );
      const orderBy = [{ column: "note", direction: "ASC" }] as const;
      const cursor = (await table.getPage({ orderBy, limit: 3 })).nextCursor as string;
      const name = "StorageInvalidCursorError";
      const refused = (
        given: unknown,
        what: string,
        options: object = { orderBy },
      ): Promise<void> =>
        assertInvalid(() => table.getPage({ ...options, cursor: given as string }), what, name);
      const random = seededRandom(11);
      for (let i = 0; i < 60; i++) {
        const at = Math.floor(random() * cursor.length);
        const other = String.fromCharCode(97 + Math.floor(random() * 26));
        if (cursor[at] === other) continue;
        await refused(
          cursor.slice(0, at) + other + cursor.slice(at + 1),
          `a cursor changed at ${at}`,
        );
      }
      for (const given of [
        cursor.slice(1),
        cursor.slice(0, -1),
        cursor.slice(0, 10),
        `${cursor}A`,
        cursor + cursor,
        "",
      ]) {
        await refused(given, `the cursor ${show(given)}`);
      }
      for (const given of [
        "x",
        "e30",
        "W10",
        "\u{1f600}",
        "' OR 1=1 --",
        btoa('["g",5]'),
        5,
        null,
        {},
        ["a"],
        true,
      ]) {
        await refused(given, `the cursor ${show(given)}`);
      }
      await refused(cursor, "a cursor of another order", {
        orderBy: [{ column: "note", direction: "DESC" }],
      });
      await refused(cursor, "a cursor of an order", {});
      await refused(cursor, "a cursor without criteria", { orderBy, criteria: { group: "g" } });
      assertEqual(
        (await table.getPage({ orderBy, cursor, limit: 1 })).items.length,
        1,
        "the rows of the true cursor",
      );
    },
  },
  {
    name: "a bad call leaves the rows, their indexes and the counter as they were",
    run: async (c) => {
      const table = await c.tabular(counted);
      await table.put({ name: "a" });
      for (const bad of [
        { name: 5 },
        { name: "b", extra: 1 },
        {},
        { id: 1.5, name: "b" },
        { id: 99, name: null },
      ]) {
        await assertInvalid(() => table.put(bad), `put(${show(bad)})`);
        await assertInvalid(
          () => table.putBulk([{ name: "ok" }, bad]),
          `putBulk with ${show(bad)}`,
        );
      }
      assertEqual(await table.put({ name: "b" }), { id: 2, name: "b" }, "the next row");
      assertEqual(
        await table.getAll(),
        [
          { id: 1, name: "a" },
          { id: 2, name: "b" },
        ],
        "the rows",
      );
    },
  },
  {
    name: "errors say where they arose and hold no value",
    run: async (c) => {
      const table = await c.tabular({ ...users, table: "named_table" });
      const secret = "s3cret-value";
      const calls: readonly (() => Promise<unknown>)[] = [
        () => table.put(user("a", { age: secret })),
        () => table.put(user("a", { name: `${secret}\0` })),
        () => table.query({ age: secret }),
        () => table.query({ name: { operator: secret, value: "x" } } as never),
        () => table.getPage({ cursor: secret }),
        () => table.get({ id: { [secret]: 1 } }),
      ];
      for (const call of calls) {
        const error = (await rejection(call, "a bad call")) as Error & { storage?: string };
        assert(!error.message.includes(secret), `the error ${show(error)} holds the value`);
        assert(
          error.message.includes(String(error.storage)),
          `the error ${show(error)} does not name the storage`,
        );
      }
      await table.insert(user("taken"));
      await assertRejects(
        () => table.insert(user("taken")),
        { name: "StorageConflictError" },
        "a taken key",
      );
    },
  },
  {
    name: "nothing that a caller gives changes the prototype of all objects",
    run: async (c) => {
      const table = await c.tabular(everyType);
      const evil = JSON.parse(
        '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
      ) as Record<string, unknown>;
      await table.put({ id: "x", object: evil });
      await rejection(() => table.put({ id: "y", ...evil }), "a row with evil columns");
      await rejection(() => table.query(evil), "evil criteria");
      await rejection(() => table.update({ id: "x" }, evil), "an evil patch");
      await collect(table.records());
      assert(!("polluted" in {}), "the prototype of all objects was changed");
    },
  },
];
