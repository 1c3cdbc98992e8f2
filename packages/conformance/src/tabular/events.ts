import { assertEqual, assertInvalid, assertRejects } from "../assert.ts";
import type { Case, TestTabular } from "../harness.ts";
import { drain, recordEvents } from "../recordEvents.ts";
import { withSilentLogger } from "../silentLogger.ts";
import { account, accounts, counted, pairs, user, users } from "./tables.ts";

const NAMES = ["put", "get", "query", "delete", "clearall"];

const watched = (table: TestTabular): unknown[][] => recordEvents(table, NAMES);

export const eventCases: readonly Case[] = [
  {
    name: "put, insert and update emit put with the stored row",
    run: async (c) => {
      const table = await c.tabular(users);
      const log = watched(table);
      await table.put({ id: "a", name: "n" });
      await table.insert(user("b"));
      await table.update({ id: "a" }, { age: 3 });
      assertEqual(drain(log), [
        ["put", { id: "a", name: "n", email: null }],
        ["put", user("b")],
        ["put", { id: "a", name: "n", age: 3, email: null }],
      ]);
      const numbered = await c.tabular(counted);
      const numberedLog = watched(numbered);
      await numbered.put({ name: "generated" });
      assertEqual(drain(numberedLog), [["put", { id: 1, name: "generated" }]]);
    },
  },
  {
    name: "putBulk emits put once per row, in the order of the input",
    run: async (c) => {
      const table = await c.tabular(users);
      const log = watched(table);
      await table.putBulk(["c", "a", "b"].map((id) => user(id)));
      assertEqual(
        drain(log),
        ["c", "a", "b"].map((id) => ["put", user(id)]),
      );
      await table.putBulk([]);
      assertEqual(drain(log), []);
    },
  },
  {
    name: "putBulk emits one event per input, also for a key given twice",
    run: async (c) => {
      const table = await c.tabular(users);
      const log = watched(table);
      await table.putBulk([user("a", { age: 1 }), user("b"), user("a", { age: 2 })]);
      const heard = drain(log).map(([name, row]) => [name, (row as { id: unknown }).id]);
      assertEqual(heard, [
        ["put", "a"],
        ["put", "b"],
        ["put", "a"],
      ]);
    },
  },
  {
    name: "get emits get with the key and the row, or undefined",
    run: async (c) => {
      const table = await c.tabular(pairs);
      const row = { group: "g", rank: 1, note: "n" };
      await table.put(row);
      const log = watched(table);
      await table.get({ group: "g", rank: 1 });
      await table.get({ group: "g", rank: 2 });
      assertEqual(drain(log), [
        ["get", { group: "g", rank: 1 }, row],
        ["get", { group: "g", rank: 2 }, undefined],
      ]);
    },
  },
  {
    name: "query emits query with the criteria and the rows, or undefined",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.put(user("a"));
      const log = watched(table);
      await table.query({ name: "name of a" });
      await table.query({ id: { operator: "<", value: "a" } });
      await table.query({ id: { operator: "in", value: [] } });
      assertEqual(drain(log), [
        ["query", { name: "name of a" }, [user("a")]],
        ["query", { id: { operator: "<", value: "a" } }, undefined],
        ["query", { id: { operator: "in", value: [] } }, undefined],
      ]);
    },
  },
  {
    name: "delete emits delete with the key, for rows that were there only",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.putBulk(["a", "b"].map((id) => user(id)));
      const log = watched(table);
      await table.delete({ id: "missing" });
      await table.delete({ id: "a" });
      await table.delete({ id: "a" });
      await table.delete(user("b"));
      assertEqual(drain(log), [
        ["delete", { id: "a" }],
        ["delete", { id: "b" }],
      ]);
    },
  },
  {
    name: "deleteSearch emits delete once per row that it deleted",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.putBulk(["a", "b", "c"].map((id, age) => user(id, { age })));
      const log = watched(table);
      await table.deleteSearch({ age: { operator: ">=", value: 1 } });
      await table.deleteSearch({ age: 77 });
      await table.deleteSearch({});
      const heard = drain(log).sort(([, a], [, b]) =>
        (a as { id: string }).id < (b as { id: string }).id ? -1 : 1,
      );
      assertEqual(heard, [
        ["delete", { id: "b" }],
        ["delete", { id: "c" }],
      ]);
    },
  },
  {
    name: "deleteAll emits clearall once, and no delete",
    run: async (c) => {
      const table = await c.tabular(users);
      await table.putBulk(["a", "b"].map((id) => user(id)));
      const log = watched(table);
      await table.deleteAll();
      assertEqual(drain(log), [["clearall"]]);
    },
  },
  {
    name: "emits the exact sequence of a mixed run",
    run: async (c) => {
      const table = await c.tabular(users);
      const log = watched(table);
      await table.put(user("a"));
      await table.get({ id: "a" });
      await table.query({ id: "a" });
      await table.delete({ id: "a" });
      await table.deleteAll();
      assertEqual(drain(log), [
        ["put", user("a")],
        ["get", { id: "a" }, user("a")],
        ["query", { id: "a" }, [user("a")]],
        ["delete", { id: "a" }],
        ["clearall"],
      ]);
    },
  },
  {
    name: "emits nothing for writes that did not happen",
    run: async (c) => {
      const table = await c.tabular(accounts);
      await table.put(account("a"));
      const log = watched(table);
      const conflict = { name: "StorageConflictError" };
      const taken = { email: "a@example.org" };
      await assertRejects(() => table.insert(account("a")), conflict, "insert of a taken key");
      await table.insert(account("a"), { onConflict: "ignore" });
      await assertRejects(() => table.put(account("b", taken)), conflict, "put of a taken email");
      await assertRejects(
        () => table.putBulk([account("c"), account("d", taken)]),
        conflict,
        "a bulk with it",
      );
      await assertInvalid(() => table.put({ id: "b" }), "a bad row");
      await assertInvalid(() => table.putBulk([account("b"), { id: "c" }]), "a bad bulk");
      await table.update({ id: "b" }, { email: "x" });
      await table.update({ id: "a" }, { email: "x" }, { expect: { email: "other" } });
      await assertInvalid(() => table.query({}), "empty criteria");
      assertEqual(drain(log), []);
    },
  },
  {
    name: "emits after the write can be read",
    run: async (c) => {
      const table = await c.tabular(users);
      const read = new Promise((resolve) => {
        table.once("put", () => resolve(table.get({ id: "a" })));
      });
      await table.put(user("a"));
      assertEqual(await read, user("a"));
    },
  },
  {
    name: "a listener that changes what it hears changes no stored row",
    run: async (c) => {
      const table = await c.tabular(users);
      table.on("put", (row) => {
        (row.tags as string[]).push("changed");
      });
      await table.put(user("a", { tags: [] }));
      assertEqual(await table.get({ id: "a" }), user("a", { tags: [] }));
    },
  },
  {
    name: "a listener that throws fails neither the write nor other listeners, and is reported",
    run: async (c) => {
      const table = await c.tabular(users);
      let heard = 0;
      const reported = await withSilentLogger(async () => {
        for (const name of ["put", "delete", "get", "query", "clearall"] as const) {
          table.on(name, () => {
            throw new Error("from a listener");
          });
          table.on(name, () => void heard++);
        }
        await table.put(user("a"));
        await table.putBulk([user("b"), user("c")]);
        assertEqual(await table.get({ id: "a" }), user("a"), "get");
        assertEqual(await table.query({ id: "b" }), [user("b")], "query");
        await table.delete({ id: "a" });
        assertEqual(await table.size(), 2, "the size");
        await table.deleteAll();
      });
      assertEqual(heard, 7, "the events that the second listener heard");
      assertEqual(reported, 7, "the errors that the logger was told");
    },
  },
  {
    name: "on, once, off, emit and waitOn do what they say",
    run: async (c) => {
      const table = await c.tabular(users);
      const log: unknown[] = [];
      const listener = ({ id }: Record<string, unknown>): void => void log.push(["on", id]);
      table.on("put", listener);
      table.once("put", ({ id }) => void log.push(["once", id]));
      const [put, deleted, cleared] = [
        table.waitOn("put"),
        table.waitOn("delete"),
        table.waitOn("clearall"),
      ];
      await table.putBulk([user("a"), user("b")]);
      table.off("put", listener);
      await table.put(user("c"));
      assertEqual(log, [
        ["on", "a"],
        ["once", "a"],
        ["on", "b"],
      ]);
      await table.delete({ id: "a" });
      await table.deleteAll();
      assertEqual(await put, [user("a")], "what waitOn put resolves to");
      assertEqual(await deleted, [{ id: "a" }], "what waitOn delete resolves to");
      assertEqual(await cleared, [], "what waitOn clearall resolves to");
      table.on("put", listener);
      table.emit("put", { id: "own" });
      assertEqual(log.at(-1), ["on", "own"]);
    },
  },
];
