import { SqliteVectorStorage } from "@workglow/sqlite/storage";
import { InMemoryVectorStorage } from "@workglow/storage";
import { type TypedArray, typedArrayConstructors } from "@workglow/util/schema";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backends, chunkStorage } from "./vectorBackends.ts";
import {
  type Chunk,
  chunkSchema,
  chunksOf,
  clusteredVectors,
  metadataFilter,
  metadataValue,
  vectorOf,
} from "./vectorFixtures.ts";

const key = ["id"] as const;

async function inMemory(chunks: readonly Chunk[], dimensions: number) {
  const storage = new InMemoryVectorStorage(chunkSchema, key, [], dimensions);
  await storage.putBulk([...chunks]);
  return storage;
}

describe.each(backends)("searching SQLite ($name)", ({ open, sqliteVec }) => {
  const handle = open();
  let tables = 0;

  async function inSqlite(chunks: readonly Chunk[], dimensions: number) {
    const storage = await chunkStorage(handle, {
      table: `chunks${tables++}`,
      dimensions,
      sqliteVec,
    });
    await storage.putBulk([...chunks]);
    return storage;
  }

  /** Expects the same results, rows, order and scores, as in memory, whose results it gives. */
  async function expectAsInMemory(
    chunks: readonly Chunk[],
    query: TypedArray,
    options: Parameters<SqliteVectorStorage<typeof chunkSchema, typeof key>["similaritySearch"]>[1],
  ) {
    const [memory, sqlite] = [
      await inMemory(chunks, query.length),
      await inSqlite(chunks, query.length),
    ];
    const expected = await memory.similaritySearch(query, options);
    expect(await sqlite.similaritySearch(query, options)).toEqual(expected);
    handle.exec(`DROP TABLE "${sqlite.name}"`);
    return expected;
  }

  it("gives what memory gives, for any vectors and options", async () => {
    const cases = fc.integer({ min: 2, max: 8 }).chain((dimensions) =>
      fc.record({
        query: vectorOf(dimensions),
        vectors: fc.oneof(
          clusteredVectors(dimensions),
          fc.array(vectorOf(dimensions), { maxLength: 40 }),
        ),
        topK: fc.integer({ min: 1, max: 30 }),
        offset: fc.nat(10),
        scoreThreshold: fc.option(fc.double({ min: -1, max: 1, noNaN: true }), { nil: undefined }),
        select: fc.option(fc.subarray(["id", "vector", "metadata"] as const, { minLength: 1 }), {
          nil: undefined,
        }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ({ query, vectors, ...options }) => {
        await expectAsInMemory(chunksOf(vectors), query, options);
      }),
      { numRuns: 60 },
    );
  });

  it("lets through what memory lets through, for any metadata and filter", async () => {
    const cases = fc.record({
      metadata: fc.array(metadataValue, { minLength: 1, maxLength: 12 }),
      filters: fc.array(metadataFilter, { minLength: 1, maxLength: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ metadata, filters }) => {
        const vectors = [...metadata, undefined].map((_, at) => Float32Array.of(1, at));
        const chunks = chunksOf(vectors, metadata);
        const [memory, sqlite] = [await inMemory(chunks, 2), await inSqlite(chunks, 2)];
        for (const filter of filters) {
          const options = { filter, topK: 20 };
          expect(await sqlite.similaritySearch(Float32Array.of(1, 0), options)).toEqual(
            await memory.similaritySearch(Float32Array.of(1, 0), options),
          );
        }
        handle.exec(`DROP TABLE "${sqlite.name}"`);
      }),
      { numRuns: 60 },
    );
  });

  it("compares numbers in metadata by their values", async () => {
    // JSON says the last as an integer of other digits than the double has.
    const numbers = [-1e300, -1, 0, 5e-324, 0.1, 0.1 + 0.2, 1, 2 ** 53, 1e21, 2 ** 63 - 1024];
    const chunks = chunksOf(
      numbers.map((_, at) => Float32Array.of(1, at)),
      numbers.map((n) => ({ n, text: String(n), flag: n > 0 })),
    );
    for (const [at, value] of numbers.entries()) {
      for (const operator of ["=", "!=", "<", "<=", ">", ">="] as const) {
        const options = { filter: { n: { operator, value } }, topK: 20 };
        const found = await expectAsInMemory(chunks, Float32Array.of(1, 0), options);
        expect(found.some(({ id }) => id === chunks[at]?.id)).toBe(
          operator.includes("=") !== (operator === "!="),
        );
      }
      const filter = { n: { operator: "in", value: [value, `${value}`, true] } } as const;
      expect(await expectAsInMemory(chunks, Float32Array.of(1, 0), { filter })).toHaveLength(1);
    }
  });

  it("tells vectors apart that float32 sums cannot", async () => {
    // All components are positive, so that rounding errors add up instead of cancelling out.
    const dimensions = 768;
    const random = fc.sample(fc.double({ min: 0, max: 1, noNaN: true }), {
      numRuns: 400,
      seed: 20,
    });
    const vectors = random.map((shift, at) => {
      const vector = new Float32Array(dimensions).fill(1 + at / 1e5);
      vector[at] = 1.02 + shift / 1e3;
      vector[at + 1] = 0.99;
      return vector;
    });
    const query = new Float32Array(dimensions).map((_, at) => 1 + (at % 7) / 1e3);
    const found = await expectAsInMemory(chunksOf(vectors), query, { topK: 7 });
    expect(found).toHaveLength(7);
  });

  it("finds vectors whose squares overflow or vanish in float32", async () => {
    const scales = [1e-42, 1e-30, 1e-22, 1e-19, 1e-10, 1, 1e10, 1e19, 1e20, 1e38];
    const directions = [
      [1, 1, 0],
      [0, 1, 1],
      [-1, 0.5, 0.001],
      [0, 0, 1],
    ];
    const vectors = scales.flatMap((scale) =>
      directions.map((direction) => Float32Array.from(direction, (x) => x * scale)),
    );
    const searchable = vectors.filter((vector) => vector.some((x) => x !== 0));
    for (const scale of [1e-40, 1, 1e37]) {
      const query = Float32Array.of(0.3 * scale, scale, 0.9 * scale);
      for (const topK of [1, 5, 100]) {
        const found = await expectAsInMemory(chunksOf(searchable), query, { topK });
        expect(found).toHaveLength(Math.min(topK, searchable.length));
      }
    }
  });

  it("orders many vectors of one direction by key", async () => {
    const vectors = Array.from({ length: 700 }, (_, at) => Float32Array.of(3, 4, at < 690 ? 0 : 5));
    const found = await expectAsInMemory(chunksOf(vectors), Float32Array.of(3, 4, 0), { topK: 5 });
    expect(new Set(found.map(({ score }) => score))).toEqual(new Set([1]));
  });

  it.each(Object.entries(typedArrayConstructors))(
    "keeps and ranks %s as memory does",
    async (_, given) => {
      const arrayOf = given as Float64ArrayConstructor;
      const schema = {
        type: "object",
        properties: { id: { type: "integer" }, v: { type: "array", format: "TypedArray" } },
        required: ["id", "v"],
      } as const;
      const memory = new InMemoryVectorStorage(schema, key, [], 5, arrayOf);
      const table = `typed${tables++}`;
      const options = { sqliteVec: sqliteVec === "off" ? sqliteVec : "auto" } as const;
      const sqlite = new SqliteVectorStorage(handle, table, schema, key, [], 5, arrayOf, options);
      await sqlite.setupDatabase();
      const rows = Array.from({ length: 200 }, (_, id) => ({
        id,
        v: arrayOf.from([id % 9, 7 - (id % 8), (id * 31) % 101, 1, id % 2 ? -100 : 100]),
      }));
      await memory.putBulk(rows);
      await sqlite.putBulk(rows);
      const stored = (await sqlite.get({ id: 17 }))?.v as TypedArray;
      expect(stored).toEqual(rows[17]?.v);
      expect(stored.constructor).toBe(arrayOf);
      const queries = [arrayOf.of(1, 2, 90, 3, 100), Float64Array.of(0.5, -2, 3, 1, -50.25)];
      for (const query of queries) {
        for (const topK of [1, 10, 250]) {
          expect(await sqlite.similaritySearch(query, { topK })).toEqual(
            await memory.similaritySearch(query, { topK }),
          );
        }
      }
      expect(await sqlite.similaritySearch({ id: 17 })).toEqual(
        await memory.similaritySearch({ id: 17 }),
      );
    },
  );
});
