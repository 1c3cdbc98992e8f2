import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { chunkSchema } from "@workglow/conformance";
import {
  Sqlite,
  type SqliteHandle,
  SqliteVectorStorage,
  withTransaction,
} from "@workglow/sqlite/storage";
import { StorageUnsupportedError, StorageValidationError } from "@workglow/util";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { backends, chunkStorage } from "./vectorBackends.ts";

const vec = (...components: number[]) => Float32Array.from(components);
const ids = (found: readonly { readonly id: unknown }[]) => found.map(({ id }) => id);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "workglow-vector-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe.each(backends)("a vector storage on SQLite ($name)", ({ open, sqliteVec }) => {
  it("sees in a transaction what that has written, and forgets it with it", async () => {
    const storage = await chunkStorage(open(), { sqliteVec });
    await storage.put({ id: "a", vector: vec(1, 0) });
    const failure = new Error("changed my mind");
    const attempt = storage.transaction(async (tx) => {
      await tx.put({ id: "phantom", vector: vec(1, 0) });
      await tx.delete({ id: "a" });
      expect(ids(await tx.similaritySearch(vec(1, 0)))).toEqual(["phantom"]);
      throw failure;
    });
    await expect(attempt).rejects.toBe(failure);
    expect(ids(await storage.similaritySearch(vec(1, 0)))).toEqual(["a"]);
    await storage.transaction(async (tx) => {
      await tx.put({ id: "b", vector: vec(1, 0) });
    });
    expect(ids(await storage.similaritySearch(vec(1, 0)))).toEqual(["a", "b"]);
  });

  it("commits with the other storages of its database", async () => {
    const handle = open();
    const one = await chunkStorage(handle, { sqliteVec, table: "one" });
    const other = await chunkStorage(handle, { sqliteVec, table: "other" });
    await withTransaction(handle, async (tx) => {
      await one.with(tx).put({ id: "a", vector: vec(1, 0) });
      await other.with(tx).put({ id: "b", vector: vec(1, 0) });
      expect(ids(await one.with(tx).similaritySearch(vec(1, 0)))).toEqual(["a"]);
    });
    expect(ids(await other.similaritySearch(vec(1, 0)))).toEqual(["b"]);
  });

  it("finds in the next search what another connection has written", async () => {
    const path = join(folder, `shared ${sqliteVec} ${Math.random()}.db`);
    const [mine, theirs] = [open(path), open(path)];
    const reader = await chunkStorage(mine, { sqliteVec });
    const writer = await chunkStorage(theirs, { sqliteVec });
    expect(await reader.similaritySearch(vec(1, 0))).toEqual([]);
    await writer.put({ id: "a", vector: vec(1, 0) });
    expect(ids(await reader.similaritySearch(vec(1, 0)))).toEqual(["a"]);
    await writer.put({ id: "a", vector: vec(-1, 0) });
    expect((await reader.similaritySearch(vec(1, 0)))[0]?.score).toBe(-1);
    await writer.deleteAll();
    expect(await reader.similaritySearch(vec(1, 0))).toEqual([]);
    mine.close();
    theirs.close();
  });

  it("gives as many as are asked for behind a filter that leaves one row in a hundred", async () => {
    const storage = await chunkStorage(open(), { sqliteVec });
    await storage.putBulk(
      Array.from({ length: 2000 }, (_, at) => ({
        id: `${at}`.padStart(4, "0"),
        vector: vec(1, at / 100),
        metadata: { bucket: at % 100, doc: { name: `d${at % 100}` } },
      })),
    );
    for (const filter of [{ bucket: 99 }, { doc: { name: "d99" } }]) {
      const found = await storage.similaritySearch(vec(1, 0), { filter, topK: 5 });
      expect(ids(found)).toEqual(["0099", "0199", "0299", "0399", "0499"]);
    }
  });

  it("passes over rows that have no vector of its own", async () => {
    const handle = open();
    const schema = { ...chunkSchema, required: ["id"] } as const;
    const options = { sqliteVec };
    const storage = new SqliteVectorStorage(
      handle,
      "c",
      schema,
      ["id"] as const,
      [],
      2,
      undefined,
      options,
    );
    await storage.setupDatabase();
    await storage.putBulk([{ id: "none" }, { id: "b", vector: vec(1, 0) }]);
    // What others have put into the table.
    handle.exec(
      `INSERT INTO "c" ("id", "vector") VALUES ('long', zeroblob(12)), ('zero', zeroblob(8))`,
    );
    expect(ids(await storage.similaritySearch(vec(1, 0)))).toEqual(["b"]);
    const many = Array.from({ length: 100 }, (_, at) => ({ id: `m${at}`, vector: vec(2, 0) }));
    await storage.putBulk(many);
    expect(ids(await storage.similaritySearch(vec(1, 0), { topK: 2 }))).toEqual(["b", "m0"]);
    await expect(storage.similaritySearch({ id: "none" })).rejects.toThrow(StorageValidationError);
  });

  it("refuses vectors without a direction, and stores nothing of the call", async () => {
    const storage = await chunkStorage(open(), { sqliteVec });
    const good = { id: "good", vector: vec(1, 0) };
    for (const vector of [
      vec(0, 0),
      vec(1),
      vec(1, Number.NaN),
      vec(Number.POSITIVE_INFINITY, 1),
    ]) {
      await expect(storage.putBulk([good, { id: "bad", vector }])).rejects.toThrow(
        StorageValidationError,
      );
      await expect(storage.similaritySearch(vector)).rejects.toThrow(StorageValidationError);
    }
    expect(await storage.size()).toBe(0);
  });

  it("takes names that SQL would have to quote, of tables, columns and fields", async () => {
    const handle = open();
    const schema = {
      type: "object",
      properties: {
        'key" --': { type: "string" },
        "select; DROP": { type: "array", format: "TypedArray" },
        "meta'data": { type: "object", format: "metadata" },
      },
      required: ['key" --', "select; DROP"],
    } as const satisfies DataPortSchemaObject;
    const table = `tab"le'); DROP TABLE x; --`;
    const key = ['key" --'] as const;
    const options = { sqliteVec };
    const storage = new SqliteVectorStorage(handle, table, schema, key, [], 2, undefined, options);
    await storage.setupDatabase();
    const fields = [`') OR 1=1 --`, '"', "$.a", "\\", "a.b[0]", "\n"];
    await storage.putBulk(
      fields.map((field, at) => ({
        'key" --': `${at}`,
        "select; DROP": vec(1, at),
        "meta'data": { [field]: `it's "${at}"` },
      })),
    );
    for (const [at, field] of fields.entries()) {
      const filter = { [field]: `it's "${at}"` };
      const found = await storage.similaritySearch(vec(1, 0), { filter, select: key });
      expect(found.map((row) => row['key" --'])).toEqual([`${at}`]);
    }
  });

  it("keeps tenants apart", async () => {
    const handle = open();
    const tenant = (name: string) =>
      chunkStorage(handle, {
        sqliteVec,
        prefixes: [{ name: "tenant", type: "uuid" }],
        prefixValues: { tenant: name },
      });
    const [one, other] = [await tenant("one"), await tenant("other")];
    await one.put({ id: "a", vector: vec(1, 0) });
    await other.put({ id: "a", vector: vec(0, 1) });
    await other.put({ id: "b", vector: vec(1, 0) });
    expect(await one.similaritySearch(vec(1, 0))).toEqual([
      { id: "a", vector: vec(1, 0), score: 1 },
    ]);
    expect(ids(await other.similaritySearch(vec(1, 0)))).toEqual(["b", "a"]);
  });

  it("compares keys of any type as it orders them", async () => {
    const handle = open();
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
    const options = { sqliteVec };
    const storage = new SqliteVectorStorage(handle, "k", schema, key, [], 2, undefined, options);
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
    expect(await storage.similaritySearch(vec(1, 2), { select: key })).toEqual(
      keys.map((k) => ({ ...k, score: 1 })),
    );
  });
});

