import { chunkSchema } from "@workglow/conformance";
import { IndexedDbTabularStorage, IndexedDbVectorStorage } from "@workglow/indexeddb";
import { IndexedDbKvStorage, withTransaction } from "@workglow/indexeddb/storage";
import {
  StorageConflictError,
  StorageSchemaMismatchError,
  StorageValidationError,
} from "@workglow/util";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import { describe, expect, it } from "vitest";
import { again, chunkStorage, chunks, ids, logOf, newDatabase, vec } from "./vectorKit.ts";

const east = vec(1, 0);

/** The chunks' schema with a note, and what may lie in a plain table. */
const noted = {
  type: "object",
  properties: {
    id: { type: "string" },
    vector: { type: "array", format: "TypedArray:Float32Array" },
    note: { type: "string" },
    kind: { type: "string" },
  },
  required: ["id"],
  additionalProperties: false,
} as const satisfies DataPortSchemaObject;

describe("a vector storage on IndexedDB", () => {
  it("reads the rows that it gives, and hardly any others", async () => {
    const storage = await chunkStorage(newDatabase());
    await storage.putBulk(
      Array.from({ length: 3000 }, (_, at) => ({ id: `${at}`, vector: vec(1, at / 100) })),
    );
    expect(ids(await storage.similaritySearch(east, { topK: 3 }))).toEqual(["0", "1", "2"]);
    expect(storage.statistics.rowsRead).toBeLessThanOrEqual(4);
    expect(await storage.similaritySearch(east, { topK: 3000 })).toHaveLength(3000);
  });

  it("sees in a transaction what that has written, and forgets it with it", async () => {
    const storage = await chunkStorage(newDatabase());
    await storage.put({ id: "a", vector: east });
    const failure = new Error("changed my mind");
    const attempt = storage.transaction(async (tx) => {
      await tx.put({ id: "phantom", vector: east });
      await tx.delete({ id: "a" });
      expect(ids(await tx.similaritySearch(east))).toEqual(["phantom"]);
      throw failure;
    });
    await expect(attempt).rejects.toBe(failure);
    expect(ids(await storage.similaritySearch(east))).toEqual(["a"]);
  });

  it("forgets what a savepoint has written, whatever it was, and keeps the rest", async () => {
    const database = newDatabase();
    const storage = await chunkStorage(database);
    const other = await chunkStorage(again(database));
    await storage.putBulk(["a", "b", "c"].map((id, at) => ({ id, vector: vec(1, at) })));
    await withTransaction(database, async (tx) => {
      const inside = storage.with(tx);
      await inside.put({ id: "d", vector: vec(1, 9) });
      for (const spoil of [
        (s: typeof storage) => s.deleteAll(),
        (s: typeof storage) => s.deleteSearch({ id: { operator: ">=", value: "b" } }),
        (s: typeof storage) => s.delete({ id: "a" }),
        (s: typeof storage) => s.put({ id: "a", vector: vec(-1, 0) }),
        (s: typeof storage) =>
          s.putBulk([
            { id: "x", vector: east },
            { id: "b", vector: east },
          ]),
        (s: typeof storage) => s.insert({ id: "c", vector: east }, { onConflict: "ignore" }),
      ]) {
        const abandoned = inside.transaction(async (savepoint) => {
          await spoil(savepoint as typeof storage);
          throw new Error("abandoned");
        });
        await expect(abandoned).rejects.toThrow("abandoned");
      }
      expect(ids(await inside.similaritySearch(east))).toEqual(["a", "b", "c", "d"]);
    });
    for (const reader of [storage, other]) {
      expect(ids(await reader.similaritySearch(east))).toEqual(["a", "b", "c", "d"]);
    }
  });

  it("commits with the other storages of its database", async () => {
    const database = newDatabase();
    const one = await chunkStorage(database, { table: "one" });
    const other = await chunkStorage(database, { table: "other" });
    await withTransaction(database, async (tx) => {
      await one.with(tx).put({ id: "a", vector: east });
      await other.with(tx).put({ id: "b", vector: east });
    });
    expect(ids(await one.similaritySearch(east))).toEqual(["a"]);
    expect(ids(await other.similaritySearch(east))).toEqual(["b"]);
  });

  it("passes over rows that have no vector of its own", async () => {
    const database = newDatabase();
    const make = () =>
      new IndexedDbVectorStorage("t", noted, ["id"] as const, [], 2, undefined, { database });
    const storage = make();
    await storage.setupDatabase();
    const plain = new IndexedDbTabularStorage("t", noted, ["id"] as const, [], { database });
    await storage.putBulk([{ id: "none" }, { id: "b", vector: east }]);
    await plain.putBulk([
      { id: "long", vector: vec(1, 0, 0) },
      { id: "zero", vector: vec(0, 0) },
      { id: "wrong", vector: vec(Number.NaN, 1) },
    ]);
    expect(ids(await storage.similaritySearch(east))).toEqual(["b"]);
    await expect(storage.similaritySearch({ id: "none" })).rejects.toThrow(StorageValidationError);
    for (const id of ["long", "zero", "wrong"]) {
      await expect(storage.similaritySearch({ id })).rejects.toThrow(StorageValidationError);
    }
    await plain.put({ id: "b" });
    await plain.put({ id: "none", vector: vec(0, 1) });
    expect(ids(await storage.similaritySearch(east))).toEqual(["none"]);
  });

  it("keeps tenants apart, and lets one lose all its rows", async () => {
    const database = newDatabase();
    const tenant = (name: string) =>
      chunkStorage(database, {
        prefixes: [{ name: "tenant", type: "uuid" }],
        prefixValues: { tenant: name },
      });
    const [one, other] = [await tenant("one"), await tenant("other")];
    await one.put({ id: "a", vector: east });
    await other.put({ id: "a", vector: vec(0, 1) });
    await other.put({ id: "b", vector: east });
    expect(ids(await one.similaritySearch(east))).toEqual(["a"]);
    expect(ids(await other.similaritySearch(east))).toEqual(["b", "a"]);
    await other.deleteAll();
    expect(await other.similaritySearch(east)).toEqual([]);
    expect(ids(await one.similaritySearch(east))).toEqual(["a"]);
  });

  it("compares keys of any type as it orders them", async () => {
    const schema = {
      type: "object",
      properties: {
        at: { type: "integer", format: "int64" },
        part: { type: "string", contentEncoding: "blob" },
        flag: { type: "boolean" },
        v: { type: "array", format: "TypedArray" },
      },
      required: ["at", "part", "flag", "v"],
    } as const satisfies DataPortSchemaObject;
    const key = ["at", "part", "flag"] as const;
    const database = newDatabase();
    const make = (connection = database) =>
      new IndexedDbVectorStorage("k", schema, key, [], 2, undefined, { database: connection });
    const storage = make();
    await storage.setupDatabase();
    const keys = [
      { at: -(2n ** 62n), part: Uint8Array.of(1), flag: false },
      { at: 2n, part: Uint8Array.of(), flag: true },
      { at: 2n, part: Uint8Array.of(0, 255), flag: false },
      { at: 2n, part: Uint8Array.of(1), flag: false },
      { at: 2n, part: Uint8Array.of(1), flag: true },
      { at: 10n, part: Uint8Array.of(0), flag: false },
    ];
    await storage.putBulk(keys.toReversed().map((k) => ({ ...k, v: vec(1, 2) })));
    const expected = keys.map((k) => ({ ...k, score: 1 }));
    expect(await storage.similaritySearch(vec(1, 2), { select: key })).toEqual(expected);
    for (const row of keys) await storage.put({ ...row, v: vec(2, 4) });
    expect(await storage.similaritySearch(vec(1, 2), { select: key })).toEqual(expected);
    const elsewhere = make(again(database));
    expect(await elsewhere.similaritySearch(vec(1, 2), { select: key })).toEqual(expected);
    await storage.delete(keys[2] as (typeof keys)[number]);
    expect(await elsewhere.similaritySearch(vec(1, 2))).toHaveLength(5);
  });

  it("takes any number of results", async () => {
    const storage = await chunkStorage(newDatabase());
    await storage.putBulk(
      Array.from({ length: 100 }, (_, at) => ({ id: `${at}`, vector: vec(1, at) })),
    );
    const topK = Number.MAX_SAFE_INTEGER;
    expect(await storage.similaritySearch(east, { topK })).toHaveLength(100);
    expect(await storage.similaritySearch(east, { topK, offset: topK })).toEqual([]);
  });

  it("stops when it is told to, and goes on with the next search", async () => {
    const database = newDatabase();
    const storage = await chunkStorage(database, { dimensions: 64 });
    const vector = (at: number) => new Float32Array(64).fill(1).fill(at + 2, 0, 1);
    for (let bulk = 0; bulk < 40; bulk++)
      await storage.put({ id: `${bulk}`, vector: vector(bulk) });
    const elsewhere = chunks(again(database), { dimensions: 64 });
    const controller = new AbortController();
    const searching = elsewhere.similaritySearch(vector(0), { signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 1);
    await expect(searching).rejects.toThrow("enough");
    expect(await elsewhere.similaritySearch(vector(0), { topK: 50 })).toHaveLength(40);
  });
});

describe("a filter", () => {
  const rows = Array.from({ length: 400 }, (_, at) => ({
    id: `${at}`.padStart(3, "0"),
    vector: vec(1, at / 100),
    note: `note ${at % 40}`,
    kind: `kind ${at % 3}`,
  }));

  async function notes(indexes: readonly "note"[]) {
    const key = ["id"] as const;
    const database = newDatabase();
    const storage = new IndexedDbVectorStorage("n", noted, key, indexes, 2, undefined, {
      database,
    });
    await storage.setupDatabase();
    await storage.putBulk(rows);
    return storage;
  }

  it("that an index answers reads no rows but those it gives", async () => {
    const storage = await notes(["note"]);
    const filter = { note: "note 7" } as const;
    const found = await storage.similaritySearch(east, { filter, topK: 2 });
    expect(ids(found)).toEqual(["007", "047"]);
    expect(storage.statistics).toEqual({ rowsRead: 2, keysRead: 10 });
  });

  it("that leaves most rows gives up its index for what is in memory", async () => {
    const storage = await notes(["note"]);
    const filter = { note: { operator: ">=", value: "note 1" } } as const;
    const expected = rows.filter(({ note }) => note >= "note 1").map(({ id }) => id);
    const search = () => storage.similaritySearch(east, { filter, topK: 400 });
    expect(ids(await search())).toEqual(expected);
    const { keysRead } = storage.statistics;
    // One more than is worth it.
    expect(keysRead).toBe(65);
    await search();
    await storage.similaritySearch(east, { filter: { note: "note 7" } });
    expect(storage.statistics.keysRead).toBe(keysRead);
    await storage.update({ id: "007" }, { note: "a note" });
    expect(ids(await search())).toEqual(expected.filter((id) => id !== "007"));
  });

  it("that none answers reads the rows once, and then only those that changed", async () => {
    const storage = await notes([]);
    const filter = { note: "note 7" } as const;
    expect(ids(await storage.similaritySearch(east, { filter, topK: 2 }))).toEqual(["007", "047"]);
    expect(storage.statistics.rowsRead).toBe(402);
    await storage.similaritySearch(east, { filter, topK: 2 });
    expect(storage.statistics.rowsRead).toBe(404);
    await storage.update({ id: "300" }, { note: "note 7", vector: vec(1, 0.01) });
    await storage.update({ id: "047" }, { note: "other" });
    await storage.delete({ id: "007" });
    expect(ids(await storage.similaritySearch(east, { filter, topK: 2 }))).toEqual(["300", "087"]);
    expect(storage.statistics.rowsRead).toBe(408);
    // Another column, of all rows.
    const kind = { kind: "kind 1", note: "note 7" } as const;
    const both = rows.filter((r) => r.kind === "kind 1" && r.note === "note 7").map(({ id }) => id);
    const found = await storage.similaritySearch(east, { filter: kind, topK: 20 });
    expect(ids(found)).toEqual(both.filter((id) => id !== "007" && id !== "047"));
  });

  it("holds for searches that are made at the same time, each with its own", async () => {
    const storage = await notes([]);
    const searches = ["note 1", "note 2", "note 3"].flatMap((note) => [
      storage.similaritySearch(east, { filter: { note }, topK: 400 }),
      storage.similaritySearch(east, { filter: { note, kind: "kind 0" }, topK: 400 }),
      storage.similaritySearch(east, { filter: { kind: "kind 2" }, topK: 400 }),
    ]);
    const found = await Promise.all(searches);
    const count = (matches: (row: (typeof rows)[number]) => boolean) => rows.filter(matches).length;
    expect(found.map(({ length }) => length)).toEqual(
      ["note 1", "note 2", "note 3"].flatMap((note) => [
        count((row) => row.note === note),
        count((row) => row.note === note && row.kind === "kind 0"),
        count((row) => row.kind === "kind 2"),
      ]),
    );
  });
});

describe("what searches go by stays true", () => {
  it("when a plain storage writes to the table", async () => {
    const database = newDatabase();
    const storage = await chunkStorage(database);
    const connection = again(database);
    const plain = new IndexedDbTabularStorage("chunks", chunkSchema, ["id"] as const, [], {
      database: connection,
    });
    const expectIds = async (...expected: string[]) =>
      expect(ids(await storage.similaritySearch(east))).toEqual(expected);
    await plain.putBulk(["a", "b", "c", "d", "e"].map((id, at) => ({ id, vector: vec(1, at) })));
    await expectIds("a", "b", "c", "d", "e");
    await plain.update({ id: "a" }, { vector: vec(-1, 0) });
    await plain.insert({ id: "f", vector: vec(1, 0.5) });
    await expectIds("f", "b", "c", "d", "e", "a");
    await plain.deleteSearch({ id: { operator: "<", value: "c" } });
    await plain.delete({ id: "d" });
    await expectIds("f", "c", "e");
    await plain.transaction(async (tx) => {
      await tx.deleteAll();
      await tx.put({ id: "z", vector: vec(0, 1) });
    });
    await expectIds("z");
    await plain.deleteAll();
    await expectIds();
  });

  it("when writes are refused because a key or a unique value is taken", async () => {
    const key = ["id"] as const;
    const database = newDatabase();
    const options = { database, uniqueIndexes: ["note"] } as const;
    const storage = new IndexedDbVectorStorage("u", noted, key, [], 2, undefined, options);
    await storage.setupDatabase();
    await storage.putBulk([
      { id: "a", vector: vec(1, 0), note: "1" },
      { id: "b", vector: vec(0, 1), note: "2" },
    ]);
    const results = await Promise.allSettled([
      storage.insert({ id: "a", vector: vec(-1, 0) }),
      storage.put({ id: "b", vector: vec(-1, 0), note: "1" }),
      storage.put({ id: "c", vector: vec(1, 1), note: "2" }),
      storage.insert({ id: "d", vector: vec(1, 1), note: "2" }, { onConflict: "ignore" }),
      storage.put({ id: "e", vector: vec(1, 2), note: "5" }),
      storage.update({ id: "e" }, { note: "1" }),
      storage.insert({ id: "b", vector: vec(1, 0) }),
      storage.update({ id: "b" }, { vector: vec(1, 3) }),
    ]);
    const refused = results.map((r) => r.status === "rejected" && r.reason);
    expect(refused.map((reason) => reason instanceof StorageConflictError)).toEqual([
      true,
      true,
      true,
      false,
      false,
      true,
      true,
      false,
    ]);
    const elsewhere = new IndexedDbVectorStorage("u", noted, key, [], 2, undefined, {
      ...options,
      database: again(database),
    });
    const select = ["id", "vector"] as const;
    for (const reader of [storage, elsewhere]) {
      const found = await reader.similaritySearch(east, { select });
      expect(found.map(({ id, score }) => [id, score.toFixed(3)])).toEqual([
        ["a", "1.000"],
        ["e", "0.447"],
        ["b", "0.316"],
      ]);
    }
  });

  it("when a bulk fails, of which nothing is stored", async () => {
    const database = newDatabase();
    const options = { database, uniqueIndexes: ["note"] } as const;
    const key = ["id"] as const;
    const storage = new IndexedDbVectorStorage("u", noted, key, [], 2, undefined, options);
    await storage.setupDatabase();
    await storage.put({ id: "z", vector: east, note: "taken" });
    const rows = Array.from({ length: 3000 }, (_, at) => ({ id: `${at}`, vector: vec(1, at) }));
    await expect(storage.putBulk([...rows, { id: "y", note: "taken" }])).rejects.toThrow(
      StorageConflictError,
    );
    expect(ids(await storage.similaritySearch(east))).toEqual(["z"]);
    expect(await logOf(database, "u")).toHaveLength(1);
  });
});

describe("the log beside the rows", () => {
  it("has few records for a bulk, and one for the puts of a tick", async () => {
    const database = newDatabase();
    const storage = await chunkStorage(database);
    await storage.putBulk(
      Array.from({ length: 3000 }, (_, at) => ({ id: `${at}`, vector: vec(1, at) })),
    );
    expect((await logOf(database)).map(({ keys }) => keys.length)).toEqual([1024, 1024, 952]);
    await Promise.all(["x", "y", "z"].map((id) => storage.put({ id, vector: east })));
    expect((await logOf(database)).at(-1)?.keys).toEqual(["x", "y", "z"]);
    await storage.deleteAll();
    expect(await logOf(database)).toHaveLength(1);
  });

  it("is put together when many small records have piled up, for every connection", async () => {
    const database = newDatabase();
    const storage = await chunkStorage(database);
    const elsewhere = chunks(again(database));
    await storage.put({ id: "a", vector: vec(1, 5) });
    expect(ids(await elsewhere.similaritySearch(east))).toEqual(["a"]);
    for (let at = 0; at < 200; at++) await storage.put({ id: `${at % 50}`, vector: vec(1, at) });
    await storage.delete({ id: "a" });
    expect(await logOf(database)).toHaveLength(202);
    const found = await storage.similaritySearch(east, { topK: 100 });
    await expect.poll(async () => (await logOf(database)).length).toBe(1);
    const [merged] = await logOf(database);
    expect(merged?.gone).toEqual(["a"]);
    expect(await storage.similaritySearch(east, { topK: 100 })).toEqual(found);
    expect(await elsewhere.similaritySearch(east, { topK: 100 })).toEqual(found);
    const later = chunks(again(database));
    expect(await later.similaritySearch(east, { topK: 100 })).toEqual(found);
  });

  it("is written anew when most of it is of no more use", async () => {
    const database = newDatabase();
    const dimensions = 256;
    const storage = await chunkStorage(database, { dimensions });
    const elsewhere = chunks(again(database), { dimensions });
    const rows = (scale: number) =>
      Array.from({ length: 300 }, (_, at) => ({
        id: `${at}`,
        vector: Float32Array.from({ length: dimensions }, (_, i) => Math.sin(i * scale + at)),
      }));
    const vector = rows(5)[0]?.vector as Float32Array;
    for (let scale = 1; scale < 10; scale++) {
      // None of them writes so much that it looks at the log itself.
      await chunks(again(database), { dimensions }).putBulk(rows(scale));
      if (scale === 4) await elsewhere.similaritySearch(vector);
    }
    const bytes = async () =>
      (await logOf(database)).reduce((sum, { units }) => sum + units.byteLength, 0);
    expect(await bytes()).toBe(9 * 300 * dimensions * 4);
    const found = await storage.similaritySearch(vector);
    await expect.poll(bytes).toBe(300 * dimensions * 4);
    expect(await elsewhere.similaritySearch(vector)).toEqual(found);
    expect(await storage.similaritySearch(vector)).toEqual(found);
    const later = chunks(again(database), { dimensions });
    expect(await later.similaritySearch(vector)).toEqual(found);
  });

  it("tells of an update that leaves the vector as it is by the key alone", async () => {
    const database = newDatabase();
    const storage = await chunkStorage(database);
    const elsewhere = chunks(again(database));
    await storage.put({ id: "a", vector: vec(1, 2), metadata: { group: 1 } });
    const search = (from: typeof storage, group: number) =>
      from.similaritySearch(east, { filter: { group } });
    expect(ids(await search(elsewhere, 1))).toEqual(["a"]);
    await storage.update({ id: "a" }, { metadata: { group: 2 } });
    await storage.update({ id: "a" }, { vector: vec(1, 2) });
    const [, ...updates] = await logOf(database);
    expect(updates.map(({ keys, gone, same }) => ({ keys, gone, same }))).toEqual([
      { keys: [], gone: [], same: ["a"] },
      { keys: [], gone: [], same: ["a"] },
    ]);
    expect(updates.every(({ units }) => units.byteLength === 0)).toBe(true);
    expect(ids(await search(elsewhere, 2))).toEqual(["a"]);
    expect(await search(elsewhere, 1)).toEqual([]);
    await storage.update({ id: "a" }, { vector: vec(2, 1) });
    expect((await logOf(database)).at(-1)).toMatchObject({ keys: ["a"], gone: [] });
    expect((await search(elsewhere, 2))[0]?.score).toBeCloseTo(2 / Math.sqrt(5));
  });

  it("tells the truth of updates and puts that are made at once", async () => {
    const database = newDatabase();
    const storage = await chunkStorage(database);
    const elsewhere = chunks(again(database));
    const write = async (on: typeof storage) => {
      await Promise.all([
        on.update({ id: "a" }, { metadata: { group: 2 } }),
        on.put({ id: "a", vector: vec(0, 1), metadata: { group: 3 } }),
        on.update({ id: "a" }, { metadata: { group: 4 } }),
      ]);
    };
    for (const inTransaction of [false, true]) {
      await storage.put({ id: "a", vector: east, metadata: { group: 1 } });
      if (inTransaction) await storage.transaction((tx) => write(tx as typeof storage));
      else await write(storage);
      const [found] = await elsewhere.similaritySearch(east, { filter: { group: 4 } });
      expect(found).toMatchObject({ id: "a", score: 0, metadata: { group: 4 } });
    }
  });

  it.each(["vector", "plain"])(
    "stays short while a %s storage writes and nobody searches",
    async (kind) => {
      const database = newDatabase();
      const dimensions = 256;
      const searched = await chunkStorage(database, { dimensions });
      const writer =
        kind === "vector"
          ? searched
          : new IndexedDbTabularStorage("chunks", chunkSchema, ["id"] as const, [], { database });
      const vector = (at: number) =>
        Float32Array.from({ length: dimensions }, (_, i) => Math.sin(i * at + at + 1));
      const put = (at: number) => writer.put({ id: `${at % 10}`, vector: vector(at) });
      for (let at = 0; at < 10; at++) await put(at);
      for (let at = 0; at < 1500; at++) {
        await writer.update({ id: `${at % 10}` }, { metadata: { group: at } });
      }
      await expect.poll(async () => (await logOf(database)).length).toBeLessThan(600);
      for (let at = 0; at < 2500; at++) await put(at);
      const log = await logOf(database);
      expect(log.length).toBeLessThan(600);
      const bytes = log.reduce((sum, { units }) => sum + units.byteLength, 0);
      expect(bytes).toBeLessThan(2.5e6 / 2);
      const found = await chunks(again(database), { dimensions }).similaritySearch(vector(2495));
      expect(found).toHaveLength(10);
      expect(found[0]).toMatchObject({ id: "5", score: 1 });
    },
  );

  it("is written anew by who has written much and never searched", async () => {
    const database = newDatabase();
    const dimensions = 256;
    const storage = await chunkStorage(database, { dimensions });
    const rows = (scale: number) =>
      Array.from({ length: 300 }, (_, at) => ({
        id: `${at}`,
        vector: Float32Array.from({ length: dimensions }, (_, i) => Math.sin(i * scale + at)),
      }));
    for (let scale = 1; scale <= 30; scale++) await storage.putBulk(rows(scale));
    const bytes = (await logOf(database)).reduce((sum, { units }) => sum + units.byteLength, 0);
    expect(bytes).toBeLessThan(8 * 300 * dimensions * 4);
    const query = rows(30)[7]?.vector as Float32Array;
    const [best] = await chunks(again(database), { dimensions }).similaritySearch(query);
    expect(best).toMatchObject({ id: "7", score: 1 });
  });

  it("is left alone once the storage is disposed, also inside a transaction", async () => {
    const database = newDatabase();
    const storage = await chunkStorage(database);
    for (let at = 0; at < 288; at++) await storage.put({ id: `${at % 9}`, vector: vec(1, at) });
    await withTransaction(database, async () => {
      await storage[Symbol.asyncDispose]();
    });
    const other = chunks(database);
    for (let at = 0; at < 288; at++) await other.put({ id: `${at % 9}`, vector: vec(1, at) });
    await other[Symbol.asyncDispose]();
    const length = (await logOf(database)).length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await logOf(database)).toHaveLength(length);
    expect(await chunks(again(database)).similaritySearch(east, { topK: 20 })).toHaveLength(9);
  });

  it("stays short where nobody writes much before going away", async () => {
    const database = newDatabase();
    await chunkStorage(database);
    for (let session = 0; session < 20; session++) {
      const storage = chunks(again(database));
      for (let at = 0; at < 40; at++)
        await storage.put({ id: `${at}`, vector: vec(session, at + 1) });
      await storage[Symbol.asyncDispose]();
    }
    expect((await logOf(database)).length).toBeLessThan(400);
    expect(await chunks(again(database)).similaritySearch(east, { topK: 90 })).toHaveLength(40);
  });
});

