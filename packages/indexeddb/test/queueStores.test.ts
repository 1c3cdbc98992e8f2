import {
  IndexedDbDatabase,
  IndexedDbKvStorage,
  IndexedDbTabularStorage,
  withTransaction,
} from "@workglow/indexeddb";
import { IndexedDbQueueStorage, IndexedDbRateLimiterStorage } from "@workglow/indexeddb/job-queue";
import { JobStatus } from "@workglow/job-queue";
import { StorageNotSetUpError, StorageSchemaMismatchError } from "@workglow/util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { completed, freshDatabase, job, newQueue, pause } from "./queueKit.ts";

const EPOCH = "1970-01-01T00:00:00.000Z";

/** The object stores of a database, with their indexes. */
async function storesOf({ name }: IndexedDbDatabase): Promise<Record<string, readonly string[]>> {
  const db = await opened(indexedDB.open(name));
  const stores = Object.fromEntries(
    [...db.objectStoreNames].map((store) => {
      const { indexNames } = db.transaction(store).objectStore(store);
      return [store, [...indexNames]];
    }),
  );
  db.close();
  return stores;
}

function opened(
  request: IDBOpenDBRequest,
  upgrade: (db: IDBDatabase, tx: IDBTransaction) => void = () => {},
): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    request.onupgradeneeded = () => upgrade(request.result, request.transaction as IDBTransaction);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Makes a database as another program might. */
async function made(
  upgrade: (db: IDBDatabase, tx: IDBTransaction) => void,
): Promise<IndexedDbDatabase> {
  const database = freshDatabase();
  (await opened(indexedDB.open(database.name, 1), upgrade)).close();
  return database;
}

const tenant = (value: string) => ({
  prefixes: [{ name: "tenant", type: "uuid" as const }],
  prefixValues: { tenant: value },
});

