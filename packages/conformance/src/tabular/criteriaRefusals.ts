import { not, or, type SearchCriteria } from "@workglow/storage";
import { assertEqual, assertInvalid } from "../assert.ts";
import type { Case, TestRow } from "../harness.ts";
import { show } from "../show.ts";
import { everyType, user, users } from "./tables.ts";

export const criteriaRefusalCases: readonly Case[] = [
  {
    name: "query refuses empty criteria, deleteSearch deletes nothing by them",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("a"));
      await assertInvalid(() => table.query({}), "query({})", "StorageEmptyCriteriaError");
      await assertInvalid(
        () => table.query(or({ name: "a" }, {})),
        "an empty part of or",
        "StorageEmptyCriteriaError",
      );
      await assertInvalid(() => table.query(not({})), "not({})", "StorageEmptyCriteriaError");
      await assertInvalid(
        () => table.deleteSearch(not({})),
        "deleteSearch of not({})",
        "StorageEmptyCriteriaError",
      );
      await table.deleteSearch({});
      assertEqual(await table.size(), 1, "the size");
    },
  },
  {
    name: "refuses undefined as a value",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("a"));
      const criteria: readonly SearchCriteria<TestRow>[] = [
        { name: undefined },
        { name: "a", age: undefined },
        { name: { operator: "=", value: undefined } },
        { name: { operator: "!=", value: undefined } },
        { name: { operator: "in", value: [undefined] } },
        or({ name: undefined }),
      ];
      for (const given of criteria) {
        await assertInvalid(() => table.query(given), `query(${show(given)})`);
        await assertInvalid(() => table.count(given), `count(${show(given)})`);
        await assertInvalid(() => table.deleteSearch(given), `deleteSearch(${show(given)})`);
      }
      assertEqual(await table.size(), 1, "the size");
    },
  },
  {
    name: "JSON and typed array columns can be compared with null only",
    run: async (c) => {
      const table = await c.tabular(everyType);
      await table.put({ id: "x", object: { a: 1 }, list: [1], vector: new Float32Array(1) });
      const values: Record<string, readonly unknown[]> = {
        object: [{ a: 1 }, {}, "x", 1],
        list: [[1], [], "[1]", 1],
        vector: [new Float32Array(1), [0], 0],
      };
      for (const [column, given] of Object.entries(values)) {
        assertEqual(await table.count({ [column]: null }), 0, `${column} null`);
        assertEqual(
          await table.count({ [column]: { operator: "!=", value: null } }),
          1,
          `${column} != null`,
        );
        for (const value of given) {
          for (const operator of ["=", "!=", "<", "in", "prefix"]) {
            const criteria = { [column]: { operator, value } } as never;
            await assertInvalid(
              () => table.query(criteria),
              `${column} ${operator} ${show(value)}`,
            );
          }
          await assertInvalid(() => table.query({ [column]: value }), `${column}: ${show(value)}`);
        }
      }
    },
  },
];
