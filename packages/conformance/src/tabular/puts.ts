import { assertEqual, assertInvalid } from "../assert.ts";
import type { Case, TestRow } from "../harness.ts";
import { show } from "../show.ts";
import { account, accounts, user, users } from "./tables.ts";

const ids = (rows: readonly TestRow[] | undefined): unknown[] => (rows ?? []).map(({ id }) => id);

export const putCases: readonly Case[] = [
  {
    name: "starts empty",
    run: async (c) => {
      const table = await c.tabular(users);
      assertEqual(await table.get({ id: "x" }), undefined, "get");
      assertEqual(await table.getAll(), undefined, "getAll");
      assertEqual(await table.query({ name: "x" }), undefined, "query");
      assertEqual(await table.getBulk(0, 10), undefined, "getBulk");
      assertEqual(await table.getMany([{ id: "x" }]), [], "getMany");
      assertEqual(await table.getPage(), { items: [] }, "getPage");
      assertEqual(await table.size(), 0, "size");
      assertEqual(await table.count({ name: "x" }), 0, "count");
    },
  },
  {
    name: "put inserts or replaces, and gives the row as stored",
    run: async (c) => {
      const table = await c.tabular(users);
      assertEqual(await table.put({ id: "a", name: "first", age: 1 }), {
        id: "a",
        name: "first",
        age: 1,
        email: null,
      });
      assertEqual(await table.put({ name: "second", id: "a" }), {
        id: "a",
        name: "second",
        email: null,
      });
      assertEqual(await table.getAll(), [{ id: "a", name: "second", email: null }]);
    },
  },
  {
    name: "putBulk stores all rows and gives them in the order of the input",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("m", { name: "old" }));
      const rows = ["z", "a", "m", "b", "\u{1f600}", "\uffff"].map((id) => user(id));
      assertEqual(await table.putBulk(rows), rows, "what putBulk gave");
      assertEqual(
        ids(await table.getAll()),
        ["a", "b", "m", "z", "\uffff", "\u{1f600}"],
        "the ids",
      );
      assertEqual(await table.putBulk([]), [], "an empty bulk");
    },
  },
  {
    name: "putBulk stores thousands of rows",
    run: async (c) => {
      const table = await c.tabular(users);
      const rows = Array.from({ length: 5_000 }, (_, i) =>
        user(`${i}`.padStart(5, "0"), { age: i }),
      );
      assertEqual(await table.putBulk(rows.toReversed()), rows.toReversed(), "what putBulk gave");
      assertEqual(await table.size(), 5_000, "the size");
      assertEqual(await table.getAll(), rows, "the rows");
    },
  },
  {
    name: "putBulk lets the last of a repeated key win, and gives one result per input",
    run: async (c) => {
      const table = await c.tabular(users);
      const input = [
        user("a", { age: 1 }),
        user("b"),
        user("a", { age: 2 }),
        user("c"),
        user("a", { tags: [] }),
      ];
      const stored = await table.putBulk(input);
      assertEqual(ids(stored), ["a", "b", "a", "c", "a"], "the ids of the results");
      assertEqual(stored.at(-1), user("a", { tags: [] }), "the last result");
      assertEqual(
        await table.getAll(),
        [user("a", { tags: [] }), user("b"), user("c")],
        "the rows",
      );
    },
  },
  {
    name: "putBulk gives results that share nothing",
    run: async (c) => {
      const table = await c.tabular(users);
      const stored = await table.putBulk([user("a", { tags: ["x"] }), user("a", { tags: ["x"] })]);
      (stored[0] as { tags: string[] }).tags.push("changed");
      assertEqual((stored[1] as TestRow).tags, ["x"], "the tags of the other result");
      assertEqual((await table.get({ id: "a" }))?.tags, ["x"], "the stored tags");
    },
  },
  {
    name: "putBulk stores nothing when one row is bad",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("a", { age: 1 }));
      const good = [user("a", { age: 2 }), user("b")];
      for (const bad of [
        { id: "c" },
        user("c", { age: "1" }),
        user("c", { other: 1 }),
        null,
        undefined,
        "row",
      ]) {
        await assertInvalid(
          () => table.putBulk([...good, bad as TestRow]),
          `a bulk with ${show(bad)}`,
        );
        await assertInvalid(
          () => table.putBulk([bad as TestRow, ...good]),
          `a bulk with ${show(bad)}`,
        );
      }
      assertEqual(await table.getAll(), [user("a", { age: 1 })], "the rows");
    },
  },
  {
    name: "calls on one key take effect in the order in which they were made",
    run: async (c) => {
      const table = await c.tabular(users);
      const calls: Promise<unknown>[] = [];
      const expectRead = (read: Promise<unknown>, value: unknown, what: string): void => {
        calls.push(read.then((found) => assertEqual(found, value, what)));
      };
      for (let age = 0; age < 30; age++) {
        calls.push(table.put(user("a", { age })));
        expectRead(table.get({ id: "a" }), user("a", { age }), "get after put");
        calls.push(table.update({ id: "a" }, { age: age + 1_000 }));
        expectRead(table.count({ age: age + 1_000 }), 1, "count after update");
        if (age % 7 === 3) {
          calls.push(table.delete({ id: "a" }));
          expectRead(table.get({ id: "a" }), undefined, "get after delete");
          calls.push(table.putBulk([user("b", { age }), user("a", { age: -1 })]));
          expectRead(
            table.getMany([{ id: "a" }]),
            [user("a", { age: -1 })],
            "getMany after putBulk",
          );
          calls.push(table.deleteSearch({ age: -1 }));
          expectRead(table.query({ id: "a" }), undefined, "query after deleteSearch");
        }
      }
      await Promise.all(calls);
      assertEqual(await table.getAll(), [user("a", { age: 1_029 }), user("b", { age: 24 })]);
    },
  },
  {
    name: "a bad call among others fails alone",
    run: async (c) => {
      const table = await c.tabular(accounts);
      await table.putBulk([account("a"), account("c")]);
      const settled = await Promise.allSettled([
        table.put(account("a", { number: 1 })),
        table.put(account("b", { email: 5 })),
        table.put(account("c")),
        table.insert(account("a")),
        table.insert(account("d", { email: "a@example.org" })),
        table.put(account("e")),
        table.putBulk([account("f"), account("g", { email: "c@example.org" })]),
        table.put(account("h")),
      ]);
      assertEqual(
        settled.map(({ status }) => status === "fulfilled"),
        [true, false, true, false, false, true, false, true],
        "which calls succeeded",
      );
      assertEqual(ids(await table.getAll()), ["a", "c", "e", "h"], "the ids");
    },
  },
];
