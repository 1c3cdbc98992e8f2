import { assertEqual } from "../assert.ts";
import { shuffled } from "../collect.ts";
import type { Case, TestRow } from "../harness.ts";
import { seededRandom, TEXTS_BY_CODE_POINT } from "../samples.ts";
import { show } from "../show.ts";
import { measurementRows } from "./measurements.ts";
import { asc, desc, ORDERS } from "./orders.ts";
import { orUndefined, sorted } from "./reference.ts";
import { everyType, measurements, pairs, user, users } from "./tables.ts";

export const orderCases: readonly Case[] = [
  {
    name: "orders by any columns, nulls first ascending and last descending, ties by key in the last direction",
    run: async (c) => {
      const table = await c.tabular(measurements);
      const rows = measurementRows();
      await table.putBulk(rows);
      for (const orderBy of ORDERS) {
        const expected = sorted(rows, orderBy, ["id"]);
        assertEqual(await table.getAll({ orderBy }), expected, `getAll by ${show(orderBy)}`);
        const some = expected.filter(({ count }) => (count as number) <= 2);
        const criteria = { count: { operator: "<=", value: 2 } } as const;
        assertEqual(await table.query(criteria, { orderBy }), some, `query by ${show(orderBy)}`);
      }
    },
  },
  {
    name: "orders texts by code point, whether the column has an index or not",
    run: async (c) => {
      const rows = TEXTS_BY_CODE_POINT.map((name, age) => user(`${age}`, { name, age }));
      for (const indexes of [[], ["name"]]) {
        const table = await c.tabular({ ...users, indexes });
        await table.putBulk(shuffled(rows, seededRandom(3)));
        assertEqual(await table.getAll({ orderBy: [asc("name")] }), rows, "ascending");
        assertEqual(
          await table.getAll({ orderBy: [desc("name")] }),
          rows.toReversed(),
          "descending",
        );
      }
    },
  },
  {
    name: "orders by key without an order",
    run: async (c) => {
      const table = await c.tabular(users);
      const rows = TEXTS_BY_CODE_POINT.map((id) => user(id));
      await table.putBulk(shuffled(rows, seededRandom(4)));
      assertEqual(await table.getAll(), rows, "getAll");
      const all = { name: { operator: "prefix", value: "name" } } as const;
      assertEqual(await table.query(all), rows, "query");
      assertEqual(await table.getBulk(0, 100), rows, "getBulk");
    },
  },
  {
    name: "breaks ties by the whole compound key",
    run: async (c) => {
      const table = await c.tabular(pairs);
      const rows = ["a", "b"].flatMap((group) =>
        [1, 2].map((rank) => ({ group, rank, note: "same" })),
      );
      await table.putBulk(shuffled(rows, seededRandom(5)));
      assertEqual(await table.getAll({ orderBy: [asc("note")] }), rows, "ascending");
      assertEqual(await table.getAll({ orderBy: [desc("note")] }), rows.toReversed(), "descending");
      const byRank = sorted(rows, [desc("rank")], ["group", "rank"]);
      assertEqual(
        await table.getAll({ orderBy: [desc("rank")] }),
        byRank,
        "by a column of the key",
      );
    },
  },
  {
    name: "limit and offset cut the ordered rows",
    run: async (c) => {
      const table = await c.tabular(measurements);
      const rows = measurementRows();
      await table.putBulk(rows);
      const orderBy = [desc("number"), asc("text")];
      const expected = sorted(rows, orderBy, ["id"]);
      const criteria = { count: { operator: "!=", value: 1 } } as const;
      const matching = expected.filter(({ count }) => count !== 1);
      for (const [offset, limit] of [
        [0, 1],
        [0, 7],
        [5, 10],
        [55, 10],
        [59, 1],
        [60, 1],
        [1_000, 5],
        [3, undefined],
        [undefined, 2],
      ]) {
        const [from, to] = [offset ?? 0, limit === undefined ? undefined : (offset ?? 0) + limit];
        const what = `offset ${offset} limit ${limit}`;
        const options = {
          orderBy,
          ...(offset !== undefined && { offset }),
          ...(limit !== undefined && { limit }),
        };
        assertEqual(
          await table.getAll(options),
          orUndefined(expected.slice(from, to)),
          `getAll ${what}`,
        );
        assertEqual(
          await table.query(criteria, options),
          orUndefined(matching.slice(from, to)),
          `query ${what}`,
        );
      }
    },
  },
  {
    name: "getBulk gives a slice in the order of the key, or undefined",
    run: async (c) => {
      const table = await c.tabular(users);
      const rows = Array.from({ length: 25 }, (_, i) => user(String.fromCharCode(97 + i)));
      await table.putBulk(rows.toReversed());
      for (const [offset, limit] of [
        [0, 10],
        [10, 10],
        [20, 10],
        [24, 1],
        [25, 1],
        [100, 5],
        [0, 1_000],
      ] as const) {
        const expected = orUndefined(rows.slice(offset, offset + limit));
        assertEqual(await table.getBulk(offset, limit), expected, `getBulk(${offset}, ${limit})`);
      }
    },
  },
  {
    name: "getMany keeps the order given, leaves missing rows out and repeats none",
    run: async (c) => {
      const table = await c.tabular(pairs);
      const rows = Array.from({ length: 1_500 }, (_, rank) => ({ group: `${rank % 3}`, rank }));
      await table.putBulk(rows);
      const keys = [
        rows[5],
        { group: "x", rank: 5 },
        rows[2],
        rows[5],
        { group: "2", rank: 5 },
      ] as TestRow[];
      assertEqual(await table.getMany(keys), [rows[5], rows[2]], "getMany");
      assertEqual(await table.getMany([]), [], "getMany of nothing");
      const many = shuffled(rows, seededRandom(6));
      assertEqual(await table.getMany(many), many, "getMany of 1,500 keys");
    },
  },
  {
    name: "select gives the columns asked for and no other",
    run: async (c) => {
      const table = await c.tabular(everyType);
      const rows = ["a", "b"].map((id) => ({
        id,
        text: "t",
        number: 1,
        object: { a: 1 },
        bytes: new Uint8Array(1),
      }));
      await table.putBulk([...rows, { id: "c" }]);
      const select = ["object", "id"];
      const expected = [{ id: "a", object: { a: 1 } }, { id: "b", object: { a: 1 } }, { id: "c" }];
      assertEqual(await table.getAll({ select }), expected, "getAll");
      assertEqual(await table.query({ text: "t" }, { select }), expected.slice(0, 2), "query");
      assertEqual(
        await table.query({ text: "t" }, { select: ["number"] }),
        [{ number: 1 }, { number: 1 }],
        "without the key",
      );
      const orderBy = [desc("text")];
      assertEqual(
        await table.getAll({ select: ["id"], orderBy, limit: 2 }),
        [{ id: "b" }, { id: "a" }],
        "by another column",
      );
      assertEqual(
        await table.getAll({ select: ["id", "id"] }),
        [{ id: "a" }, { id: "b" }, { id: "c" }],
        "a column twice",
      );
      const page = await table.getPage({ select: ["number"], orderBy, limit: 1 });
      assertEqual(page.items, [{ number: 1 }], "getPage");
      const next = await table.getPage({
        select: ["number"],
        orderBy,
        limit: 5,
        cursor: page.nextCursor,
      });
      assertEqual(next.items, [{ number: 1 }, {}], "the next page");
    },
  },
];