describe("the object stores of a queue", () => {
  it("are named by the tenant columns, and share their database with tables and other queues", async () => {
    const database = freshDatabase();
    const schema = {
      type: "object",
      properties: { id: { type: "string" } },
      required: ["id"],
    } as const;
    await using plain = await newQueue(database);
    await using tenants = await newQueue(database, tenant("a"));
    await using limiter = new IndexedDbRateLimiterStorage({ database });
    await using table = new IndexedDbTabularStorage("documents", schema, ["id"] as const, [], {
      database,
    });
    await Promise.all([limiter.setupDatabase(), table.setupDatabase()]);
    await Promise.all([plain.add(job()), tenants.add(job()), table.put({ id: "x" })]);
    expect([await plain.size(), await tenants.size(), await table.size()]).toEqual([1, 1, 1]);
    const indexes = ["done", "place", "run", "timeout"];
    expect(await storesOf(database)).toMatchObject({
      _workglow_job_leases: [],
      job_rate_limit_executions: ["at"],
      job_rate_limit_next_available: [],
      jobs: indexes,
      "jobs:side": [],
      jobs_tenant: indexes,
      "jobs_tenant:side": [],
      documents: [],
    });
  });

  it("are in the database jobs unless another is named", async () => {
    const queue = new IndexedDbQueueStorage();
    await queue.setupDatabase();
    await queue.add(job());
    await queue[Symbol.asyncDispose]();
    expect(await storesOf(new IndexedDbDatabase("jobs"))).toHaveProperty("jobs");
  });

  it("can be set up after a call that found none", async () => {
    await using queue = new IndexedDbQueueStorage("mail", { database: freshDatabase() });
    const early = [queue.next("worker"), queue.next("worker")];
    for (const call of early) await expect(call).rejects.toThrow(StorageNotSetUpError);
    await queue.setupDatabase();
    expect(await queue.next("worker")).toBeUndefined();
    await queue.add(job());
    expect(await queue.next("worker")).toMatchObject({ input: 1 });
  });

  it("may be set up by several tabs at once", async () => {
    const { name } = freshDatabase();
    const queues = Array.from(
      { length: 4 },
      (_, i) => new IndexedDbQueueStorage(`q${i % 2}`, { database: new IndexedDbDatabase(name) }),
    );
    await Promise.all(queues.map((queue) => queue.setupDatabase()));
    await Promise.all(queues.map((queue) => queue.add(job())));
    expect(await queues[0]?.size()).toBe(2);
    await Promise.all(queues.map((queue) => queue[Symbol.asyncDispose]()));
  });

  it("get an index that is missing, and keep their jobs", async () => {
    const database = freshDatabase();
    const before = await newQueue(database);
    await before.add(job({ job_run_id: "run" }));
    await before[Symbol.asyncDispose]();
    const upgraded = await opened(indexedDB.open(database.name, 5), (_, tx) =>
      tx.objectStore("jobs").deleteIndex("run"),
    );
    upgraded.close();
    await using after = await newQueue(database);
    expect(await after.getByRunId("run")).toMatchObject([{ input: 1 }]);
  });

  it.each<[string, (db: IDBDatabase, tx: IDBTransaction) => void]>([
    ["of another program", (db) => db.createObjectStore("jobs", { keyPath: "id" })],
    [
      "that look alike, and of which nobody says what they hold",
      (db) => {
        const keys = { keyPath: "stored.id", autoIncrement: true };
        db.createObjectStore("jobs", keys).put({ stored: { id: 7, mine: true } });
      },
    ],
    [
      "of a later version of the library",
      (db) => {
        db.createObjectStore("jobs", { keyPath: "stored.id", autoIncrement: true });
        const side = db.createObjectStore("jobs:side", { autoIncrement: true });
        side.put({ format: 99, tenant: [] }, "shape");
      },
    ],
  ])("%s are reported, by set-up and by calls, and stay as they are", async (_, make) => {
    const database = await made(make);
    const before = await storesOf(database);
    const queue = new IndexedDbQueueStorage("mail", { database });
    await expect(queue.setupDatabase()).rejects.toThrow(StorageSchemaMismatchError);
    await expect(queue.add(job())).rejects.toThrow(/SchemaMismatch|setupDatabase|not as this/);
    await queue[Symbol.asyncDispose]();
    expect(await storesOf(database)).toEqual(before);
  });

  it("and a table of the same name report each other, whichever was first", async () => {
    const schema = {
      type: "object",
      properties: { id: { type: "string" } },
      required: ["id"],
    } as const;
    const table = (database: IndexedDbDatabase) =>
      new IndexedDbTabularStorage("jobs", schema, ["id"] as const, [], { database });

    const withQueue = freshDatabase();
    await using queue = await newQueue(withQueue);
    const id = await queue.add(job({ input: "kept" }));
    const late = table(withQueue);
    await expect(late.setupDatabase()).rejects.toThrow(StorageSchemaMismatchError);
    await expect(late.get({ id: "a" })).rejects.toThrow(StorageSchemaMismatchError);
    const values = new IndexedDbKvStorage("jobs", undefined, undefined, { database: withQueue });
    await expect(values.setupDatabase()).rejects.toThrow(StorageSchemaMismatchError);
    expect(await queue.get(id)).toMatchObject({ input: "kept" });

    const withTable = freshDatabase();
    await using rows = table(withTable);
    await rows.setupDatabase();
    await rows.put({ id: "kept" });
    const refused = new IndexedDbQueueStorage("mail", { database: withTable });
    await expect(refused.setupDatabase()).rejects.toThrow(StorageSchemaMismatchError);
    await expect(refused.add(job())).rejects.toThrow(StorageSchemaMismatchError);
    expect(await rows.get({ id: "kept" })).toEqual({ id: "kept" });
    for (const one of [late, values, refused]) await one[Symbol.asyncDispose]();
  });

  it("of tenant columns whose names only look the same together are told apart", async () => {
    const database = freshDatabase();
    const columns = (...names: readonly string[]) => ({
      prefixes: names.map((name) => ({ name, type: "uuid" as const })),
      prefixValues: Object.fromEntries(names.map((name) => [name, "x"])),
    });
    await using _ = await newQueue(database, columns("a", "b"));
    const other = new IndexedDbQueueStorage("mail", { ...columns("a_b"), database });
    await expect(other.setupDatabase()).rejects.toThrow(StorageSchemaMismatchError);
    await other[Symbol.asyncDispose]();
  });
});

describe("a queue in transactions", () => {
  it("is checked inside of one too, and commits with it", async () => {
    const database = freshDatabase();
    await (await newQueue(database))[Symbol.asyncDispose]();
    await using queue = new IndexedDbQueueStorage("mail", { database });
    const id = await withTransaction(database, async (tx) => {
      const added = await queue.with(tx).add(job());
      const claimed = await queue.with(tx).next("worker");
      await pause(20);
      await queue.with(tx).complete(completed(claimed));
      return added;
    });
    expect(await queue.get(id)).toMatchObject({ status: JobStatus.COMPLETED, output: "done" });
  });

  it("takes a savepoint's calls back alone", async () => {
    const database = freshDatabase();
    await using queue = await newQueue(database);
    await queue.addMany([job({ input: "kept" }), job({ input: "given back" })]);
    await withTransaction(database, async (tx) => {
      const kept = await queue.with(tx).next("worker");
      const failing = database.transaction(tx, async (inner) => {
        await queue.with(inner).next("worker");
        await queue.with(inner).add(job({ input: "never" }));
        await queue.with(inner).complete(completed(kept));
        throw new Error("not this part");
      });
      await expect(failing).rejects.toThrow("not this part");
      expect(await queue.with(tx).size()).toBe(1);
    });
    expect(await queue.peek()).toMatchObject([{ input: "given back", run_attempts: 0 }]);
    expect(await queue.peek(JobStatus.PROCESSING)).toMatchObject([{ input: "kept" }]);
  });
});

