import { IndexedDbDatabase, IndexedDbTabularStorage } from "@workglow/indexeddb";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const schema = {
  type: "object",
  properties: { id: { type: "string" }, n: { type: "integer" } },
  required: ["id", "n"],
  additionalProperties: false,
} as const;

type Rows = IndexedDbTabularStorage<typeof schema, readonly ["id"]>;

const opened: AsyncDisposable[] = [];
let name = "";

function rowsOn(database: IndexedDbDatabase): Rows {
  const rows = new IndexedDbTabularStorage("rows", schema, ["id"] as const, [], { database });
  opened.push(rows);
  return rows;
}

beforeEach(async () => {
  name = `order-${crypto.randomUUID()}`;
  await rowsOn(new IndexedDbDatabase(name)).setupDatabase();
});

afterEach(async () => {
  for (const storage of opened.splice(0)) await storage[Symbol.asyncDispose]();
});

describe("writes of a connection that does not know of a subscriber yet", () => {
  let rows: Rows;

  beforeEach(async () => {
    rows = rowsOn(new IndexedDbDatabase(name));
    await rows.put({ id: "a", n: 0 });
    const subscribed = rowsOn(new IndexedDbDatabase(name)).subscribeToChanges(() => undefined);
    await subscribed.ready;
  });

  test("come before a transaction that was made after them", async () => {
    await Promise.all([
      rows.deleteAll(),
      rows.transaction(async (tx) => {
        await tx.put({ id: "imported", n: 1 });
      }),
    ]);
    expect(await rows.getAll()).toEqual([{ id: "imported", n: 1 }]);
  });

  test("are seen by it", async () => {
    const put = rows.put({ id: "a", n: 1 });
    const seen = await rows.transaction(async (tx) => {
      const row = await tx.get({ id: "a" });
      await tx.put({ id: "a", n: 2 });
      return row?.n;
    });
    await put;
    expect([seen, (await rows.get({ id: "a" }))?.n]).toEqual([1, 2]);
  });

  test("are seen by reads that were made after them, whenever that was", async () => {
    const calls: Promise<unknown>[] = [rows.put({ id: "b", n: 1 })];
    const sizes: Promise<number>[] = [];
    for (let tick = 0; tick < 20; tick++) {
      sizes.push(rows.size());
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await Promise.all(calls);
    expect(new Set(await Promise.all(sizes))).toEqual(new Set([2]));
  });

  test("keep their order among each other", async () => {
    const calls: Promise<unknown>[] = [];
    for (let n = 1; n <= 5; n++) {
      calls.push(rows.put({ id: "a", n }), rows.update({ id: "a" }, { n: n * 10 }));
      calls.push(rows.putBulk(["a", "b"].map((id) => ({ id, n: n * 100 }))));
      await Promise.resolve();
    }
    await Promise.all(calls);
    expect((await rows.getAll())?.map(({ n }) => n)).toEqual([500, 500]);
  });
});

describe("calls around a transaction", () => {
  test("keep their order on a connection that is still to be opened", async () => {
    const rows = rowsOn(new IndexedDbDatabase(name));
    const first = rows.put({ id: "a", n: 1 });
    const transaction = rows.transaction(async (tx) => {
      const seen = (await tx.get({ id: "a" }))?.n;
      await tx.put({ id: "a", n: 2 });
      return seen;
    });
    const last = rows.put({ id: "a", n: 3 });
    const read = rows.get({ id: "a" });
    await Promise.all([first, last]);
    expect([await transaction, (await read)?.n, (await rows.get({ id: "a" }))?.n]).toEqual([
      1, 3, 3,
    ]);
  });

  test("keep it around several", async () => {
    const database = new IndexedDbDatabase(name);
    const [one, two] = [rowsOn(database), rowsOn(database)];
    const seen: unknown[] = [];
    const note = async (storage: Rows, n: number): Promise<void> => {
      await storage.transaction(async (tx) => {
        seen.push((await tx.get({ id: "a" }))?.n);
        await tx.put({ id: "a", n });
      });
    };
    await Promise.all([
      one.put({ id: "a", n: 1 }),
      note(one, 2),
      one.put({ id: "a", n: 3 }),
      note(two, 4),
      one.put({ id: "a", n: 5 }),
    ]);
    expect([...seen, (await one.get({ id: "a" }))?.n]).toEqual([1, 3, 5]);
  });

  test("go on when the transaction fails, or cannot begin", async () => {
    const rows = rowsOn(new IndexedDbDatabase(name));
    const controller = new AbortController();
    controller.abort(new Error("no longer wanted"));
    const results = await Promise.allSettled([
      rows.transaction(() => Promise.reject(new Error("failed"))),
      rows.put({ id: "a", n: 1 }),
      rows.transaction(async (tx) => tx.put({ id: "b", n: 1 }), { signal: controller.signal }),
      rows.put({ id: "c", n: 1 }),
    ]);
    expect(results.map(({ status }) => status)).toEqual([
      "rejected",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    expect((await rows.getAll())?.map(({ id }) => id)).toEqual(["a", "c"]);
  });
});

describe("a connection that has died and did not tell", () => {
  test("is replaced by whatever call comes next", async () => {
    const die = async (database: IndexedDbDatabase): Promise<void> => {
      (await database.open()).close();
    };
    const database = new IndexedDbDatabase(name);
    const rows = rowsOn(database);
    await rows.put({ id: "a", n: 1 });
    await die(database);
    expect(await rows.transaction(async (tx) => (await tx.get({ id: "a" }))?.n)).toBe(1);
    await die(database);
    expect((await rows.get({ id: "a" }))?.n).toBe(1);
    await die(database);
    await rows.setupDatabase();
    await die(database);
    expect(await rowsOn(database).size()).toBe(1);
  });
});

test("a transaction that the browser aborts ends, even if its function never does", async () => {
  const database = new IndexedDbDatabase(name);
  const rows = rowsOn(database);
  await rows.put({ id: "a", n: 1 });
  let begin: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const { transaction } = IDBDatabase.prototype;
  let raw: IDBTransaction | undefined;
  IDBDatabase.prototype.transaction = function (...args) {
    raw = transaction.apply(this, args);
    return raw;
  };
  try {
    const hanging = rows.transaction(() => {
      begin();
      return new Promise(() => undefined);
    });
    await begun;
    raw?.abort();
    await expect(hanging).rejects.toMatchObject({ name: "StorageBusyError", code: "ABORTED" });
  } finally {
    IDBDatabase.prototype.transaction = transaction;
  }
});

test("a database may be waited for as long as it takes", async () => {
  for (const openTimeoutMs of [Number.POSITIVE_INFINITY, 2 ** 32]) {
    expect(await rowsOn(new IndexedDbDatabase(name, { openTimeoutMs })).size()).toBe(0);
  }
});
