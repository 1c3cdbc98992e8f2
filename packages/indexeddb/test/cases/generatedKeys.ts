import {
  IndexedDbDatabase,
  IndexedDbTabularStorage,
  type IndexedDbTabularStorageOptions,
} from "@workglow/indexeddb";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

interface NumberedRow {
  readonly id: number;
  readonly group: string;
  readonly text: string;
  readonly mark?: string;
}

type Written = Omit<NumberedRow, "id" | "group"> & Partial<NumberedRow>;

interface Shape {
  readonly generated?: boolean;
  readonly key?: readonly string[];
  readonly required?: readonly string[];
}

/** In which database a test's tables are. */
let name: string;
let opened: AsyncDisposable[];

function table(
  { generated = true, key = ["id"], required = [] }: Shape = {},
  options: IndexedDbTabularStorageOptions = {},
) {
  const schema: DataPortSchemaObject = {
    type: "object",
    properties: {
      id: { type: "integer", "x-auto-generated": generated },
      group: { type: "string", default: "" },
      text: { type: "string" },
      mark: { type: "string" },
      size: { type: "integer" },
    },
    required: ["id", "text", ...key, ...required],
    additionalProperties: false,
  };
  type Schema = typeof schema;
  const storage = new IndexedDbTabularStorage<
    Schema,
    readonly string[],
    NumberedRow,
    { id: number },
    Written
  >("rows", schema, key, [], { database: new IndexedDbDatabase(name), ...options });
  opened.push(storage);
  return storage;
}

async function ready(...of: Parameters<typeof table>) {
  const storage = table(...of);
  await storage.setupDatabase();
  return storage;
}

const tenant = (value: string): IndexedDbTabularStorageOptions => ({
  prefixes: [{ name: "tenant", type: "uuid" }],
  prefixValues: { tenant: value },
});

const texts = (rows: readonly NumberedRow[] | undefined): readonly string[] =>
  (rows ?? []).map(({ id, text }) => `${id} ${text}`);

const ofNumber = (rows: readonly NumberedRow[] | undefined, id: number): string | undefined =>
  rows?.find((row) => row.id === id)?.text;

/** What the table's side store has as its counter. */
async function counter(): Promise<unknown> {
  const db = await new Promise<IDBDatabase>((resolve) => {
    const request = indexedDB.open(name);
    request.onsuccess = () => resolve(request.result);
  });
  const found = await new Promise((resolve) => {
    const request = db.transaction("rows:side").objectStore("rows:side").get("counter");
    request.onsuccess = () => resolve(request.result);
  });
  db.close();
  return found;
}

beforeEach(() => {
  name = `generated-${crypto.randomUUID()}`;
  opened = [];
});

afterEach(async () => {
  vi.restoreAllMocks();
  for (const storage of opened) await storage[Symbol.asyncDispose]();
});

describe("a table that was made without generated keys", () => {
  test("has its counter raised by set-up, once", async () => {
    const plain = await ready({ generated: false });
    await plain.putBulk([
      { id: 1, text: "kept" },
      { id: 70, text: "kept" },
    ]);
    const counting = await ready();
    expect(await counter()).toBe(70);
    expect((await counting.put({ text: "new" })).id).toBe(71);
    const version = async () =>
      (await indexedDB.databases()).find((database) => database.name === name)?.version;
    const before = await version();
    await (await ready()).size();
    expect(await version()).toBe(before);
  });

  test("has it raised past all tenants' rows", async () => {
    const a = await ready({ generated: false }, tenant("a"));
    const b = table({ generated: false }, tenant("b"));
    const c = table({ generated: false }, tenant("c"));
    await a.put({ id: 3, text: "a" });
    await b.put({ id: 90, text: "b" });
    await c.put({ id: 5, text: "c" });
    await ready({}, tenant("a"));
    expect(await counter()).toBe(90);
  });

  test("has it raised past the numbers of compound keys", async () => {
    const key = ["group", "id"];
    const plain = await ready({ generated: false, key });
    await plain.putBulk([
      { group: "a", id: 80, text: "kept" },
      { group: "a", id: 2, text: "kept" },
      { group: "b", id: 7, text: "kept" },
    ]);
    await ready({ key });
    expect(await counter()).toBe(80);
  });

  test("has it raised by a set-up that changes the table, too", async () => {
    const plain = await ready({ generated: false });
    await plain.put({ id: 12, text: "kept" });
    await ready({}, { uniqueIndexes: ["mark"] });
    expect(await counter()).toBe(12);
  });

  test("is filled past its rows without a set-up", async () => {
    const plain = await ready({ generated: false });
    await plain.putBulk([1, 2, 3, 4].map((id) => ({ id, text: "kept" })));
    const counting = table();
    const written = [
      ...(await Promise.all([counting.put({ text: "new" }), counting.put({ text: "new" })])),
      ...(await counting.putBulk([{ text: "new" }, { text: "new" }])),
    ];
    expect(written.map(({ id }) => id)).toEqual([5, 6, 7, 8]);
    expect(await counting.insert({ text: "new" })).toMatchObject({ id: 9 });
    expect(await counter()).toBe(9);
    expect((await counting.getAll())?.map(({ text }) => text)).toEqual([
      ...Array(4).fill("kept"),
      ...Array(5).fill("new"),
    ]);
  });
});

