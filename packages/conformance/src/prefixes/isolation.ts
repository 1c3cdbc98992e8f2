import { assert, assertEqual, assertInvalid, assertRejects } from "../assert.ts";
import { collect } from "../collect.ts";
import type { Case, TestTabular } from "../harness.ts";
import { drain, recordEvents } from "../recordEvents.ts";
import {
  changes,
  kvStorage,
  persistence,
  sharedTables,
  transactions,
  vectorStorage,
} from "../requirements.ts";
import { show } from "../show.ts";
import { watchChanges } from "../subscriptions/watchChanges.ts";
import { account, accounts, counted, user, users } from "../tabular/tables.ts";
import { chunk, chunks } from "../vector/tables.ts";
import { prefixes, tenantOf, tenants } from "./tenants.ts";

export const isolationCases: readonly Case[] = [
  {
    name: "tenants keep rows of the same key apart",
    requires: [sharedTables],
    run: async (c) => {
      const tables = await tenants(c, users);
      for (const [age, table] of tables.entries()) await table.put(user("a", { age }));
      for (const [age, table] of tables.entries()) {
        assertEqual(await table.get({ id: "a" }), user("a", { age }), `the row of tenant ${age}`);
        assertEqual(await table.getAll(), [user("a", { age })], `all rows of tenant ${age}`);
        assertEqual(await table.size(), 1, `the size of tenant ${age}`);
      }
    },
  },
  {
    name: "no method of a tenant reads another's rows",
    requires: [sharedTables],
    run: async (c) => {
      const [mine, other] = (await tenants(c, users)) as [TestTabular, TestTabular];
      const rows = ["a", "b", "c"].map((id, age) => user(id, { age }));
      await other.putBulk(rows);
      assertEqual(await mine.get({ id: "a" }), undefined, "get");
      assertEqual(await mine.getMany(rows.map(({ id }) => ({ id }))), [], "getMany");
      assertEqual(await mine.getAll(), undefined, "getAll");
      assertEqual(await mine.query({ name: "name of a" }), undefined, "query");
      assertEqual(
        await mine.query({ name: { operator: "!=", value: "x" } }),
        undefined,
        "query by !=",
      );
      assertEqual(
        await mine.query(
          { age: { operator: ">=", value: 0 } },
          { orderBy: [{ column: "age", direction: "DESC" }] },
        ),
        undefined,
        "an ordered query",
      );
      assertEqual(
        [await mine.count(), await mine.count({ age: 1 }), await mine.size()],
        [0, 0, 0],
        "counts",
      );
      assertEqual(await mine.getBulk(0, 10), undefined, "getBulk");
      assertEqual(await mine.getPage(), { items: [] }, "getPage");
      assertEqual(await collect(mine.records()), [], "records");
      assertEqual(await collect(mine.pages()), [], "pages");
    },
  },
  {
    name: "no method of a tenant changes another's rows",
    requires: [sharedTables],
    run: async (c) => {
      const [mine, other] = (await tenants(c, users)) as [TestTabular, TestTabular];
      const rows = ["a", "b", "c"].map((id, age) => user(id, { age }));
      await other.putBulk(rows);
      await mine.put(user("a", { name: "mine" }));
      await mine.putBulk([user("b", { name: "mine" })]);
      assertEqual(
        await mine.insert(user("c", { name: "mine" })),
        user("c", { name: "mine" }),
        "insert",
      );
      await mine.update({ id: "a" }, { age: 99 });
      await mine.delete({ id: "b" });
      assertEqual(await other.getAll(), rows, "the other's rows");
      await mine.deleteSearch({ id: { operator: "!=", value: "zzz" } });
      assertEqual(await mine.size(), 0, "the own size");
      assertEqual(await mine.update({ id: "a" }, { age: 1 }), undefined, "update of another's row");
      await mine.delete({ id: "a" });
      await mine.deleteAll();
      assertEqual(await other.getAll(), rows, "the other's rows");
    },
  },
  {
    name: "criteria cannot reach over to another tenant",
    requires: [sharedTables],
    run: async (c) => {
      const [mine, other] = (await tenants(c, users)) as [TestTabular, TestTabular];
      await other.put(user("a"));
      const name = "StorageInvalidColumnError";
      for (const column of ["user_id", "project"]) {
        const value = column === "project" ? 2 : "abc-123";
        await assertInvalid(() => mine.query({ [column]: value }), `query by ${column}`, name);
        await assertInvalid(
          () => mine.deleteSearch({ [column]: value }),
          `deleteSearch by ${column}`,
          name,
        );
        await assertInvalid(
          () => mine.put(user("a", { [column]: value })),
          `put with ${column}`,
          name,
        );
        await assertInvalid(
          () => mine.update({ id: "a" }, { [column]: value }),
          `update of ${column}`,
          name,
        );
        await assertInvalid(() => mine.get({ id: "a", [column]: value }), `get by ${column}`, name);
        await assertInvalid(
          () => mine.getAll({ orderBy: [{ column, direction: "ASC" }] }),
          `order by ${column}`,
          name,
        );
        await assertInvalid(() => mine.getAll({ select: [column] }), `select of ${column}`, name);
      }
      assertEqual(await other.getAll(), [user("a")], "the other's rows");
    },
  },
  {
    name: "a cursor of one tenant gives another none of its rows",
    requires: [sharedTables],
    run: async (c) => {
      const [mine, other] = (await tenants(c, users)) as [TestTabular, TestTabular];
      await other.putBulk(["a", "b", "c", "d"].map((id) => user(id)));
      await mine.putBulk(["c", "e"].map((id) => user(id, { name: "mine" })));
      const { nextCursor } = await other.getPage({ limit: 2 });
      const page = await mine.getPage({ cursor: nextCursor }).catch((error: unknown) => error);
      if (page instanceof Error) {
        assertEqual(page.name, "StorageInvalidCursorError", "the error's name");
      } else {
        const { items } = page as { items: readonly { name: unknown }[] };
        assert(
          items.every((row) => row.name === "mine"),
          `the page holds ${show(items)}`,
        );
      }
    },
  },
  {
    name: "pages and orders of a tenant hold its own rows only",
    requires: [sharedTables],
    run: async (c) => {
      const tables = (await tenants(c, users)) as [TestTabular, TestTabular, TestTabular];
      for (const [tenant, table] of tables.entries()) {
        await table.putBulk(
          Array.from({ length: 9 }, (_, i) => user(`${i}`, { age: (i * 7 + tenant) % 5 })),
        );
      }
      for (const [tenant, table] of tables.entries()) {
        const orderBy = [{ column: "age", direction: "DESC" }] as const;
        const expected = await table.getAll({ orderBy });
        const read: unknown[] = [];
        let cursor: string | undefined;
        do {
          const page = await table.getPage({ orderBy, limit: 2, cursor });
          read.push(...page.items);
          cursor = page.nextCursor;
        } while (cursor !== undefined && read.length < 50);
        assertEqual(read, expected, `the pages of tenant ${tenant}`);
        assertEqual(read.length, 9, `the rows of tenant ${tenant}`);
        assertEqual((await collect(table.records(2))).length, 9, `the records of tenant ${tenant}`);
        const sameAge = await table.query({ age: tenant });
        assert(
          (sameAge ?? []).every(({ age }) => age === tenant),
          "the rows of one age",
        );
      }
    },
  },
  {
    name: "unique indexes hold within a tenant",
    requires: [sharedTables],
    run: async (c) => {
      const [mine, other] = (await tenants(c, accounts)) as [TestTabular, TestTabular];
      await mine.put(account("a"));
      await other.put(account("b", { email: "a@example.org" }));
      const conflict = { name: "StorageConflictError" };
      await assertRejects(
        () => mine.put(account("b", { email: "a@example.org" })),
        conflict,
        "a taken email",
      );
      assertEqual([await mine.size(), await other.size()], [1, 1], "the sizes");
    },
  },
  {
    name: "tenants share the counter of a table",
    requires: [sharedTables],
    run: async (c) => {
      const tables = await tenants(c, counted);
      const rows = await Promise.all(
        Array.from({ length: 12 }, (_, i) => (tables[i % 3] as TestTabular).put({ name: `${i}` })),
      );
      assertEqual(new Set(rows.map(({ id }) => id)).size, 12, "the number of distinct ids");
      for (const table of tables) assertEqual(await table.size(), 4, "the size of a tenant");
    },
  },
  {
    name: "events and their rows carry no prefixes, and come of the tenant's own calls",
    run: async (c) => {
      const table = await c.tabular(tenantOf(users, "abc-123", 1));
      const log = recordEvents(table, ["put", "get", "query", "delete", "clearall"]);
      await table.put(user("a"));
      await table.get({ id: "a" });
      await table.query({ id: "a" });
      await table.deleteSearch({ id: "a" });
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
    name: "a tenant hears its own changes and no other's",
    requires: [sharedTables, changes],
    run: async (c) => {
      const [mine, other, third] = (await tenants(c, users)) as [
        TestTabular,
        TestTabular,
        TestTabular,
      ];
      const watched = await watchChanges(mine);
      const watchedOther = await watchChanges(other);
      await other.put(user("a", { age: 2 }));
      await mine.put(user("a", { age: 1 }));
      await third.putBulk([user("a"), user("b")]);
      await third.deleteAll();
      await mine.update({ id: "a" }, { age: 3 });
      await other.deleteAll();
      await mine.delete({ id: "a" });
      const seen = await watched.next(3);
      assertEqual(
        seen.map(({ type }) => type),
        ["INSERT", "UPDATE", "DELETE"],
        "the types",
      );
      assertEqual(
        seen.map((change) => (change.new ?? change.old)?.age),
        [1, 3, 3],
        "the ages",
      );
      const heard = await watchedOther.next(2);
      assertEqual(
        heard.map(({ type }) => type),
        ["INSERT", "DELETE"],
        "the types that the other heard",
      );
      await Promise.all([watched.stop(), watchedOther.stop()]);
    },
  },
  {
    name: "transactions keep to their tenant",
    requires: [sharedTables, transactions],
    run: async (c) => {
      const [mine, other] = (await tenants(c, users)) as [TestTabular, TestTabular];
      await other.put(user("a"));
      await mine.transaction(async (tx) => {
        await tx.put(user("a", { name: "mine" }));
        await tx.deleteSearch({ name: "name of a" });
        assertEqual(await tx.getAll(), [user("a", { name: "mine" })], "the rows inside");
      });
      const failing = mine.transaction(async (tx) => {
        await tx.deleteAll();
        throw new Error("abandoned");
      });
      await failing.catch(() => undefined);
      assertEqual(await mine.getAll(), [user("a", { name: "mine" })], "the own rows");
      assertEqual(await other.getAll(), [user("a")], "the other's rows");
    },
  },
  {
    name: "key-value storages keep tenants apart too",
    requires: [sharedTables, kvStorage],
    run: async (c) => {
      const options = (project: number) => ({
        prefixes,
        prefixValues: { user_id: "abc-123", project },
      });
      const mine = await c.kv({ table: "tenants", options: options(1) });
      const other = await c.kv({ table: "tenants", options: options(2) });
      const entries = [
        { key: "a", value: 2 },
        { key: "b", value: 2 },
      ];
      await other.putBulk(entries);
      assertEqual(
        [await mine.get("a"), await mine.has("a"), await mine.size()],
        [undefined, false, 0],
        "what the tenant sees",
      );
      assertEqual(
        [await mine.getAll(), await mine.getMany(["a"]), await collect(mine.keys())],
        [undefined, [], []],
        "what the tenant sees",
      );
      await mine.put("a", 1, { ifAbsent: true });
      await mine.put("a", 11, { expect: 1 });
      await mine.deleteMany(["b"]);
      assertEqual(await mine.getAll(), [{ key: "a", value: 11 }], "the own entries");
      await mine.deleteAll();
      assertEqual(await other.getAll(), entries, "the other's entries");
    },
  },
  {
    name: "a search finds the tenant's own vectors only",
    requires: [sharedTables, vectorStorage],
    run: async (c) => {
      const mine = await c.vector(tenantOf(chunks, "abc-123", 1));
      const other = await c.vector(tenantOf(chunks, "abc-123", 2));
      await other.putBulk([chunk("a", [1, 0, 0]), chunk("b", [0, 1, 0])]);
      await mine.put(chunk("a", [0, 0, 1], { text: "mine" }));
      const query = new Float32Array([1, 0, 0.5]);
      const found = await mine.similaritySearch(query);
      assertEqual(
        found.map(({ id, metadata }) => [id, (metadata as { text: unknown }).text]),
        [["a", "mine"]],
        "what the tenant found",
      );
      assertEqual(
        (await other.similaritySearch(query)).length,
        2,
        "the number of rows that the other found",
      );
      await mine.deleteAll();
      assertEqual((await other.similaritySearch(query)).length, 2, "after the tenant deleted all");
    },
  },
  {
    name: "tenants keep their rows over a restart",
    requires: [persistence],
    run: async (c) => {
      for (const [age, table] of (await tenants(c, users)).entries())
        await table.put(user("a", { age }));
      await c.reopen();
      for (const [age, table] of (await tenants(c, users)).entries()) {
        assertEqual(await table.getAll(), [user("a", { age })], `the rows of tenant ${age}`);
      }
    },
  },
];