describe("a rate limiter", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("forgets a backlog a part at a time, and keeps tenants apart", async () => {
    const database = freshDatabase();
    await using limiter = new IndexedDbRateLimiterStorage({ database, ...tenant("a") });
    await using other = new IndexedDbRateLimiterStorage({ database, ...tenant("b") });
    await limiter.setupDatabase();
    const now = Date.now();
    vi.setSystemTime(now - 120_000);
    await limiter.tryReserveExecution("mail", 1000, 60_000);
    await Promise.all(Array.from({ length: 250 }, () => limiter.recordExecution("mail")));
    vi.setSystemTime(now);
    const reserved = (await other.tryReserveExecution("mail", 1, 60_000)) as string;
    const counts: number[] = [];
    for (let i = 0; i < 4; i++) {
      await limiter.recordExecution("mail");
      counts.push(await limiter.getExecutionCount("mail", EPOCH));
    }
    expect(counts).toEqual([152, 53, 3, 4]);
    await limiter.releaseExecution("mail", reserved);
    await limiter.clear("mail");
    expect(await other.getExecutionCount("mail", EPOCH)).toBe(1);
  });

  it("counts once for the reservations of one tick, and never gives more than there is room for", async () => {
    const database = freshDatabase();
    await using limiter = new IndexedDbRateLimiterStorage({ database });
    await using there = new IndexedDbRateLimiterStorage({
      database: new IndexedDbDatabase(database.name),
    });
    await limiter.setupDatabase();
    await there.setupDatabase();
    await Promise.all([limiter, there].map((one) => one.getExecutionCount("mail", EPOCH)));
    const counts = vi.spyOn(IDBIndex.prototype, "count");
    const begun = vi.spyOn(IDBDatabase.prototype, "transaction");
    const ask = (one: IndexedDbRateLimiterStorage, queue: string) =>
      Array.from({ length: 30 }, () => one.tryReserveExecution(queue, 50, 60_000));
    const asked = [...ask(limiter, "mail"), ...ask(limiter, "other"), ...ask(there, "mail")];
    const tokens = await Promise.all(asked);
    expect([counts.mock.calls.length, begun.mock.calls.length]).toEqual([3, 2]);
    const given = tokens.filter((token) => token !== null);
    expect([given.length, new Set(given).size]).toEqual([80, 80]);
    expect(await limiter.getExecutionCount("mail", EPOCH)).toBe(50);
    expect(await limiter.getExecutionCount("other", EPOCH)).toBe(30);
    vi.restoreAllMocks();
  });

  it("reserves in the order of the calls, each by its own window", async () => {
    const database = freshDatabase();
    await using limiter = new IndexedDbRateLimiterStorage({ database });
    await limiter.setupDatabase();
    const now = Date.now();
    vi.setSystemTime(now - 5000);
    await limiter.recordExecution("mail");
    vi.setSystemTime(now);
    const tokens = await Promise.all([
      limiter.tryReserveExecution("mail", 1, 10_000),
      limiter.tryReserveExecution("mail", 1, 1000),
      limiter.tryReserveExecution("mail", 1, 1000),
      limiter.tryReserveExecution("mail", 3, 10_000),
      limiter.setNextAvailableTime("mail", new Date(now + 1000).toISOString()),
      limiter.tryReserveExecution("mail", 9, 10_000),
    ]);
    expect(tokens.map((token) => typeof token === "string")).toEqual([
      false,
      true,
      false,
      true,
      false,
      false,
    ]);
  });

  it("releases by the token's own text, and finds no execution beyond the last", async () => {
    await using limiter = new IndexedDbRateLimiterStorage({ database: freshDatabase() });
    await limiter.setupDatabase();
    const token = (await limiter.tryReserveExecution("mail", 1, 60_000)) as string;
    for (const other of [` ${token}`, `0${token}`, `0x${token}`, `${token}.0`, "", "x"]) {
      await limiter.releaseExecution("mail", other);
    }
    expect(await limiter.getExecutionCount("mail", EPOCH)).toBe(1);
    for (const offset of [1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      expect(await limiter.getOldestExecutionAtOffset("mail", offset)).toBeUndefined();
    }
    expect(await limiter.getOldestExecutionAtOffset("mail", 0)).toBeDefined();
    await limiter.releaseExecution("mail", token);
    expect(await limiter.getExecutionCount("mail", EPOCH)).toBe(0);
  });
});
