import { not, or, type SearchCriteria } from "@workglow/storage";
import { assertEqual, assertInvalid } from "../assert.ts";
import type { Case, TestRow } from "../harness.ts";
import { show } from "../show.ts";
import { byId, checkQuery, measurementRows } from "./measurements.ts";
import { criteriaOf, matches, orUndefined, type Tree } from "./reference.ts";
import { measurements, user, users } from "./tables.ts";

export const combinationCases: readonly Case[] = [
  {
    name: "conditions of several columns all have to hold",
    run: async (c) => {
      const table = await c.tabular(measurements);
      const rows = measurementRows();
      await table.putBulk(rows);
      const criteria = {
        flag: true,
        number: { operator: ">", value: 0 },
        text: { operator: "!=", value: "a" },
      } as const;
      const expected = rows.filter(
        ({ flag, number, text }) =>
          flag === true && number !== null && (number as number) > 0 && text !== "a",
      );
      assertEqual(await table.query(criteria), orUndefined(byId(expected)), "the rows");
      assertEqual(
        await table.query({ flag: true, number: null }),
        orUndefined(byId(rows.filter((r) => r.flag === true && r.number === null))),
      );
    },
  },
  {
    name: "a list of conditions on one column is a range",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.putBulk(Array.from({ length: 10 }, (_, age) => user(`${age}`, { age })));
      const within = async (
        ...age: readonly { operator: string; value: unknown }[]
      ): Promise<unknown> => ((await table.query({ age } as never)) ?? []).map((row) => row.age);
      const [from, to] = [
        { operator: ">=", value: 3 },
        { operator: "<", value: 6 },
      ];
      assertEqual(await within(from, to), [3, 4, 5], "3 <= age < 6");
      assertEqual(await within(from, to, { operator: "!=", value: 4 }), [3, 5], "without 4");
      assertEqual(
        await within({ operator: ">", value: 6 }, { operator: "<", value: 3 }),
        [],
        "an empty range",
      );
      assertEqual(await within(from), [3, 4, 5, 6, 7, 8, 9], "a list of one");
      await assertInvalid(() => within(), "an empty list");
    },
  },
  {
    name: "or holds where one part does, not where its criteria do not, at any depth",
    run: async (c) => {
      const table = await c.tabular(measurements);
      const rows = measurementRows();
      await table.putBulk(rows);
      const a: Tree = { kind: "column", column: "text", operator: "=", value: "a" };
      const b: Tree = { kind: "column", column: "number", operator: "<", value: 1 };
      const d: Tree = { kind: "column", column: "flag", operator: "=", value: null };
      const e: Tree = { kind: "column", column: "count", operator: "in", value: [0, 10] };
      const trees: Tree[] = [
        { kind: "or", parts: [a, b] },
        { kind: "or", parts: [a, b, d, e] },
        { kind: "or", parts: [a] },
        { kind: "not", part: { kind: "or", parts: [a, b] } },
        { kind: "not", part: { kind: "not", part: b } },
        {
          kind: "or",
          parts: [
            { kind: "not", part: a },
            { kind: "and", parts: [b, d] },
          ],
        },
        {
          kind: "and",
          parts: [
            { kind: "or", parts: [a, b] },
            { kind: "or", parts: [d, e] },
          ],
        },
        {
          kind: "not",
          part: { kind: "and", parts: [b, { kind: "not", part: { kind: "or", parts: [d, e] } }] },
        },
      ];
      for (const tree of trees) await checkQuery(table, rows, tree);
    },
  },
  {
    name: "or and not take criteria of several columns, and stand beside columns",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.putBulk(
        ["a", "b", "c", "d"].map((id, age) => user(id, { age, email: age % 2 ? "e" : null })),
      );
      const found = async (criteria: SearchCriteria<TestRow>): Promise<unknown> =>
        ((await table.query(criteria)) ?? []).map(({ id }) => id);
      assertEqual(
        await found(or({ age: 0, email: null }, { age: 1, email: null }, { age: 3 })),
        ["a", "d"],
        "or",
      );
      assertEqual(await found(not({ age: 1, email: "e" })), ["a", "c", "d"], "not");
      assertEqual(
        await found({ email: "e", ...or({ age: 1 }, { age: 2 }) }),
        ["b"],
        "a column beside or",
      );
      assertEqual(await found({ email: null, ...not({ age: 2 }) }), ["a"], "a column beside not");
      assertEqual(await found(or()), [], "or of nothing");
      assertEqual(await table.count(or({ age: 0 }, { age: 1 })), 2, "count");
      await table.deleteSearch(or({ age: 0 }, not({ email: null })));
      assertEqual(await found(not({ id: "" })), ["c"], "what deleteSearch left");
      assertEqual((await table.getPage({ criteria: or({ age: 2 }, { age: 9 }) })).items, [
        user("c", { age: 2 }),
      ]);
    },
  },
  {
    name: "deleteSearch deletes exactly what query finds",
    run: async (c) => {
      const rows = measurementRows();
      const trees: Tree[] = [
        { kind: "column", column: "text", operator: "prefix", value: "a" },
        { kind: "column", column: "number", operator: "!=", value: 1 },
        { kind: "column", column: "big", operator: ">", value: 2n ** 53n },
        {
          kind: "column",
          column: "at",
          operator: "not-in",
          value: [null, "2024-01-01T00:00:00.000Z"],
        },
        {
          kind: "not",
          part: { kind: "column", column: "bytes", operator: "<=", value: new Uint8Array([0]) },
        },
      ];
      for (const tree of trees) {
        const table = await c.tabular(measurements);
        await table.putBulk(rows);
        await table.deleteSearch(criteriaOf(tree));
        const expected = byId(rows.filter((row) => !matches(row, tree)));
        assertEqual(
          await table.getAll(),
          orUndefined(expected),
          `what deleteSearch ${show(tree)} left`,
        );
      }
    },
  },
  {
    name: "finds date-times by any spelling of the same instant",
    run: async (c) => {
      const table = await c.tabular(measurements);
      const row = {
        id: 1,
        text: null,
        number: null,
        count: 0,
        flag: null,
        at: "2024-01-01T00:00:00.000Z",
        big: null,
        bytes: null,
      };
      await table.put(row);
      for (const at of [
        "2024-01-01",
        "2024-01-01T00:00:00Z",
        "2024-01-01T02:00:00+02:00",
        new Date("2024-01-01T00:00:00Z"),
      ]) {
        assertEqual(await table.query({ at } as never), [row], `at = ${show(at)}`);
        assertEqual(
          await table.count({ at: { operator: "in", value: [at as string] } }),
          1,
          `at in [${show(at)}]`,
        );
        assertEqual(
          await table.count({ at: { operator: ">", value: at as string } }),
          0,
          `at > ${show(at)}`,
        );
        assertEqual(
          await table.count({ at: { operator: "<=", value: at as string } }),
          1,
          `at <= ${show(at)}`,
        );
      }
    },
  },
];
