import { PGlite } from "@electric-sql/pglite";
import { StorageError, StorageNotSetUpError } from "@workglow/util";
import pg from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { freshDatabase, freshRole } from "./servers/fresh.ts";
import { spiedPool, testPool } from "./spiedPool.ts";
import { chunkStorage, chunksOn, ids, randomVectors, vec, vectorPlaces } from "./vectorPlaces.ts";

const { all, embedded } = servers();
const withVector = all.filter(({ hasVector }) => hasVector);

async function thrownBy(call: () => Promise<unknown>): Promise<StorageError> {
  const error = await call().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StorageError);
  return error as StorageError;
}

/** A database for the test alone, without the extension. */
async function ownDatabase(url: string): Promise<string> {
  const database = await freshDatabase(url);
  onTestFinished(() => database.drop());
  return database.url;
}

describe.each(withVector)("setting up vectors on $title", ({ url }) => {
  it("creates the extension, once for processes that do so at the same moment", async () => {
    const own = await ownDatabase(url);
    const pools = Array.from({ length: 8 }, () => testPool(own, { max: 2 }));
    await Promise.all(
      pools.map((handle) =>
        chunksOn({ handle, schema: "public" }, { index: { type: "hnsw" } }).setupDatabase(),
      ),
    );
    const storages = pools.map((handle) => chunksOn({ handle, schema: "public" }));
    await Promise.all(storages.map((one, i) => one.put({ id: `${i}`, vector: vec(1, i) })));
    expect(ids((await storages[0]?.similaritySearch(vec(1, 0))) ?? [])).toEqual(
      Array.from("01234567"),
    );
    await Promise.all(pools.map((pool) => pool.end()));
  });

  it("only reads where nothing is missing", async () => {
    const own = await ownDatabase(url);
    await chunkStorage({ handle: testPool(own), schema: "public" }, { index: { type: "hnsw" } });
    const { pool, texts } = spiedPool(own);
    await chunkStorage({ handle: pool, schema: "public" }, { index: { type: "hnsw" } });
    expect(texts().length).toBeGreaterThan(2);
    expect(texts().filter((text) => /CREATE|ALTER|DROP|LOCK|advisory/.test(text))).toEqual([]);
  });

  it("finds the extension in a schema that is not on the search path", async () => {
    const own = await ownDatabase(url);
    const handle = testPool(own);
    await handle.query('CREATE SCHEMA "Ext ""1"; CREATE EXTENSION vector SCHEMA "Ext ""1"');
    const { rows } = await handle.query("SHOW search_path");
    expect(rows[0].search_path).not.toContain("Ext");
    for (const dimensions of [2, 2100]) {
      const options = { dimensions, table: `of_${dimensions}`, index: { type: "hnsw" } } as const;
      const storage = await chunkStorage({ handle, schema: "public" }, options);
      const vectors = randomVectors(120, dimensions, 3);
      await storage.putBulk(vectors.map((vector, i) => ({ id: `${i}`, vector })));
      await storage.put({ id: "one", vector: vectors[0] as never });
      await storage.update({ id: "one" }, { vector: vectors[1] as never });
      for (const exact of [true, false]) {
        const found = await storage.similaritySearch(vectors[1] as never, { exact, topK: 2 });
        expect(ids(found)).toEqual(["1", "one"]);
      }
      await chunksOn({ handle, schema: "public" }, options).setupDatabase();
    }
  });

  it("says to a role that may not create the extension what it lacks", async () => {
    const own = await ownDatabase(url);
    await using role = await freshRole(own);
    const handle = testPool(role.url);
    const error = await thrownBy(() => chunkStorage({ handle, schema: "public" }));
    expect(error).toMatchObject({ kind: "fatal", code: "PGVECTOR", operation: "setupDatabase" });
    expect(error.message).toContain("may not create the extension");
    expect(error.message).toContain("CREATE EXTENSION vector");
    await handle.end();
  });

  it("lets a role with rights on the schema alone work once the extension is there", async () => {
    const own = await ownDatabase(url);
    const owner = testPool(own);
    await owner.query("CREATE EXTENSION vector; CREATE SCHEMA app");
    await using role = await freshRole(own);
    await owner.query(`GRANT USAGE, CREATE ON SCHEMA app TO ${role.name}`);
    const handle = testPool(role.url);
    const storage = await chunkStorage({ handle, schema: "app" }, { index: { type: "hnsw" } });
    await storage.put({ id: "a", vector: vec(1, 0) });
    expect(ids(await storage.similaritySearch(vec(1, 0)))).toEqual(["a"]);
    await handle.end();
  });

  it("prints what it does, for teams that run DDL themselves", async () => {
    const own = await ownDatabase(url);
    const handle = testPool(own);
    const storage = chunksOn({ handle, schema: "app" }, { index: { type: "hnsw", m: 8 } });
    const printed = storage.schemaSql();
    expect(printed).toContain("CREATE EXTENSION IF NOT EXISTS vector;");
    expect(printed).toContain("USING hnsw");
    await handle.query("CREATE SCHEMA IF NOT EXISTS app");
    await handle.query(printed);
    await handle.query(printed);
    await storage.put({ id: "a", vector: vec(1, 0) });
    expect(ids(await storage.similaritySearch(vec(1, 0)))).toEqual(["a"]);
    const { pool, texts } = spiedPool(own);
    const again = chunksOn({ handle: pool, schema: "app" }, { index: { type: "hnsw", m: 8 } });
    await again.setupDatabase();
    expect(texts().filter((text) => /ALTER|CREATE INDEX|unit_vector" .*ADD/.test(text))).toEqual(
      [],
    );
  });

  it("keeps what searches of all rows read in the row, and the vectors as they are outside of it", async () => {
    const own = await ownDatabase(url);
    const handle = testPool(own);
    const vectors = randomVectors(20, 384, 8);
    const outside = async () => {
      const { rows } = await handle.query(
        "SELECT pg_relation_size(reltoastrelid)::int AS bytes FROM pg_class WHERE oid = 'chunks'::regclass",
      );
      return rows[0].bytes as number;
    };
    const plain = await chunkStorage({ handle, schema: "public" }, { dimensions: 384 });
    await plain.putBulk(vectors.map((vector, i) => ({ id: `${i}`, vector })));
    const { rows } = await handle.query(
      "SELECT attname, attstorage FROM pg_attribute WHERE attrelid = 'chunks'::regclass AND attname LIKE '%vector' ORDER BY 1",
    );
    expect(rows).toEqual([
      { attname: "unit_vector", attstorage: "m" },
      { attname: "vector", attstorage: "e" },
    ]);
    expect(await outside()).toBeGreaterThanOrEqual(20 * 384 * 4);
    expect(await outside()).toBeLessThan(2 * 20 * 384 * 4);
    // An index leads to few rows, which are read whole.
    await handle.query("TRUNCATE chunks");
    const indexed = await chunkStorage(
      { handle, schema: "public" },
      { dimensions: 384, index: { type: "hnsw" } },
    );
    await indexed.putBulk(vectors.map((vector, i) => ({ id: `${i}`, vector })));
    expect(await outside()).toBe(0);
    // What the owner of the table has chosen stays.
    await handle.query("ALTER TABLE chunks SET (toast_tuple_target = 4080)");
    await indexed.setupDatabase();
    const options = await handle.query(
      "SELECT reloptions FROM pg_class WHERE oid = 'chunks'::regclass",
    );
    expect(options.rows[0].reloptions).toEqual(["toast_tuple_target=4080"]);
  });
});

describe.each(vectorPlaces)("a table that was not set up on $title", ({ open }) => {
  it("is a StorageNotSetUpError", async () => {
    const storage = chunksOn(await open());
    for (const call of [
      () => storage.put({ id: "a", vector: vec(1, 0) }),
      () => storage.similaritySearch(vec(1, 0)),
      () => storage.size(),
    ]) {
      const error = await thrownBy(call);
      expect(error).toBeInstanceOf(StorageNotSetUpError);
      expect(error.message).toContain("setupDatabase()");
    }
  });
});

describe("without the extension", () => {
  const checkErrors = async (place: Parameters<typeof chunksOn>[0]): Promise<void> => {
    const storage = chunksOn(place);
    const error = await thrownBy(() => storage.setupDatabase());
    expect(error).toMatchObject({ kind: "fatal", code: "PGVECTOR", storage: "chunks" });
    expect(error.message).toContain("postgresql-NN-pgvector");
    expect(error.message).toContain("extensions: { vector }");
    expect(error.cause).toBeDefined();
    const early = await thrownBy(() => storage.put({ id: "a", vector: vec(1, 0) }));
    expect(early).toBeInstanceOf(StorageNotSetUpError);
    expect(early.message).toContain("CREATE EXTENSION vector");
  };

  it("a server's error says how to get it", async () => {
    const handle = new pg.Pool({ connectionString: embedded.url, max: 2 });
    onTestFinished(() => handle.end());
    await checkErrors({ handle, schema: "public" });
  });

  it("a PGlite's error says how to get it", async () => {
    const handle = await PGlite.create();
    onTestFinished(() => handle.close());
    await checkErrors({ handle, schema: "public" });
  });
});
