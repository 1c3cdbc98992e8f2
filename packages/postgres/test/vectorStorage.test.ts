import { chunkSchema } from "@workglow/conformance";
import { PostgresTabularStorage, PostgresVectorStorage, withTransaction } from "@workglow/postgres";
import { InMemoryVectorStorage } from "@workglow/storage";
import { StorageSchemaMismatchError, StorageValidationError } from "@workglow/util";
import { describe, expect, it } from "vitest";
import {
  chunkStorage,
  chunksOn,
  ids,
  randomVectors,
  type VectorPlace,
  vec,
  vectorPlaces,
} from "./vectorPlaces.ts";

/** The column that searches read, and the vectors as they are beside it. */
async function stored({ rows, schema }: VectorPlace, table = "chunks") {
  const found = await rows(
    `SELECT id, unit_vector::text AS unit, encode(vector, 'hex') AS hex FROM ${schema}.${table} ORDER BY id`,
  );
  return found.map(({ id, unit, hex }) => ({
    id,
    unit: unit === null ? null : (JSON.parse(unit as string) as number[]),
    bytes: hex === null ? null : (hex as string).length / 2,
  }));
}

const hexOf = (vector: Float32Array): string => Buffer.from(vector.buffer).toString("hex");

describe.each(vectorPlaces)("vectors on $title", ({ open }) => {
  it("are kept as they are, and at length 1 beside it, by every kind of write", async () => {
    const place = await open();
    const storage = await chunkStorage(place);
    const close = (x: number) => expect.closeTo(x, 7);
    await storage.put({ id: "a", vector: vec(3, 4) });
    await storage.putBulk([
      { id: "b", vector: vec(0, -2e20) },
      { id: "c", vector: vec(1e-30, 0) },
    ]);
    await storage.insert({ id: "d", vector: vec(-5, 12) });
    await Promise.all([
      storage.put({ id: "e", vector: vec(1, 1) }),
      storage.put({ id: "f", vector: vec(1, -1) }),
    ]);
    expect(await stored(place)).toEqual([
      { id: "a", unit: [close(0.6), close(0.8)], bytes: 8 },
      { id: "b", unit: [0, -1], bytes: 8 },
      { id: "c", unit: [1, 0], bytes: 8 },
      { id: "d", unit: [close(-5 / 13), close(12 / 13)], bytes: 8 },
      { id: "e", unit: [close(Math.SQRT1_2), close(Math.SQRT1_2)], bytes: 8 },
      { id: "f", unit: [close(Math.SQRT1_2), close(-Math.SQRT1_2)], bytes: 8 },
    ]);
    await storage.put({ id: "a", vector: vec(0, 9) });
    await storage.putBulk([
      { id: "b", vector: vec(7, 0) },
      { id: "c", vector: vec(0, 7) },
    ]);
    await storage.update({ id: "d" }, { vector: vec(2, 0) });
    await storage.update({ id: "e" }, { metadata: { changed: true } });
    expect((await stored(place)).map(({ unit }) => unit)).toEqual([
      [0, 1],
      [1, 0],
      [0, 1],
      [1, 0],
      [close(Math.SQRT1_2), close(Math.SQRT1_2)],
      [close(Math.SQRT1_2), close(-Math.SQRT1_2)],
    ]);
  });

  it("that are absent are absent at length 1 too, and are not found", async () => {
    const place = await open();
    const schema = { ...chunkSchema, required: ["id"] } as const;
    const storage = new PostgresVectorStorage(
      place.handle,
      "chunks",
      schema,
      ["id"] as const,
      [],
      2,
      undefined,
      { schema: place.schema },
    );
    await storage.setupDatabase();
    await storage.putBulk([{ id: "a" }, { id: "b", vector: vec(1, 0) }]);
    await storage.put({ id: "c" });
    expect((await stored(place)).map(({ unit }) => unit)).toEqual([null, [1, 0], null]);
    expect(ids(await storage.similaritySearch(vec(1, 0)))).toEqual(["b"]);
    await storage.update({ id: "b" }, { vector: undefined });
    expect(await storage.similaritySearch(vec(1, 0))).toEqual([]);
    expect((await stored(place)).map(({ bytes }) => bytes)).toEqual([null, null, null]);
  });

  it("at length 1 are no column of a row, of a schema or of a change", async () => {
    const place = await open();
    const storage = await chunkStorage(place);
    const row = { id: "a", vector: vec(3, 4), metadata: { n: 1 } };
    const heard: unknown[] = [];
    const stop = storage.subscribeToChanges((change) => void heard.push(change.new));
    await stop.ready;
    expect(await storage.put(row)).toEqual(row);
    expect(await storage.get({ id: "a" })).toEqual(row);
    expect(await storage.getAll()).toEqual([row]);
    expect(await storage.query({ id: "a" })).toEqual([row]);
    expect(await storage.update({ id: "a" }, { metadata: { n: 1 } })).toEqual(row);
    expect(await storage.similaritySearch(vec(3, 4))).toEqual([{ ...row, score: 1 }]);
    await expect(storage.query({ unit_vector: null } as never)).rejects.toThrow("unit_vector");
    await expect.poll(() => heard.length, { timeout: 10_000 }).toBeGreaterThan(0);
    expect(heard[0]).toEqual(row);
    stop();
    await chunksOn(place).setupDatabase();
  });

  it("of another schema's properties give way to the column that searches read", async () => {
    const place = await open();
    const schema = {
      type: "object",
      properties: {
        id: { type: "integer" },
        unit_vector: { type: "string" },
        distance: { type: "number" },
        edge: { type: "array", format: "TypedArray:Float64Array" },
        examined: { type: "string" },
        last: { type: "string" },
      },
      required: ["id", "unit_vector", "distance", "edge", "examined", "last"],
      additionalProperties: false,
    } as const;
    const storage = new PostgresVectorStorage(
      place.handle,
      "near",
      schema,
      ["id"] as const,
      [],
      2,
      undefined,
      { schema: place.schema },
    );
    await storage.setupDatabase();
    const row = {
      id: 1,
      unit_vector: "mine",
      distance: 5,
      edge: Float64Array.of(1, 2),
      examined: "e",
      last: "l",
    };
    await storage.put(row);
    await storage.setupDatabase();
    expect(await storage.similaritySearch(Float64Array.of(2, 4))).toEqual([{ ...row, score: 1 }]);
  });

  it("written to the table as plain rows are found once the table is set up for vectors", async () => {
    const place = await open();
    const plain = new PostgresTabularStorage(
      place.handle,
      "chunks",
      chunkSchema,
      ["id"] as const,
      [],
      { schema: place.schema },
    );
    await plain.setupDatabase();
    const vectors = randomVectors(1203, 2, 1);
    await plain.putBulk(vectors.map((vector, i) => ({ id: `${i}`, vector })));
    await plain.putBulk([
      { id: "longer", vector: vec(1, 2, 3) },
      { id: "zero", vector: vec(0, 0) },
    ]);
    const storage = await chunkStorage(place);
    expect(await storage.size()).toBe(1205);
    const units = new Map((await stored(place)).map(({ id, unit }) => [id, unit]));
    for (const i of vectors.keys()) {
      expect(Math.hypot(...(units.get(`${i}`) as number[]))).toBeCloseTo(1, 6);
    }
    expect([units.get("longer"), units.get("zero")]).toEqual([null, null]);
    const found = await storage.similaritySearch(vectors[7] as Float32Array, { topK: 1 });
    expect(found[0]).toMatchObject({ id: "7", score: 1 });
    // The plain storage's schema does not know the column.
    await expect(plain.setupDatabase()).rejects.toThrow(StorageSchemaMismatchError);
  });

  it("that a migration rewrites or renames are found as they are then", async () => {
    const place = await open();
    const before = await chunkStorage(place);
    await before.putBulk([
      { id: "a", vector: vec(1, 0) },
      { id: "b", vector: vec(0, 1) },
    ]);
    const { vector, ...rest } = chunkSchema.properties;
    const schema = {
      ...chunkSchema,
      properties: { ...rest, embedding: vector },
      required: ["id", "embedding"],
    } as const;
    const turn = (row: { readonly [name: string]: unknown }) => {
      const [x, y] = row.embedding as Float32Array;
      return { ...row, embedding: vec(-(y as number), x as number) } as never;
    };
    const after = new PostgresVectorStorage(
      place.handle,
      "chunks",
      schema,
      ["id"] as const,
      [],
      2,
      undefined,
      {
        schema: place.schema,
        migrations: [
          { version: 1, steps: [{ renameColumn: "vector", to: "embedding" }, { transform: turn }] },
        ],
      },
    );
    await after.setupDatabase();
    const found = await after.similaritySearch(vec(0, 1), { select: ["id"] });
    expect(found).toEqual([
      { id: "a", score: 1 },
      { id: "b", score: 0 },
    ]);
  });

  it("of other dimensions than the table's are a difference of the schema", async () => {
    const place = await open();
    await chunkStorage(place, { dimensions: 2 });
    await expect(chunkStorage(place, { dimensions: 3 })).rejects.toThrow(
      StorageSchemaMismatchError,
    );
    await expect(chunkStorage(place, { dimensions: 3 })).rejects.toMatchObject({
      differences: [expect.stringContaining("vector(2), not ")],
    });
  });

  it("of 16,000 dimensions are the most", async () => {
    const place = await open();
    expect(() => chunksOn(place, { dimensions: 16_001 })).toThrow(StorageValidationError);
    const storage = await chunkStorage(place, { dimensions: 16_000 });
    const vectors = randomVectors(3, 16_000, 4);
    await storage.putBulk(vectors.map((vector, i) => ({ id: `${i}`, vector })));
    const found = await storage.similaritySearch(vectors[1] as Float32Array, { topK: 1 });
    expect(found).toEqual([{ id: "1", vector: vectors[1], score: 1 }]);
  });

  it("of rows that others wrote without them, or nonsense, do not end a search", async () => {
    const place = await open();
    const storage = await chunkStorage(place);
    await storage.put({ id: "good", vector: vec(1, 0) });
    await place.rows(
      `INSERT INTO ${place.schema}.chunks (id, vector, unit_vector) VALUES ('none', '\\x${hexOf(vec(1, 0))}', NULL), ('long', '\\x${hexOf(vec(1, 2, 3))}', '[1,0]'), ('zero', '\\x0000000000000000', '[0,0]')`,
    );
    expect(ids(await storage.similaritySearch(vec(1, 0)))).toEqual(["good"]);
  });
});