describe("with sqlite-vec", () => {
  const rows = Array.from({ length: 3000 }, (_, at) => ({
    id: `${at}`,
    vector: vec(1, at / 1000),
    metadata: { n: at },
  }));

  /** Counts the rows that statements give, and remembers their texts. */
  function spyOn(handle: SqliteHandle) {
    const seen = { rows: 0, texts: new Set<string>() };
    const prepare = handle.prepare.bind(handle);
    vi.spyOn(handle, "prepare").mockImplementation((text) => {
      seen.texts.add(text);
      const statement = prepare(text) as { all(...params: unknown[]): unknown[] };
      const all = statement.all.bind(statement);
      statement.all = (...params) => {
        const result = all(...params);
        seen.rows += result.length;
        return result;
      };
      return statement;
    });
    return seen;
  }

  it("the database gives candidates, not the table, by statements of one shape", async () => {
    const handle = new Database(":memory:");
    const seen = spyOn(handle);
    const storage = await chunkStorage(handle, { sqliteVec: "required" });
    await storage.putBulk(rows);
    const search = async (at: number) => {
      seen.rows = 0;
      const filter = { n: { operator: ">=", value: at } } as const;
      return storage.similaritySearch(vec(1, at / 1000), { topK: 3, offset: at % 2, filter });
    };
    expect(ids(await search(10))).toEqual(["10", "11", "12"]);
    // 3 + 64 keys, of which the vectors of 3 are read, and then 3 rows.
    expect(seen.rows).toBeLessThanOrEqual(80);
    const texts = [...seen.texts];
    expect(ids(await search(501))).toEqual(["502", "503", "504"]);
    expect([...seen.texts]).toEqual(texts);
  });

  it("gives the same from a path, whose connection is its own", async () => {
    const storage = await chunkStorage(join(folder, "own.db"), { sqliteVec: "required" });
    await storage.putBulk(rows);
    expect(ids(await storage.similaritySearch(vec(1, 0), { topK: 2 }))).toEqual(["0", "1"]);
    await storage[Symbol.asyncDispose]();
  });

  it("loads the extension into a database of node:sqlite, and lets no statement load others", async () => {
    await Sqlite.init({ driver: "node:sqlite" });
    const handle = new Sqlite.Database(":memory:");
    await Sqlite.init({ driver: "better-sqlite3" });
    expect(handle).toBeInstanceOf(DatabaseSync);
    const storage = await chunkStorage(handle, { sqliteVec: "required" });
    await storage.put({ id: "a", vector: vec(1, 0) });
    expect(ids(await storage.similaritySearch(vec(1, 0)))).toEqual(["a"]);
    expect(() => handle.exec("SELECT load_extension('anything')")).toThrow("not authorized");
  });

  it("takes any number of results", async () => {
    for (const handle of [
      new Database(":memory:"),
      new DatabaseSync(":memory:", { allowExtension: true }),
    ]) {
      const storage = await chunkStorage(handle, { sqliteVec: "required" });
      await storage.putBulk(rows.slice(0, 100));
      const topK = Number.MAX_SAFE_INTEGER;
      expect(await storage.similaritySearch(vec(1, 0), { topK })).toHaveLength(100);
      expect(await storage.similaritySearch(vec(1, 0), { topK, offset: topK })).toEqual([]);
    }
  });

  it("searches inside a transaction as the first call of all", async () => {
    const storage = await chunkStorage(new Database(":memory:"), { sqliteVec: "required" });
    await storage.transaction(async (tx) => {
      await tx.put({ id: "a", vector: vec(1, 0) });
      expect(ids(await tx.similaritySearch(vec(1, 0)))).toEqual(["a"]);
    });
  });
});

