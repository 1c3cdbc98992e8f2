import type { TabularChangePayload } from "@workglow/storage";
import {
  getLogger,
  StorageSchemaMismatchError,
  StorageTransactionError,
  setLogger,
} from "@workglow/util";
import { describe, expect, it, onTestFinished } from "vitest";
import { SqliteTabularStorage } from "../src/tabular/SqliteTabularStorage.ts";
import { databaseFile, pause, rawConnection, traces, until } from "./changeFeed.ts";

const schema = {
  type: "object",
  properties: {
    id: { type: "string" },
    count: { type: "integer" },
    big: { type: "integer", format: "int64" },
    at: { type: "string", format: "date-time" },
    bytes: { type: "string", contentEncoding: "blob" },
    vector: { type: "array", format: "TypedArray:Float32Array" },
    tags: { type: "array", items: { type: "string" } },
    done: { type: "boolean" },
  },
  required: ["id"],
  additionalProperties: false,
} as const;

const key = ["id"] as const;
// Only commits of this connection wake the reader.
const SELDOM = { pollingIntervalMs: 60_000 };

type Storage = SqliteTabularStorage<typeof schema, typeof key>;

function storageOf(
  db: ConstructorParameters<typeof SqliteTabularStorage>[0],
  options?: ConstructorParameters<typeof SqliteTabularStorage>[5],
): Storage {
  const storage = new SqliteTabularStorage(db, "items", schema, key, [], options);
  onTestFinished(() => storage.destroy());
  return storage;
}

async function listen(storage: Storage, options: { pollingIntervalMs?: number } = SELDOM) {
  const changes: Omit<TabularChangePayload<unknown>, "position">[] = [];
  const unsubscribe = storage.subscribeToChanges(({ position: _, ...change }) => {
    changes.push(change);
  }, options);
  await unsubscribe.ready;
  return { changes, unsubscribe };
}

async function ready(options?: ConstructorParameters<typeof SqliteTabularStorage>[5]) {
  const db = rawConnection(databaseFile());
  const storage = storageOf(db, options);
  await storage.setupDatabase();
  return { db, storage };
}