describe.each(vectorPlaces)("searching on $title", ({ open }) => {
  it("gives what memory gives where hundreds of rows are about equally near", async () => {
    const place = await open();
    const storage = await chunkStorage(place, { dimensions: 3 });
    const memory = new InMemoryVectorStorage(chunkSchema, ["id"] as const, [], 3);
    const rows = Array.from({ length: 900 }, (_, i) => ({
      id: `${(i * 7919) % 900}`,
      vector: vec(1, 1 + (i % 3) * 1e-7, i < 700 ? 0.5 : i),
    }));
    await storage.putBulk(rows);
    await memory.putBulk(rows);
    for (const options of [
      { topK: 5 },
      { topK: 300, offset: 20 },
      { topK: 5, scoreThreshold: 0.999 },
    ]) {
      const query = vec(1, 1, 0.4);
      expect(await storage.similaritySearch(query, options)).toEqual(
        await memory.similaritySearch(query, options),
      );
    }
  });

  it("takes any number of results", async () => {
    const storage = await chunkStorage(await open());
    await storage.putBulk(randomVectors(150, 2, 2).map((vector, i) => ({ id: `${i}`, vector })));
    const topK = Number.MAX_SAFE_INTEGER;
    expect(await storage.similaritySearch(vec(1, 0), { topK })).toHaveLength(150);
    expect(await storage.similaritySearch(vec(1, 0), { topK, offset: topK })).toEqual([]);
  });

  it("sees in a transaction over several storages what that has written, and nobody else does", async () => {
    const { handle, schema } = await open();
    const one = await chunkStorage({ handle, schema }, { table: "one" });
    const other = await chunkStorage({ handle, schema }, { table: "other" });
    await one.put({ id: "a", vector: vec(0, 1) });
    const failure = new Error("changed my mind");
    const attempt = withTransaction(
      handle,
      async (tx) => {
        await one.with(tx).put({ id: "b", vector: vec(1, 0) });
        await other.with(tx).put({ id: "c", vector: vec(1, 0) });
        expect(ids(await one.with(tx).similaritySearch(vec(1, 0)))).toEqual(["b", "a"]);
        expect(ids(await other.with(tx).similaritySearch({ id: "c" }))).toEqual(["c"]);
        throw failure;
      },
      { schema },
    );
    await expect(attempt).rejects.toBe(failure);
    expect(ids(await one.similaritySearch(vec(1, 0)))).toEqual(["a"]);
    expect(await other.similaritySearch(vec(1, 0))).toEqual([]);
  });

  it("finds a tenant's own rows only", async () => {
    const place = await open();
    const tenant = (name: string) =>
      chunkStorage(place, {
        prefixes: [{ name: "tenant", type: "uuid" }],
        prefixValues: { tenant: name },
      });
    const [one, other] = [await tenant("one"), await tenant("other")];
    await one.put({ id: "a", vector: vec(1, 0) });
    await other.put({ id: "a", vector: vec(0, 1) });
    await other.putBulk(randomVectors(100, 2, 5).map((vector, i) => ({ id: `b${i}`, vector })));
    expect(await one.similaritySearch(vec(1, 0))).toEqual([
      { id: "a", vector: vec(1, 0), score: 1 },
    ]);
    expect(await other.similaritySearch(vec(1, 0), { topK: 1000 })).toHaveLength(101);
  });

  it("quotes the names of tables, columns and fields", async () => {
    const { handle, schema: place } = await open();
    const schema = {
      type: "object",
      properties: {
        'key" --': { type: "string" },
        "select; DROP": { type: "array", format: "TypedArray" },
        "meta'data": { type: "object", format: "metadata" },
      },
      required: ['key" --', "select; DROP"],
    } as const;
    const storage = new PostgresVectorStorage(
      handle,
      `tab"le'); --`,
      schema,
      ['key" --'] as const,
      [],
      2,
      undefined,
      { schema: place, index: { type: "hnsw" } },
    );
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
      for (const exact of [true, false]) {
        const found = await storage.similaritySearch(vec(1, 0), {
          filter: { [field]: `it's "${at}"` },
          exact,
        });
        expect(found.map((row) => row['key" --'])).toEqual([`${at}`]);
      }
    }
  });
});