describe("setting up", () => {
  const key = ["id"] as const;

  it("fills what searches go by from the rows that a plain table has", async () => {
    const database = newDatabase();
    const tenant = (name: string) => ({
      database,
      prefixes: [{ name: "tenant", type: "uuid" as const }],
      prefixValues: { tenant: name },
    });
    for (const name of ["one", "other"]) {
      const plain = new IndexedDbTabularStorage("t", noted, key, [], tenant(name));
      await plain.setupDatabase();
      await plain.putBulk(
        Array.from({ length: 700 }, (_, at) => ({
          id: `${name} ${at}`,
          ...(at % 2 === 0 && { vector: vec(1, at) }),
        })),
      );
    }
    const searching = new IndexedDbVectorStorage("t", noted, key, [], 2, undefined, tenant("one"));
    await expect(searching.similaritySearch(east)).rejects.toThrow(StorageSchemaMismatchError);
    await searching.setupDatabase();
    const found = ids(await searching.similaritySearch(east, { topK: 1000 }));
    expect(found).toHaveLength(350);
    expect(found.slice(0, 2)).toEqual(["one 0", "one 2"]);
    const other = new IndexedDbVectorStorage("t", noted, key, [], 2, undefined, tenant("other"));
    expect(await other.similaritySearch(east, { topK: 1000 })).toHaveLength(350);
  });

  it("refuses a table whose vectors have other dimensions, until a migration changes them", async () => {
    const database = newDatabase();
    const two = await chunkStorage(database);
    await two.put({ id: "a", vector: vec(1, 2) });
    expect(ids(await two.similaritySearch(east))).toEqual(["a"]);
    await expect(chunkStorage(database, { dimensions: 3 })).rejects.toThrow(
      StorageSchemaMismatchError,
    );
    await expect(
      chunks(database, { dimensions: 3 }).similaritySearch(vec(1, 0, 0)),
    ).rejects.toThrow(StorageSchemaMismatchError);
    const three = await chunkStorage(database, {
      dimensions: 3,
      migrations: [
        {
          version: 1,
          steps: [{ transform: (row) => ({ ...row, vector: vec(3, 2, 1) }) }],
        },
      ],
    });
    expect((await three.similaritySearch(vec(3, 2, 1))).map(({ score }) => score)).toEqual([1]);
  });

  it("follows a vector that a migration renames, drops, or rewrites", async () => {
    const database = newDatabase();
    const storage = await chunkStorage(database);
    await storage.put({ id: "a", vector: vec(1, 2) });
    expect(ids(await storage.similaritySearch(east))).toEqual(["a"]);
    const renamed = {
      ...chunkSchema,
      properties: {
        id: chunkSchema.properties.id,
        embedding: chunkSchema.properties.vector,
        metadata: chunkSchema.properties.metadata,
      },
      required: ["id", "embedding"],
    } as const;
    const migrations = [
      {
        version: 1,
        steps: [
          { renameColumn: "vector", to: "embedding" },
          { transform: (row: object) => ({ ...row, embedding: vec(1, 0) }) },
        ],
      },
    ];
    const options = { database, migrations };
    // A plain storage may be the one that migrates.
    const plain = new IndexedDbTabularStorage("chunks", renamed, key, [], options);
    await plain.setupDatabase();
    await plain.put({ id: "b", embedding: vec(0, 1) });
    const later = new IndexedDbVectorStorage("chunks", renamed, key, [], 2, undefined, options);
    await later.setupDatabase();
    expect(ids(await later.similaritySearch(east))).toEqual(["a", "b"]);
    await plain.delete({ id: "a" });
    expect(ids(await later.similaritySearch(east))).toEqual(["b"]);
  });

  it("keeps what searches go by through a plain storage's migration", async () => {
    const database = newDatabase();
    const storage = await chunkStorage(database);
    await storage.put({ id: "a", vector: vec(1, 2) });
    expect((await storage.similaritySearch(east))[0]?.score).toBeCloseTo(0.447);
    const migrations = [
      { version: 1, steps: [{ transform: (row: object) => ({ ...row, vector: vec(1, 0) }) }] },
    ];
    const options = { database, migrations };
    const plain = new IndexedDbTabularStorage("chunks", chunkSchema, key, [], options);
    await plain.setupDatabase();
    expect((await storage.similaritySearch(east))[0]?.score).toBe(1);
  });

  it("replaces a table of other dimensions where that is allowed", async () => {
    const database = newDatabase();
    const two = await chunkStorage(database);
    await two.put({ id: "a", vector: vec(1, 2) });
    const three = await chunkStorage(database, {
      dimensions: 3,
      dataTransformer: (rows) => rows.map((row) => ({ ...row, vector: vec(3, 2, 1) })),
    });
    expect(ids(await three.similaritySearch(vec(3, 2, 1)))).toEqual(["a"]);
    const empty = await chunkStorage(database, { allowDestructiveMigration: true });
    expect(await empty.similaritySearch(east)).toEqual([]);
    await empty.put({ id: "b", vector: east });
    expect(ids(await empty.similaritySearch(east))).toEqual(["b"]);
  });

  it("happens once, however many storages do it at once", async () => {
    const database = newDatabase();
    const plain = new IndexedDbTabularStorage("chunks", chunkSchema, key, [], { database });
    await plain.setupDatabase();
    await plain.put({ id: "a", vector: east });
    const storages = [database, again(database), again(database)].map((db) => chunks(db));
    await Promise.all(storages.map((storage) => storage.setupDatabase()));
    for (const storage of storages)
      expect(ids(await storage.similaritySearch(east))).toEqual(["a"]);
    expect(await logOf(database)).toHaveLength(1);
  });

  it("refuses what cannot be", () => {
    const make =
      (schema: DataPortSchemaObject, dimensions: number, table = "t") =>
      () =>
        new IndexedDbVectorStorage(table, schema, ["id"], [], dimensions);
    const plain = { type: "object", properties: { id: { type: "string" } } } as const;
    expect(make(plain, 2)).toThrow(
      "Schema must have a property with type array and format TypedArray",
    );
    expect(make(chunkSchema, 0)).toThrow(StorageValidationError);
    expect(make(chunkSchema, 2, "t:vectors")).toThrow(StorageValidationError);
    expect(() => new IndexedDbKvStorage("t:vectors")).toThrow(StorageValidationError);
  });
});
