import { IndexedDbDatabase, IndexedDbTabularStorage } from "@workglow/indexeddb";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

const schema = {
  type: "object",
  properties: { id: { type: "string" }, n: { type: "integer" }, email: { type: "string" } },
  required: ["id", "n"],
  additionalProperties: false,
} as const;

let database: IndexedDbDatabase;
let table: IndexedDbTabularStorage<typeof schema, readonly ["id"]>;

const opened = (db: IndexedDbDatabase) =>
  new IndexedDbTabularStorage("rows", schema, ["id"] as const, ["n"], {
    database: db,
    uniqueIndexes: ["email"],
  });

/** The modes of the transactions that `work` opens on the table. */
async function transactionsOf(work: () => Promise<unknown>): Promise<readonly string[]> {
  const spy = vi.spyOn(IDBDatabase.prototype, "transaction");
  await work();
  return spy.mock.calls.map(([, mode]) => mode as string);
}

beforeEach(async () => {
  database = new IndexedDbDatabase(`calls-${crypto.randomUUID()}`);
  table = opened(database);
  await table.setupDatabase();
  await table.put({ id: "first", n: 1 });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await table[Symbol.asyncDispose]();
});

describe("calls of one tick", () => {
  test("share one transaction when they read", async () => {
    const modes = await transactionsOf(() =>
      Promise.all(Array.from({ length: 32 }, () => table.get({ id: "first" }))),
    );
    expect(modes).toEqual(["readonly"]);
  });

  test("share one transaction when they write, and when both", async () => {
    const modes = await transactionsOf(async () => {
      await Promise.all(Array.from({ length: 32 }, (_, n) => table.put({ id: `${n}`, n })));
      const [, row, deleted] = await Promise.all([
        table.put({ id: "0", n: 100 }),
        table.get({ id: "0" }),
        table.delete({ id: "1" }),
      ]);
      expect(row).toEqual({ id: "0", n: 100 });
      expect(deleted).toBeUndefined();
    });
    expect(modes).toEqual(["readwrite", "readwrite"]);
  });

  test("take effect in their order", async () => {
    const [, one, , two, updated, , three] = await Promise.all([
      table.put({ id: "a", n: 1 }),
      table.get({ id: "a" }),
      table.put({ id: "a", n: 2 }),
      table.get({ id: "a" }),
      table.update({ id: "a" }, { n: 3 }, { expect: { n: 2 } }),
      table.putBulk([
        { id: "a", n: 4 },
        { id: "b", n: 4 },
      ]),
      table.get({ id: "a" }),
    ]);
    expect([one, two, updated, three].map((row) => row?.n)).toEqual([1, 2, 3, 4]);
  });

  test("fail alone where a unique index is taken", async () => {
    const results = await Promise.allSettled([
      table.put({ id: "a", n: 1, email: "x" }),
      table.put({ id: "b", n: 2, email: "x" }),
      table.insert({ id: "a", n: 9 }),
      table.put({ id: "c", n: 3, email: "y" }),
    ]);
    expect(results.map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "rejected",
      "fulfilled",
    ]);
    expect(results[1]).toMatchObject({ reason: { name: "StorageConflictError", kind: "invalid" } });
    expect((await table.getMany([{ id: "a" }, { id: "b" }, { id: "c" }])).map((r) => r.n)).toEqual([
      1, 3,
    ]);
  });

  test("an aborted one takes no other with it", async () => {
    const controller = new AbortController();
    const calls = [
      table.put({ id: "a", n: 1 }),
      table.put({ id: "b", n: 2 }, { signal: controller.signal }),
      table.put({ id: "c", n: 3 }),
    ];
    controller.abort(new Error("no longer wanted"));
    const results = await Promise.allSettled(calls);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await table.get({ id: "b" })).toBeUndefined();
  });
});

describe("the connection", () => {
  test("is opened again after another one's upgrade", async () => {
    const other = new IndexedDbDatabase(database.name);
    const wider = { ...schema, properties: { ...schema.properties, extra: { type: "string" } } };
    const grown = new IndexedDbTabularStorage("rows", wider as never, ["id"] as never, ["extra"], {
      database: other,
      uniqueIndexes: ["email"],
    });
    await grown.setupDatabase();
    // A storage that knows nothing of the column would drop it from rows that it stores.
    await expect(table.put({ id: "first", n: 2 })).rejects.toMatchObject({
      name: "StorageSchemaMismatchError",
    });
    expect(await grown.get({ id: "first" } as never)).toEqual({ id: "first", n: 1 });
    await grown[Symbol.asyncDispose]();
  });

  test("is opened again for storages that an upgrade did not concern", async () => {
    const other = new IndexedDbDatabase(database.name);
    const second = new IndexedDbTabularStorage("other", schema, ["id"] as const, [], {
      database: other,
    });
    const [row] = await Promise.all([table.put({ id: "b", n: 2 }), second.setupDatabase()]);
    expect(row).toEqual({ id: "b", n: 2 });
    expect(await table.get({ id: "b" })).toEqual({ id: "b", n: 2 });
    await second[Symbol.asyncDispose]();
  });

  test("that others do not let go is a transient error", async () => {
    const blocker = await new Promise<IDBDatabase>((resolve) => {
      const request = indexedDB.open(database.name);
      request.onsuccess = () => resolve(request.result);
    });
    const hurried = new IndexedDbDatabase(database.name, { openTimeoutMs: 50 });
    const late = new IndexedDbTabularStorage("late", schema, ["id"] as const, [], {
      database: hurried,
    });
    await expect(late.setupDatabase()).rejects.toMatchObject({
      name: "StorageBusyError",
      kind: "transient",
    });
    blocker.close();
    await late.setupDatabase();
    await late[Symbol.asyncDispose]();
  });

  test("is closed when the last storage has gone, and no earlier", async () => {
    const second = opened(database);
    await second.get({ id: "first" });
    await table[Symbol.asyncDispose]();
    expect(await second.get({ id: "first" })).toEqual({ id: "first", n: 1 });
    await second[Symbol.asyncDispose]();
    expect(database.connection).toBeUndefined();
  });
});

describe("a transaction", () => {
  test("is kept while its function awaits other things", async () => {
    await table.transaction(async (tx) => {
      await tx.put({ id: "a", n: 1 });
      await new Promise((resolve) => setTimeout(resolve, 100));
      await tx.put({ id: "b", n: 2 });
    });
    expect(await table.size()).toBe(3);
  });

  test("in which nothing happens is given up", async () => {
    const impatient = new IndexedDbDatabase(database.name, { idleLimitMs: 30 });
    const other = opened(impatient);
    const failed = other.transaction(async (tx) => {
      await tx.put({ id: "a", n: 1 });
      await new Promise((resolve) => setTimeout(resolve, 200));
      await tx.put({ id: "b", n: 2 });
    });
    await expect(failed).rejects.toMatchObject({ name: "StorageBusyError", code: "IDLE" });
    expect(await table.size()).toBe(1);
    await other[Symbol.asyncDispose]();
  });

  test("comes after the calls made before it and before those made after it", async () => {
    const seen: unknown[] = [];
    const put = table.put({ id: "a", n: 1 });
    const transaction = table.transaction(async (tx) => {
      seen.push((await tx.get({ id: "a" }))?.n);
      await tx.put({ id: "a", n: 2 });
    });
    const read = table.get({ id: "a" });
    await Promise.all([put, transaction]);
    seen.push((await read)?.n);
    expect(seen).toEqual([1, 2]);
  });
});
