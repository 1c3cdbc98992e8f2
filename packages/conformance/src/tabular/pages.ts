import { assertEqual } from "../assert.ts";
import { collect } from "../collect.ts";
import type { Case, TestRow } from "../harness.ts";
import { show } from "../show.ts";
import { measurementRows } from "./measurements.ts";
import { asc, desc, ORDERS } from "./orders.ts";
import { type Order, sorted } from "./reference.ts";
import { measurements, pairs, user, users } from "./tables.ts";

const pageSizes = [1, 2, 3, 7, 59, 60, 61, 1_000];

export const pageCases: readonly Case[] = [
  {
    name: "pages by cursor give every row once, in any order",
    timeoutMs: 30_000,
    run: async (c) => {
      const table = await c.tabular(measurements);
      const rows = measurementRows();
      await table.putBulk(rows);
      for (const orderBy of ORDERS) {
        const expected = sorted(rows, orderBy, ["id"]);
        for (const limit of [1, 7, 20]) {
          const read: TestRow[] = [];
          let cursor: string | undefined;
          do {
            const page = await table.getPage({ orderBy, limit, cursor });
            read.push(...page.items);
            cursor = page.nextCursor;
          } while (cursor !== undefined && read.length <= rows.length);
          assertEqual(read, expected, `the rows by ${show(orderBy)}, ${limit} a page`);
        }
      }
    },
  },
  {
    name: "pages by cursor obey criteria",
    run: async (c) => {
      const table = await c.tabular(measurements);
      const rows = measurementRows();
      await table.putBulk(rows);
      const criteria = { text: { operator: "!=", value: "a" } } as const;
      for (const orderBy of [[desc("number")], [asc("text"), desc("number")], []] as Order[]) {
        const expected = sorted(
          rows.filter(({ text }) => text !== "a"),
          orderBy,
          ["id"],
        );
        const read: TestRow[] = [];
        let cursor: string | undefined;
        do {
          const page = await table.getPage({ criteria, orderBy, limit: 4, cursor });
          read.push(...page.items);
          cursor = page.nextCursor;
        } while (cursor !== undefined && read.length <= rows.length);
        assertEqual(read, expected, `the rows by ${show(orderBy)}`);
      }
      const none = await table.getPage({ criteria: { count: { operator: "in", value: [] } } });
      assertEqual(none, { items: [] }, "a page of nothing");
    },
  },
  {
    name: "the last page has no cursor, even when it is full",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.putBulk(["a", "b", "c", "d"].map((id) => user(id)));
      const first = await table.getPage({ limit: 2 });
      assertEqual(typeof first.nextCursor, "string", "the type of the cursor");
      const second = await table.getPage({ limit: 2, cursor: first.nextCursor });
      assertEqual(second, { items: [user("c"), user("d")] }, "the last page");
      assertEqual(
        "nextCursor" in (await table.getPage({ limit: 4 })),
        false,
        "a cursor of all rows",
      );
      assertEqual((await table.getPage()).items.length, 4, "the rows of a page without options");
    },
  },
  {
    name: "a page without a limit holds 100 rows",
    run: async (c) => {
      const table = await c.tabular(users);
      const rows = Array.from({ length: 250 }, (_, i) => user(`${i}`.padStart(3, "0")));
      await table.putBulk(rows);
      const first = await table.getPage();
      assertEqual(first.items, rows.slice(0, 100), "the first page");
      const second = await table.getPage({ cursor: first.nextCursor, limit: 200 });
      assertEqual(second.items, rows.slice(100), "the rest");
      assertEqual(
        (await collect(table.pages())).map(({ length }) => length),
        [100, 100, 50],
        "pages()",
      );
    },
  },
  {
    name: "pages stay right while rows come and go, nulls and mixed directions included",
    timeoutMs: 30_000,
    run: async (c) => {
      const stay = measurementRows();
      for (const orderBy of [
        [],
        [desc("number")],
        [asc("text"), desc("number")],
        [desc("flag"), asc("big")],
      ] as Order[]) {
        const table = await c.tabular(measurements);
        await table.putBulk(stay);
        const passing = stay.map((row) => ({ ...row, id: (row.id as number) + 1_000 }));
        await table.putBulk(passing);
        const seen: TestRow[] = [];
        let cursor: string | undefined;
        let round = 0;
        do {
          const page = await table.getPage({ orderBy, limit: 7, cursor });
          seen.push(...page.items);
          cursor = page.nextCursor;
          // Rows vanish and appear all over the order, before and behind the cursor.
          for (let i = round; i < passing.length; i += 9) await table.delete({ id: i + 1_000 });
          await table.putBulk(
            stay.slice(0, 5).map((row, i) => ({ ...row, id: 5_000 + 10 * round + i })),
          );
          round++;
        } while (cursor !== undefined && round < 100);
        const ids = seen.map(({ id }) => id);
        assertEqual(
          new Set(ids).size,
          ids.length,
          `the number of distinct rows by ${show(orderBy)}`,
        );
        const kept = seen.filter(({ id }) => (id as number) < 1_000);
        assertEqual(
          kept,
          sorted(stay, orderBy, ["id"]),
          `the rows that stayed, by ${show(orderBy)}`,
        );
        assertEqual(seen, sorted(seen, orderBy, ["id"]), `all rows read, by ${show(orderBy)}`);
      }
    },
  },
  {
    name: "a page goes on after a row that has been deleted",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.putBulk(["a", "b", "c", "d"].map((id) => user(id)));
      const { nextCursor } = await table.getPage({ limit: 2 });
      await table.deleteSearch({ id: { operator: "in", value: ["a", "b", "c"] } });
      assertEqual(await table.getPage({ limit: 2, cursor: nextCursor }), { items: [user("d")] });
      await table.deleteAll();
      assertEqual(await table.getPage({ limit: 2, cursor: nextCursor }), { items: [] });
    },
  },
  {
    name: "records and pages give every row by key, whatever the page size",
    run: async (c) => {
      const table = await c.tabular(measurements);
      const rows = measurementRows();
      await table.putBulk(rows);
      const expected = sorted(rows, [], ["id"]);
      for (const size of pageSizes) {
        assertEqual(await collect(table.records(size)), expected, `records(${size})`);
        const pages = await collect(table.pages(size));
        assertEqual(pages.flat(), expected, `pages(${size})`);
        const lengths = pages.map(({ length }) => length);
        assertEqual(
          lengths.every(
            (length, i) => length === size || (i === pages.length - 1 && length < size),
          ),
          true,
          `the lengths ${show(lengths)} of pages(${size})`,
        );
      }
      assertEqual(await collect(table.records()), expected, "records()");
      const empty = await c.tabular(users);
      assertEqual(await collect(empty.records()), [], "records() of an empty table");
      assertEqual(await collect(empty.pages()), [], "pages() of an empty table");
    },
  },
  {
    name: "records stay right while rows come and go",
    run: async (c) => {
      const table = await c.tabular(pairs);
      const stay = Array.from({ length: 120 }, (_, i) => ({ group: `${i % 4}`, rank: 10 * i }));
      await table.putBulk([...stay, ...stay.map((row) => ({ ...row, rank: row.rank + 1 }))]);
      const seen: TestRow[] = [];
      for await (const row of table.records(10)) {
        seen.push(row);
        const { group, rank } = row as { group: string; rank: number };
        // Behind the walk and ahead of it.
        await table.delete({ group, rank: rank - 39 });
        if (rank % 10 === 0) await table.delete({ group: "3", rank: 1_201 - rank });
        if (rank % 10 === 0) await table.put({ group, rank: rank - 5 });
      }
      assertEqual(seen, sorted(seen, [], ["group", "rank"]), "the rows seen, in order");
      assertEqual(
        new Set(seen.map(({ group, rank }) => `${group} ${rank}`)).size,
        seen.length,
        "the number of distinct rows",
      );
      assertEqual(
        seen.filter(({ rank }) => (rank as number) % 10 === 0),
        sorted(stay, [], ["group", "rank"]),
        "the rows that stayed",
      );
    },
  },
  {
    name: "records can be left early",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.putBulk(["a", "b", "c"].map((id) => user(id)));
      for await (const row of table.records(1)) {
        assertEqual(row, user("a"), "the first row");
        break;
      }
      for await (const page of table.pages(2)) {
        assertEqual(page.length, 2, "the length of the first page");
        break;
      }
      await table.put(user("d"));
      assertEqual(await table.size(), 4, "the size");
    },
  },
  {
    name: "records walk 100,000 rows",
    timeoutMs: 60_000,
    run: async (c) => {
      const table = await c.tabular({ ...pairs, indexes: [] });
      for (let batch = 0; batch < 10; batch++) {
        const rows = Array.from({ length: 10_000 }, (_, i) => ({
          group: "g",
          rank: i * 10 + batch,
        }));
        await table.putBulk(rows);
      }
      let expected = 0;
      for await (const { rank } of table.records(1_000)) {
        if (rank !== expected) assertEqual(rank, expected, "the rank of the next row");
        expected++;
      }
      assertEqual(expected, 100_000, "the number of rows");
      let last: TestRow | undefined;
      for await (const page of table.pages(5_000)) last = page.at(-1);
      assertEqual(last, { group: "g", rank: 99_999 }, "the last row of the last page");
    },
  },
];
