import { describe, expect, it } from "vitest";
import {
  DefaultKeyValueKey,
  DefaultKeyValueSchema,
  InMemoryKvStorage,
  InMemoryTabularStorage,
  KvViaTabularStorage,
  MemoryDatabase,
  type MemoryDatabaseOptions,
  type Transaction,
  withTransaction,
} from "../src/index.ts";

const schema = {
  type: "object",
  properties: {
    id: { type: "integer", "x-auto-generated": true },
    name: { type: "string" },
  },
  required: ["id", "name"],
  additionalProperties: false,
} as const;

function open(options?: MemoryDatabaseOptions) {
  const database = new MemoryDatabase(options);
  const table = () =>
    new InMemoryTabularStorage(schema, ["id"] as const, [], { database, table: "notes" });
  const settings = () =>
    new InMemoryKvStorage({ type: "string" }, undefined, { database, table: "settings" });
  return { database, table, settings };
}

/** A promise and how to settle it from outside. */
function gate() {
  let pass: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => {
    pass = resolve;
  });
  return { pass, passed };
}

const turn = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

describe("storages that share a MemoryDatabase", () => {
  it("share rows and entries by the table's name, and the counter of generated keys", async () => {
    const { table, settings, database } = open();
    const [a, b] = [table(), table()];
    expect(await a.put({ name: "one" })).toEqual({ id: 1, name: "one" });
    expect(await b.put({ name: "two" })).toEqual({ id: 2, name: "two" });
    expect(await b.get({ id: 1 })).toEqual({ id: 1, name: "one" });
    await settings().put("theme", "dark");
    expect(await settings().get("theme")).toBe("dark");
    const other = new InMemoryTabularStorage(schema, ["id"] as const, [], {
      database,
      table: "other",
    });
    expect(await other.size()).toBe(0);
    const nameless = new InMemoryTabularStorage(schema, ["id"] as const, [], { database });
    expect(await nameless.size()).toBe(0);
  });

  it("keep tenants apart, and their generated keys distinct", async () => {
    const database = new MemoryDatabase();
    const of = (tenant: string) =>
      new InMemoryTabularStorage(schema, ["id"] as const, [], {
        database,
        table: "notes",
        prefixes: [{ name: "tenant", type: "uuid" }],
        prefixValues: { tenant },
      });
    const [a, b] = [of("a"), of("b")];
    expect((await a.put({ name: "mine" })).id).toBe(1);
    expect((await b.put({ name: "yours" })).id).toBe(2);
    expect(await a.getAll()).toEqual([{ id: 1, name: "mine" }]);
    await a.deleteAll();
    expect(await b.size()).toBe(1);
    const kv = (tenant: string) =>
      new InMemoryKvStorage(undefined, undefined, {
        database,
        table: "kv",
        prefixes: [{ name: "tenant", type: "uuid" }],
        prefixValues: { tenant },
      });
    await kv("a").put("k", 1);
    expect(await kv("b").get("k")).toBeUndefined();
    expect(await kv("a").get("k")).toBe(1);
  });

  it("are told apart from storages of no or another database", async () => {
    const { database, table } = open();
    const lonely = new InMemoryTabularStorage(schema, ["id"] as const);
    await withTransaction(database, async (tx) => {
      expect(() => lonely.with(tx)).toThrow("another database");
      expect(await table().with(tx).size()).toBe(0);
    });
  });
});