describe("a number that is taken all the same", () => {
  test.each(["put", "insert"] as const)("is passed over by %s", async (method) => {
    const counting = await ready({}, { uniqueIndexes: ["mark"] });
    await counting.put({ text: "first", mark: "m" });
    await table({ generated: false }, { uniqueIndexes: ["mark"] }).putBulk([
      { id: 2, text: "kept" },
      { id: 1000, text: "kept" },
    ]);
    // Numbers and marks are taken, in one tick with a call that has nothing to do with them.
    const results = await Promise.allSettled([
      counting[method]({ text: "new" }),
      counting[method]({ text: "refused", mark: "m" }),
      counting[method]({ text: "newer" }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(results[1]).toMatchObject({ reason: { name: "StorageConflictError" } });
    const rows = await counting.getAll();
    expect(rows?.map(({ text }) => text).sort()).toEqual(["first", "kept", "kept", "new", "newer"]);
    expect([ofNumber(rows, 2), ofNumber(rows, 1000)]).toEqual(["kept", "kept"]);
    const last = await counting.put({ text: "last" });
    expect(last.id).toBe(((await counter()) as number) || Number.NaN);
    expect(last.id).toBeGreaterThan(1000);
  });

  test("is passed over by an insert that ignores conflicts", async () => {
    const counting = await ready({}, { uniqueIndexes: ["mark"] });
    await table({ generated: false }, { uniqueIndexes: ["mark"] }).put({
      id: 1,
      text: "kept",
      mark: "m",
    });
    const ignoring = { onConflict: "ignore" } as const;
    expect(await counting.insert({ text: "new" }, ignoring)).toMatchObject({ id: 2 });
    expect(await counting.insert({ text: "new", mark: "m" }, ignoring)).toBeUndefined();
    expect(texts(await counting.getAll())).toEqual(["1 kept", "2 new"]);
  });

  test("is passed over within each group of a compound key", async () => {
    const key = ["group", "id"];
    const counting = await ready({ key });
    await table({ generated: false, key }).putBulk([
      { group: "a", id: 1, text: "kept" },
      { group: "b", id: 2, text: "kept" },
      { group: "b", id: 30, text: "kept" },
    ]);
    await counting.put({ group: "a", text: "new" });
    await counting.putBulk([
      { group: "a", text: "new" },
      { group: "b", text: "new" },
    ]);
    expect(await counting.size()).toBe(6);
    expect(await counting.count({ text: "kept" } as never)).toBe(3);
  });

  test("is told to subscribers as a new row", async () => {
    const counting = await ready();
    await table({ generated: false }).put({ id: 1, text: "kept" });
    const heard: unknown[] = [];
    const unsubscribe = counting.subscribeToChanges((change) => void heard.push(change));
    await unsubscribe.ready;
    await Promise.all([counting.put({ text: "new" }), counting.put({ text: "newer" })]);
    await vi.waitFor(() => expect(heard).toHaveLength(2));
    expect(heard).toMatchObject([
      { type: "INSERT", new: { id: 2 } },
      { type: "INSERT", new: { id: 3 } },
    ]);
    unsubscribe();
  });
});

describe("the counter", () => {
  test("is written for a number that was refused before", async () => {
    const rows = await ready({}, { uniqueIndexes: ["mark"] });
    await rows.put({ text: "first", mark: "taken" });
    await rows.transaction(async (tx) => {
      const refused = tx.put({ id: 5, text: "refused", mark: "taken" });
      await expect(refused).rejects.toMatchObject({ name: "StorageConflictError" });
      await tx.put({ id: 5, text: "kept", mark: "free" });
    });
    expect(await counter()).toBe(5);
    expect((await rows.put({ text: "new" })).id).toBe(6);
  });

  test("is written for a number that a savepoint took back", async () => {
    const rows = await ready();
    await rows.transaction(async (tx) => {
      const undone = tx.transaction(async (inner) => {
        await inner.putBulk([{ id: 2, text: "undone" }, { text: "undone" }]);
        throw new Error("undo");
      });
      await expect(undone).rejects.toThrow("undo");
      await tx.put({ id: 3, text: "kept" });
    });
    expect(await counter()).toBe(3);
    expect((await rows.put({ text: "new" })).id).toBe(4);
  });

  test("is read and written once for the calls of a tick", async () => {
    const rows = await ready();
    await rows.size();
    const get = vi.spyOn(IDBObjectStore.prototype, "get");
    const put = vi.spyOn(IDBObjectStore.prototype, "put");
    await Promise.all(Array.from({ length: 16 }, () => rows.put({ text: "new" })));
    expect(get.mock.calls.filter(([key]) => key === "counter")).toHaveLength(1);
    expect(put.mock.calls.filter(([, key]) => key === "counter")).toEqual([[16, "counter"]]);
  });

  test.each([
    ["a call", (rows: ReturnType<typeof table>) => rows.put({ text: "lost" })],
    ["a bulk", (rows: ReturnType<typeof table>) => rows.putBulk([{ text: "a" }, { text: "b" }])],
    [
      "a transaction",
      (rows: ReturnType<typeof table>) => rows.transaction((tx) => tx.put({ text: "lost" })),
    ],
  ])("that cannot be written fails %s, and nothing is stored", async (_, write) => {
    const rows = await ready();
    await rows.put({ text: "first" });
    const { put } = IDBObjectStore.prototype;
    vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(function (
      this: IDBObjectStore,
      record: unknown,
      key?: IDBValidKey,
    ) {
      // There is one already, so that the request fails later.
      return key === "counter" ? this.add(record, key) : put.call(this, record, key);
    });
    await expect(write(rows)).rejects.toMatchObject({ name: "StorageConflictError" });
    vi.restoreAllMocks();
    expect(texts(await rows.getAll())).toEqual(["1 first"]);
    expect((await rows.put({ text: "second" })).id).toBe(2);
  });
});

test("a bulk with a value that the browser refuses at once stores nothing", async () => {
  const rows = await ready();
  const { put } = IDBObjectStore.prototype;
  vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(function (
    this: IDBObjectStore,
    record: { v?: NumberedRow },
    key?: IDBValidKey,
  ) {
    if (record.v?.text === "huge") throw new DOMException("too large", "DataCloneError");
    return put.call(this, record, key);
  });
  const bulk = [{ text: "small" }, { text: "small" }, { text: "huge" }];
  const refused = { name: "StorageValidationError" };
  await expect(rows.putBulk(bulk)).rejects.toMatchObject(refused);
  await expect(rows.transaction((tx) => tx.putBulk(bulk))).rejects.toMatchObject(refused);
  expect(await rows.size()).toBe(0);
  expect((await rows.put({ text: "small" })).id).toBe(1);
});

describe("rows of dataTransformer", () => {
  const needsSize: Shape = { required: ["size"] };
  const transformed = (fn: (row: Record<string, unknown>) => Record<string, unknown>) => ({
    dataTransformer: (rows: readonly Record<string, unknown>[]) =>
      rows.map((row) => ({ size: 0, ...fn(row) })),
  });
  const filled = async (shape: Shape = {}) => {
    const rows = await ready(shape);
    await rows.putBulk(["a", "b", "c"].map((text, at) => ({ id: at + 1, text })));
  };

  test("that are numbered anew are never written over", async () => {
    await filled();
    const rows = await ready(
      needsSize,
      transformed((row) => ({ ...row, id: (row.id as number) + 10 })),
    );
    expect(await counter()).toBe(13);
    await rows.put({ text: "new", size: 1 } as never);
    expect(texts(await rows.getAll())).toEqual(["11 a", "12 b", "13 c", "14 new"]);
  });

  test("that lack their number get the next", async () => {
    await filled();
    const rows = await ready(
      needsSize,
      transformed(({ text }) => (text === "b" ? { text, id: 20 } : { text })),
    );
    expect(texts(await rows.getAll())).toEqual(["20 b", "21 a", "22 c"]);
    expect(await counter()).toBe(22);
    const stored = (await rows.getAll())?.map((row) => Object.keys(row).join());
    expect(new Set(stored)).toEqual(new Set(["id,text,size"]));
  });

  test("that lack their number are refused where callers always give it", async () => {
    await filled();
    const rows = table(needsSize, {
      ...transformed(({ text }) => ({ text })),
      clientProvidedKeys: "always",
    });
    await expect(rows.setupDatabase()).rejects.toMatchObject({ name: "StorageValidationError" });
    expect(texts(await table().getAll())).toEqual(["1 a", "2 b", "3 c"]);
  });

  test("keep their numbers where callers never give one", async () => {
    await filled();
    const rows = await ready(needsSize, {
      ...transformed((row) => row),
      clientProvidedKeys: "never",
    });
    expect(texts(await rows.getAll())).toEqual(["1 a", "2 b", "3 c"]);
  });

  test("that share a key are refused, and nothing is changed", async () => {
    await filled();
    const rows = table(
      needsSize,
      transformed((row) => ({ ...row, id: 1 })),
    );
    await expect(rows.setupDatabase()).rejects.toMatchObject({ name: "StorageConflictError" });
    expect(texts(await table().getAll())).toEqual(["1 a", "2 b", "3 c"]);
  });

  test.each([
    ["a promise of rows", async (rows: readonly object[]) => rows],
    ["a promise that rejects", () => Promise.reject(new Error("never heard of"))],
    ["promises", (rows: readonly object[]) => rows.map(async (row) => row)],
    ["nothing", () => undefined],
  ])("that are %s are refused, and nothing is changed", async (_, dataTransformer) => {
    await filled();
    const rows = table(needsSize, { dataTransformer: dataTransformer as never });
    await expect(rows.setupDatabase()).rejects.toMatchObject({ name: "StorageValidationError" });
    expect(texts(await table().getAll())).toEqual(["1 a", "2 b", "3 c"]);
  });
});
