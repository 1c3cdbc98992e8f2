import { assertInvalid } from "../assert.ts";
import { collect } from "../collect.ts";
import type { Case } from "../harness.ts";
import { show } from "../show.ts";
import { asc } from "./orders.ts";
import { everyType, user, users } from "./tables.ts";

export const readRefusalCases: readonly Case[] = [
  {
    name: "refuses limits, offsets and page sizes that are no counts",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("a"));
      const name = "StorageInvalidLimitError";
      const criteria = { name: "name of a" };
      for (const limit of [
        0,
        -1,
        1.5,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        "1",
        null,
        "1; DROP TABLE x",
      ] as number[]) {
        await assertInvalid(() => table.getAll({ limit }), `getAll, limit ${show(limit)}`, name);
        await assertInvalid(
          () => table.query(criteria, { limit }),
          `query, limit ${show(limit)}`,
          name,
        );
        await assertInvalid(() => table.getPage({ limit }), `getPage, limit ${show(limit)}`, name);
        await assertInvalid(() => table.getBulk(0, limit), `getBulk, limit ${show(limit)}`, name);
        await assertInvalid(() => collect(table.records(limit)), `records(${show(limit)})`, name);
        await assertInvalid(() => collect(table.pages(limit)), `pages(${show(limit)})`, name);
      }
      for (const offset of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, "0", null] as number[]) {
        await assertInvalid(() => table.getAll({ offset }), `getAll, offset ${show(offset)}`, name);
        await assertInvalid(
          () => table.query(criteria, { offset }),
          `query, offset ${show(offset)}`,
          name,
        );
        await assertInvalid(
          () => table.getBulk(offset, 1),
          `getBulk, offset ${show(offset)}`,
          name,
        );
      }
    },
  },
  {
    name: "refuses orders and selections of unknown columns, directions and shapes",
    run: async (c) => {
      const table = await c.tabular(everyType);
      await table.put({ id: "x" });
      const name = "StorageInvalidColumnError";
      for (const column of [
        "other",
        "ID",
        "constructor",
        "__proto__",
        "toString",
        "",
        'id" --',
        "id; DROP TABLE x",
        "1",
        null,
        undefined,
        1,
        {},
      ] as string[]) {
        const what = show(column);
        const orderBy = [{ column, direction: "ASC" }] as const;
        await assertInvalid(() => table.getAll({ orderBy }), `getAll ordered by ${what}`, name);
        await assertInvalid(
          () => table.query({ id: "x" }, { orderBy }),
          `query ordered by ${what}`,
          name,
        );
        await assertInvalid(() => table.getPage({ orderBy }), `getPage ordered by ${what}`, name);
        await assertInvalid(() => table.getAll({ select: [column] }), `getAll of ${what}`, name);
        await assertInvalid(
          () => table.query({ id: "x" }, { select: ["id", column] }),
          `query of ${what}`,
          name,
        );
        await assertInvalid(() => table.getPage({ select: [column] }), `getPage of ${what}`, name);
      }
      for (const direction of ["asc", "ASC; DROP TABLE x", "", null, undefined, 1] as never[]) {
        const orderBy = [{ column: "id", direction }];
        await assertInvalid(() => table.getAll({ orderBy }), `the direction ${show(direction)}`);
        await assertInvalid(() => table.getPage({ orderBy }), `the direction ${show(direction)}`);
      }
      for (const orderBy of ["id", {}, [null], [["id", "ASC"]], 5] as never[]) {
        await assertInvalid(() => table.getAll({ orderBy }), `orderBy ${show(orderBy)}`);
      }
      for (const select of ["id", {}, [], 5] as never[]) {
        await assertInvalid(() => table.getAll({ select }), `select ${show(select)}`);
      }
      for (const column of ["object", "list", "vector"]) {
        await assertInvalid(
          () => table.getAll({ orderBy: [asc(column)] }),
          `an order by ${column}`,
        );
      }
    },
  },
];