describe("where sqlite-vec cannot be loaded", () => {
  const open = () => new DatabaseSync(":memory:");

  it("searches give the same without it", async () => {
    const storage = await chunkStorage(open());
    await storage.putBulk([
      { id: "a", vector: vec(0, 1) },
      { id: "b", vector: vec(1, 1) },
    ]);
    expect(ids(await storage.similaritySearch(vec(0, 2)))).toEqual(["a", "b"]);
  });

  it("searches that require it say so", async () => {
    const storage = await chunkStorage(open(), { sqliteVec: "required" });
    await storage.put({ id: "a", vector: vec(0, 1) });
    await expect(storage.similaritySearch(vec(0, 2))).rejects.toThrow(StorageUnsupportedError);
  });
});

describe("constructing", () => {
  it("refuses what cannot be, before a file is opened", async () => {
    const path = join(folder, "missing", "never.db");
    const make = (schema: DataPortSchemaObject, dimensions: number, options?: object) => () =>
      new SqliteVectorStorage(path, "t", schema, ["id"], [], dimensions, undefined, options);
    const plain = { type: "object", properties: { id: { type: "string" } } } as const;
    expect(make(plain, 2)).toThrow(
      "Schema must have a property with type array and format TypedArray",
    );
    expect(make(chunkSchema, 0)).toThrow(StorageValidationError);
    expect(make(chunkSchema, 2, { sqliteVec: "maybe" })).toThrow(StorageValidationError);
  });

  it("gives a storage of so many dimensions, without hybrid search", async () => {
    const storage = await chunkStorage(new Database(":memory:"), { dimensions: 5 });
    expect(storage.getVectorDimensions()).toBe(5);
    expect(typeof (storage as { hybridSearch?: unknown }).hybridSearch).not.toBe("function");
  });
});