describe("changes of a storage", () => {
  it("are heard at its commits, with values as they were put", async () => {
    const { storage } = await ready();
    const { changes } = await listen(storage);
    const row = {
      id: "a",
      count: -5,
      big: 2n ** 62n + 1n,
      at: "2024-02-29T12:00:00.000Z",
      bytes: new Uint8Array([0, 255]),
      vector: new Float32Array([0.1, -1e-30]),
      tags: ["é", ""],
      done: false,
    };
    await storage.put(row);
    await storage.put({ id: "a" });
    await storage.update({ id: "a" }, { count: 1 });
    await storage.delete({ id: "a" });
    await until(() => changes.length === 4);
    expect(changes).toEqual([
      { type: "INSERT", new: row },
      { type: "UPDATE", old: row, new: { id: "a" } },
      { type: "UPDATE", old: { id: "a" }, new: { id: "a", count: 1 } },
      { type: "DELETE", old: { id: "a", count: 1 } },
    ]);
  });

  it("count from the call of subscribeToChanges for its own writes", async () => {
    const { storage } = await ready();
    const changes: unknown[] = [];
    await storage.put({ id: "before" });
    const unsubscribe = storage.subscribeToChanges(
      (change) => void changes.push(change.new),
      SELDOM,
    );
    const writes = [storage.put({ id: "a" }), storage.putBulk([{ id: "b" }, { id: "c" }])];
    await Promise.all([unsubscribe.ready, ...writes]);
    await until(() => changes.length === 3);
    expect(changes).toEqual([{ id: "a" }, { id: "b" }, { id: "c" }]);
  });

  it("tell inserts from updates in one bulk, and deletes row by row", async () => {
    const { storage } = await ready();
    await storage.putBulk([{ id: "a", count: 1 }]);
    const { changes } = await listen(storage);
    await storage.putBulk([{ id: "b" }, { id: "a", count: 2 }, { id: "b", count: 3 }]);
    await storage.insert({ id: "a", count: 9 }, { onConflict: "ignore" });
    await storage.deleteAll();
    await until(() => changes.length === 4);
    const byId = (id: string): unknown =>
      changes.filter((change) => ((change.new ?? change.old) as { id: string }).id === id);
    expect(byId("a")).toEqual([
      { type: "UPDATE", old: { id: "a", count: 1 }, new: { id: "a", count: 2 } },
      { type: "DELETE", old: { id: "a", count: 2 } },
    ]);
    expect(byId("b")).toEqual([
      { type: "INSERT", new: { id: "b", count: 3 } },
      { type: "DELETE", old: { id: "b", count: 3 } },
    ]);
  });

  it("follow the commit of a transaction, and a rollback is not heard", async () => {
    const { storage } = await ready();
    const { changes } = await listen(storage);
    const failing = storage.transaction(async (tx) => {
      await tx.put({ id: "lost" });
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    await storage.transaction(async (tx) => {
      await tx.put({ id: "a" });
      await tx.transaction(async (inner) => void (await inner.put({ id: "b" })));
      await pause(30);
      expect(changes).toEqual([]);
    });
    await until(() => changes.length === 2);
    expect(changes.map((change) => change.new)).toEqual([{ id: "a" }, { id: "b" }]);
  });

  it("are refused inside a transaction, on the handle and past it", async () => {
    const { storage } = await ready();
    await storage.transaction(async (tx) => {
      for (const handle of [tx, storage]) {
        expect(() => handle.subscribeToChanges(() => undefined)).toThrow(StorageTransactionError);
      }
    });
  });

  it("let the subscriber write to the storage", async () => {
    const { storage } = await ready();
    const seen: unknown[] = [];
    const unsubscribe = storage.subscribeToChanges(async ({ new: row }) => {
      seen.push(row?.count);
      if (row !== undefined && Number(row.count) < 5) {
        await storage.put({ id: "a", count: Number(row.count) + 1 });
      }
    }, SELDOM);
    await unsubscribe.ready;
    await storage.put({ id: "a", count: 1 });
    await until(() => seen.length === 5);
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  it("of one tenant are not heard by another", async () => {
    const db = rawConnection(databaseFile());
    const tenant = (value: string): Storage =>
      storageOf(db, {
        prefixes: [{ name: "tenant", type: "uuid" }],
        prefixValues: { tenant: value },
      });
    const [a, b] = [tenant("a"), tenant("b")];
    await a.setupDatabase();
    const [ofA, ofB] = [await listen(a), await listen(b)];
    await a.put({ id: "x", count: 1 });
    await b.put({ id: "x", count: 2 });
    await a.deleteAll();
    await until(() => ofA.changes.length === 2 && ofB.changes.length === 1);
    await pause(20);
    expect(ofA.changes).toEqual([
      { type: "INSERT", new: { id: "x", count: 1 } },
      { type: "DELETE", old: { id: "x", count: 1 } },
    ]);
    expect(ofB.changes).toEqual([{ type: "INSERT", new: { id: "x", count: 2 } }]);
  });

  it("are heard across connections, from a storage opened by path", async () => {
    const file = databaseFile();
    const [reader, writer] = [storageOf(file), storageOf(file)];
    await reader.setupDatabase();
    const { changes } = await listen(reader, { pollingIntervalMs: 5 });
    await writer.put({ id: "a" });
    await until(() => changes.length === 1);
  });

  it("leave nothing behind when the storage is disposed before there was one", async () => {
    const file = databaseFile();
    const raw = rawConnection(file);
    const storage = storageOf(file);
    await storage.setupDatabase();
    const { unsubscribe } = await listen(storage);
    await storage[Symbol.asyncDispose]();
    expect(traces(raw)).toEqual({ triggers: 0, logs: 0, leases: 0 });
    unsubscribe();
  });

  it("that dead subscribers logged are swept by setupDatabase", async () => {
    const { db, storage } = await ready();
    await listen(storage);
    db.exec("UPDATE _workglow_subscribers SET expires_at = 0");
    const file = db.name;
    await storageOf(file).setupDatabase();
    // The living subscriber notices, and begins another log.
    expect(traces(db).logs).toBe(0);
  });

  it("go on through a migration that drops a column, with a RESYNC", async () => {
    const { db, storage } = await ready();
    await storage.put({ id: "a", count: 1 });
    const warnings = captureWarnings();
    const old = await listen(storage, { pollingIntervalMs: 5 });
    const { done: _, ...properties } = schema.properties;
    const next = new SqliteTabularStorage(db, "items", { ...schema, properties }, key, [], {
      migrations: [{ version: 1, steps: [{ dropColumn: "done" }] }],
    });
    onTestFinished(() => next.destroy());
    const types: string[] = [];
    const unsubscribe = next.subscribeToChanges(
      async (change) => {
        types.push(change.type);
        if (change.type === "RESYNC") expect(await next.size()).toBe(1);
      },
      { pollingIntervalMs: 5 },
    );
    await unsubscribe.ready;
    await next.setupDatabase();
    await until(() => types.length === 1);
    await next.put({ id: "a", count: 2 });
    await until(() => types.length === 2);
    expect(types).toEqual(["RESYNC", "UPDATE"]);
    // The program of the old schema cannot go on, and says so once.
    await until(() => warnings.length === 1);
    await pause(50);
    expect(warnings).toEqual([expect.any(StorageSchemaMismatchError)]);
    expect(old.changes).toEqual([]);
  });
});

function captureWarnings(): unknown[] {
  const before = getLogger();
  const details: unknown[] = [];
  setLogger({ ...before, warn: (_, error) => void details.push(error) });
  onTestFinished(() => setLogger(before));
  return details;
}