describe("withTransaction on memory", () => {
  it("commits a row, an entry and a row behind an entry together", async () => {
    const { database, table, settings } = open();
    const [notes, kv] = [table(), settings()];
    const rows = new KvViaTabularStorage(
      new InMemoryTabularStorage(DefaultKeyValueSchema, DefaultKeyValueKey, [], { database }),
    );
    const change = (fail: boolean) => async (tx: Transaction) => {
      await notes.with(tx).put({ name: "kept" });
      await kv.with(tx).put("a", 1);
      await rows.with(tx).put("b", { c: 2 });
      if (fail) throw new Error("no");
    };
    await expect(withTransaction(database, change(true))).rejects.toThrow("no");
    expect([await notes.size(), await kv.size(), await rows.size()]).toEqual([0, 0, 0]);
    await withTransaction(database, change(false));
    expect([await notes.size(), await kv.get("a"), await rows.get("b")]).toEqual([1, 1, { c: 2 }]);
  });

  it("undoes every kind of change, in tables and in maps, walked before or not", async () => {
    const { database, table, settings } = open();
    const [notes, kv] = [table(), settings()];
    await notes.putBulk([{ name: "a" }, { name: "b" }, { name: "c" }]);
    await kv.putBulk([
      { key: "a", value: 1 },
      { key: "b", value: 2 },
    ]);
    await notes.query({ name: "a" });
    for await (const _ of kv.keys()) break;
    const before = [await notes.getAll(), await kv.getAll()];
    await withTransaction(database, async (tx) => {
      const [inner, innerKv] = [notes.with(tx), kv.with(tx)];
      await inner.update({ id: 1 }, { name: "changed" });
      await inner.delete({ id: 2 });
      await inner.deleteSearch({ name: "c" });
      await inner.put({ name: "new" });
      await inner.deleteAll();
      await inner.put({ id: 3, name: "back" });
      await innerKv.put("a", "changed");
      await innerKv.delete("b");
      await innerKv.deleteAll();
      await innerKv.put("c", 3);
      expect(await innerKv.getAll()).toEqual([{ key: "c", value: 3 }]);
      throw new Error("no");
    }).catch(() => undefined);
    expect([await notes.getAll(), await kv.getAll()]).toEqual(before);
    expect((await notes.put({ name: "next" })).id).toBeGreaterThan(4);
  });

  it("makes calls from elsewhere wait, in their order, and shows them nothing before the commit", async () => {
    const { database, table } = open();
    const notes = table();
    const { pass, passed } = gate();
    let done = 0;
    const transaction = withTransaction(database, async (tx) => {
      await notes.with(tx).put({ id: 1, name: "first" });
      await passed;
      await notes.with(tx).update({ id: 1 }, { name: "second" });
    });
    const calls = [
      notes.get({ id: 1 }),
      notes.put({ id: 1, name: "third" }),
      withTransaction(database, (tx) =>
        notes.with(tx).update({ id: 1 }, { name: "fourth" }, { expect: { name: "third" } }),
      ),
      notes.get({ id: 1 }),
    ].map((call) => call.finally(() => done++));
    await turn();
    expect(done).toBe(0);
    pass();
    const results = await Promise.all(calls);
    expect(results.map((row) => row?.name)).toEqual(["second", "third", "fourth", "fourth"]);
    await transaction;
  });

  it("runs savepoints of one transaction that are opened at once one after the other", async () => {
    const { table } = open();
    const notes = table();
    await notes.transaction(async (tx) => {
      const insert = (name: string, fail: boolean) =>
        tx.transaction(async (savepoint) => {
          await savepoint.put({ name });
          await turn();
          if (fail) throw new Error("no");
        });
      const results = await Promise.allSettled([
        insert("a", false),
        insert("b", true),
        insert("c", false),
      ]);
      expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    });
    expect((await notes.getAll())?.map(({ name }) => name)).toEqual(["a", "c"]);
  });

  it("undoes a savepoint that was kept when the transaction around it fails", async () => {
    const { table } = open();
    const notes = table();
    const changes: string[] = [];
    notes.subscribeToChanges(({ type, new: row }) => void changes.push(`${type} ${row?.name}`));
    const change = (fail: boolean) => async (tx: typeof notes) => {
      await tx.transaction((savepoint) => savepoint.put({ name: "inner" }));
      if (fail) throw new Error("no");
    };
    await notes.transaction(change(true)).catch(() => undefined);
    expect(await notes.size()).toBe(0);
    await notes.transaction(change(false));
    expect(await notes.size()).toBe(1);
    await turn();
    expect(changes).toEqual(["INSERT inner"]);
  });

  it("commits with a savepoint that nobody awaited", async () => {
    const { table } = open();
    const notes = table();
    let savepoint: Promise<unknown> = Promise.resolve();
    await notes.transaction(async (tx) => {
      savepoint = tx.transaction(async (inner) => {
        await turn();
        await inner.put({ name: "late" });
      });
    });
    await savepoint;
    expect(await notes.size()).toBe(1);
  });

  it("rolls back at once when it is aborted, whatever its function still does", async () => {
    const { database, table } = open();
    const notes = table();
    const controller = new AbortController();
    const { pass, passed } = gate();
    let late: unknown;
    const transaction = withTransaction(
      database,
      async (tx) => {
        await notes.with(tx).put({ name: "lost" });
        const waiting = notes.with(tx).transaction(async () => {
          await passed;
        });
        await Promise.all([waiting.catch(() => undefined), passed]);
        try {
          await notes.with(tx).put({ name: "late" });
        } catch (error) {
          late = error;
        }
      },
      { signal: controller.signal },
    );
    const size = notes.size();
    await turn();
    controller.abort(new Error("enough"));
    await expect(transaction).rejects.toThrow("enough");
    expect(await size).toBe(0);
    pass();
    await turn();
    expect(String(late)).toContain("ended");
    expect(await notes.size()).toBe(0);
  });

  it("drops a call that is aborted while it waits", async () => {
    const { database, table } = open();
    const notes = table();
    const { pass, passed } = gate();
    const transaction = withTransaction(database, () => passed);
    const put = notes.put({ name: "late" }, { timeoutMs: 5 });
    await expect(put).rejects.toMatchObject({ name: "StorageTimeoutError" });
    pass();
    await transaction;
    expect(await notes.size()).toBe(0);
  });

  it("fails a call that waits for a transaction in which nothing happens, if there is a limit", async () => {
    const { database, table } = open({ idleLimitMs: 20 });
    const notes = table();
    const { pass, passed } = gate();
    const transaction = withTransaction(database, () => passed);
    await expect(notes.size()).rejects.toMatchObject({
      name: "StorageTransactionError",
      message: expect.stringContaining("handle"),
    });
    pass();
    await transaction;
    expect(await notes.size()).toBe(0);
  });

  it("lets a call wait longer than the limit for a transaction that is at work", async () => {
    const { database, table } = open({ idleLimitMs: 60 });
    const notes = table();
    const transaction = withTransaction(database, async (tx) => {
      for (let i = 0; i < 20; i++) {
        await notes.with(tx).put({ name: `${i}` });
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    });
    expect(await notes.size()).toBe(20);
    await transaction;
  });

  it("delivers events after the commit only, and none of what was undone", async () => {
    const { database, table, settings } = open();
    const [notes, kv] = [table(), settings()];
    const heard: string[] = [];
    notes.on("put", ({ name }) => heard.push(`put ${name}`));
    notes.on("delete", ({ id }) => heard.push(`delete ${id}`));
    kv.on("put", (key) => heard.push(`put ${key}`));
    await withTransaction(database, async (tx) => {
      await notes.with(tx).put({ name: "a" });
      await notes
        .with(tx)
        .transaction(async (inner) => {
          await inner.put({ name: "undone" });
          throw new Error("no");
        })
        .catch(() => undefined);
      await kv.with(tx).put("b", 1);
      await notes.with(tx).delete({ id: 1 });
      expect(heard).toEqual([]);
    });
    expect(heard).toEqual(["put a", "put b", "delete 1"]);
  });

  it("refuses options that make no sense", () => {
    expect(() => new MemoryDatabase({ changeLogLength: 0 })).toThrow("changeLogLength");
    expect(() => new MemoryDatabase({ idleLimitMs: Number.NaN })).toThrow("idleLimitMs");
  });
});
