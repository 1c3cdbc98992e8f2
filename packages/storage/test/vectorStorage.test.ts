import {
  type Chunk,
  chunkSchema,
  chunksOf,
  clusteredVectors,
  type Metadata,
  vectorOf,
} from "@workglow/conformance";
import { InMemoryVectorStorage, MemoryDatabase, not, or, withTransaction } from "@workglow/storage";
import {
  StorageEmptyCriteriaError,
  StorageInvalidColumnError,
  StorageInvalidLimitError,
  StorageValidationError,
} from "@workglow/util";
import {
  type TypedArray,
  type TypedArrayConstructor,
  typedArrayConstructors,
} from "@workglow/util/schema";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bruteForce } from "./bruteForce.ts";

const key = ["id"] as const;
const storageOf = (dimensions: number) =>
  new InMemoryVectorStorage(chunkSchema, key, [], dimensions);

async function filled(chunks: readonly Chunk[], dimensions = 2) {
  const storage = storageOf(dimensions);
  await storage.putBulk([...chunks]);
  return storage;
}

const vec = (...components: number[]) => Float32Array.from(components);
const ids = (found: readonly { readonly id: string }[]) => found.map(({ id }) => id);

describe("constructing a vector storage", () => {
  it("wants a vector in the schema", () => {
    const schema = { type: "object", properties: { id: { type: "string" } } } as const;
    expect(() => new InMemoryVectorStorage(schema, key, [], 3)).toThrow(
      "Schema must have a property with type array and format TypedArray",
    );
  });

  it.each([0, -1, 1.5, Number.NaN, "3"])("refuses %s dimensions", (dimensions) => {
    expect(() => storageOf(dimensions as number)).toThrow(StorageValidationError);
  });

  it("refuses an array type that is none, or not the schema's", () => {
    const wrong = [Uint32Array, Array, Float64Array] as unknown as TypedArrayConstructor[];
    for (const vectorCtor of wrong) {
      expect(() => new InMemoryVectorStorage(chunkSchema, key, [], 3, vectorCtor)).toThrow(
        StorageValidationError,
      );
    }
  });

  it("tells its dimensions, and that it has no hybrid search", () => {
    const storage = storageOf(7);
    expect(storage.getVectorDimensions()).toBe(7);
    expect(typeof (storage as { hybridSearch?: unknown }).hybridSearch).not.toBe("function");
  });
});

describe("similaritySearch", () => {
  it("ranks like a brute force in float64, among vectors that hardly differ too", async () => {
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
      }),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ({ query, vectors, ...options }) => {
        const chunks = chunksOf(vectors);
        const storage = await filled(chunks, query.length);
        const found = await storage.similaritySearch(query, { ...options, select: ["id"] });
        const expected = bruteForce(chunks, query, options);
        expect(ids(found)).toEqual(ids(expected));
        for (const [at, { score }] of found.entries()) {
          expect(Math.abs(score - (expected[at]?.score as number))).toBeLessThan(1e-11);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("gives whole rows with their scores, the ten best unless told otherwise", async () => {
    const chunks = Array.from({ length: 20 }, (_, at) => ({ id: `${at}`, vector: vec(1, at) }));
    const storage = await filled(chunks);
    const found = await storage.similaritySearch(vec(1, 0));
    expect(ids(found)).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    expect(found[0]).toEqual({ id: "0", vector: vec(1, 0), score: 1 });
    expect(await storage.similaritySearch(vec(1, 0), { topK: 1000 })).toHaveLength(20);
  });

  it("breaks ties by key in code-point order", async () => {
    const chunks = ["\u{1F600}", "\uFF61", "a", "Z"].map((id) => ({ id, vector: vec(3, 4) }));
    const found = await (await filled(chunks)).similaritySearch(vec(1, 1));
    expect(ids(found)).toEqual(["Z", "a", "\uFF61", "\u{1F600}"]);
  });

  it("keeps scores that are negative unless a threshold says otherwise", async () => {
    const storage = await filled([
      { id: "same", vector: vec(1, 0) },
      { id: "right", vector: vec(0, 1) },
      { id: "opposite", vector: vec(-1, 0) },
    ]);
    const search = (scoreThreshold?: number) =>
      storage.similaritySearch(vec(2, 0), { scoreThreshold });
    expect((await search()).map(({ score }) => score)).toEqual([1, 0, -1]);
    expect(ids(await search(0))).toEqual(["same", "right"]);
    expect(await search(1.5)).toEqual([]);
  });

  it("leaves out the first results with an offset, before the threshold", async () => {
    const storage = await filled(chunksOf([vec(1, 0), vec(1, 1), vec(0, 1)]));
    const options = { offset: 1, topK: 2, scoreThreshold: 0.5, select: ["id"] as const };
    const found = await storage.similaritySearch(vec(1, 0), options);
    expect(found).toEqual([{ id: "\u{1F600}1", score: expect.closeTo(Math.SQRT1_2, 11) }]);
  });

  it("returns only the selected columns, and the score", async () => {
    const storage = await filled([{ id: "a", vector: vec(1, 0), metadata: { n: 1 } }]);
    const found = await storage.similaritySearch(vec(1, 0), { select: ["metadata"] });
    expect(found).toEqual([{ metadata: { n: 1 }, score: 1 }]);
  });

  it("searches by the key of a stored row", async () => {
    const storage = await filled([
      { id: "a", vector: vec(1, 0) },
      { id: "b", vector: vec(1, 1) },
    ]);
    expect(ids(await storage.similaritySearch({ id: "b" }))).toEqual(["b", "a"]);
    await expect(storage.similaritySearch({ id: "nobody" })).rejects.toThrow(
      StorageValidationError,
    );
  });

  it("gives nothing where there is nothing", async () => {
    expect(await storageOf(2).similaritySearch(vec(1, 0))).toEqual([]);
  });

  it("gives copies: changing them changes nothing", async () => {
    const storage = await filled([{ id: "a", vector: vec(1, 0), metadata: { deep: { n: 1 } } }]);
    const [found] = await storage.similaritySearch(vec(1, 0));
    (found as { vector: Float32Array }).vector.fill(9);
    ((found as Chunk).metadata as { deep: { n: number } }).deep.n = 2;
    const stored = { id: "a", vector: vec(1, 0), metadata: { deep: { n: 1 } } };
    expect(await storage.get({ id: "a" })).toEqual(stored);
    expect(await storage.similaritySearch(vec(1, 0))).toEqual([{ ...stored, score: 1 }]);
  });

  it("follows every kind of write", async () => {
    const storage = storageOf(2);
    await storage.similaritySearch(vec(1, 0));
    await storage.put({ id: "a", vector: vec(1, 0) });
    await storage.insert({ id: "b", vector: vec(0, 1) });
    await storage.put({ id: "a", vector: vec(-1, 0) });
    await storage.update({ id: "b" }, { vector: vec(1, 0) });
    await storage.putBulk([
      { id: "c", vector: vec(0, 1) },
      { id: "d", vector: vec(0, -1) },
    ]);
    await storage.delete({ id: "d" });
    expect(ids(await storage.similaritySearch(vec(1, 0)))).toEqual(["b", "c", "a"]);
    await storage.deleteSearch({ id: { operator: ">", value: "b" } });
    expect(ids(await storage.similaritySearch(vec(1, 0)))).toEqual(["b", "a"]);
    await storage.deleteAll();
    expect(await storage.similaritySearch(vec(1, 0))).toEqual([]);
  });

  it("tells listeners what was asked and found", async () => {
    const storage = await filled([{ id: "a", vector: vec(1, 0) }]);
    const heard = storage.waitOn("similaritySearch");
    const query = vec(1, 0);
    const found = await storage.similaritySearch(query);
    expect(await heard).toEqual([query, found]);
  });
});

describe("a vector storage refuses, and stores nothing of,", () => {
  const bad: readonly [string, Float32Array][] = [
    ["a vector that is too short", vec(1)],
    ["a vector that is too long", vec(1, 2, 3)],
    ["NaN", vec(1, Number.NaN)],
    ["infinity", vec(Number.POSITIVE_INFINITY, 1)],
    ["minus infinity", vec(1, Number.NEGATIVE_INFINITY)],
    ["the zero vector", vec(0, -0)],
  ];

  it.each(bad)("%s", async (_, vector) => {
    const storage = await filled([{ id: "a", vector: vec(1, 0) }]);
    const good = { id: "b", vector: vec(0, 1) };
    const attempts = [
      () => storage.put({ id: "a", vector }),
      () => storage.putBulk([good, { id: "c", vector }]),
      () => storage.insert({ id: "c", vector }),
      () => storage.update({ id: "a" }, { vector }),
      () => storage.similaritySearch(vector),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toThrow(StorageValidationError);
    expect(await storage.getAll()).toEqual([{ id: "a", vector: vec(1, 0) }]);
  });

  it("a query that is neither a vector nor a key", async () => {
    const storage = await filled([{ id: "a", vector: vec(1, 0) }]);
    for (const query of [undefined, null, "a", [1, 0], { other: "a" }, {}, new Uint32Array(2)]) {
      await expect(storage.similaritySearch(query as never)).rejects.toThrow(
        StorageValidationError,
      );
    }
  });

  it("options that cannot be", async () => {
    const storage = await filled([{ id: "a", vector: vec(1, 0) }]);
    const search = (options: object) => storage.similaritySearch(vec(1, 0), options);
    for (const topK of [0, -1, 1.5, "5", Number.NaN]) {
      await expect(search({ topK })).rejects.toThrow(StorageInvalidLimitError);
    }
    await expect(search({ offset: -1 })).rejects.toThrow(StorageInvalidLimitError);
    for (const scoreThreshold of [Number.NaN, "0.5"]) {
      await expect(search({ scoreThreshold })).rejects.toThrow(StorageValidationError);
    }
    await expect(search({ exact: "yes" })).rejects.toThrow(StorageValidationError);
    await expect(search({ select: [] })).rejects.toThrow(StorageValidationError);
    await expect(search({ select: ["constructor"] })).rejects.toThrow(StorageInvalidColumnError);
    await expect(search({ filter: "id = 1" })).rejects.toThrow(StorageValidationError);
    await expect(search({ filter: or({}) })).rejects.toThrow(StorageEmptyCriteriaError);
  });
});

describe("the types of vectors", () => {
  const components: Readonly<Record<string, readonly number[]>> = {
    Float16Array: [0.5, -2],
    Float32Array: [0.1, -1e20],
    Float64Array: [1e-200, 1.5e-200],
    Int8Array: [-128, 127],
    Uint8Array: [255, 1],
    Int16Array: [-32768, 5],
    Uint16Array: [65535, 0],
  };
  const schemaOf = (format: string) =>
    ({
      type: "object",
      properties: { id: { type: "string" }, v: { type: "array", format } },
      required: ["id", "v"],
    }) as const;
  const types = Object.entries(typedArrayConstructors) as [string, Float32ArrayConstructor][];

  it.each(types)("%s is read as it was written, and searched", async (name, arrayOf) => {
    const vector = arrayOf.from(components[name] as number[]);
    const opposite = arrayOf.from(vector).reverse();
    for (const format of ["TypedArray", `TypedArray:${name}`]) {
      const storage = new InMemoryVectorStorage(schemaOf(format), key, [], 2, arrayOf);
      await storage.putBulk([
        { id: "a", v: vector },
        { id: "b", v: opposite },
      ]);
      const stored = (await storage.get({ id: "a" }))?.v as unknown as TypedArray;
      expect(stored).toEqual(vector);
      expect(stored.constructor).toBe(arrayOf);
      const found = await storage.similaritySearch(vector);
      expect(found.map(({ id }) => id)).toEqual(["a", "b"]);
      expect(found[0]?.score).toBe(1);
      expect((await storage.similaritySearch(Float64Array.from(vector)))[0]?.score).toBe(1);
    }
  });

  it("are what the schema says, without a constructor", async () => {
    const storage = new InMemoryVectorStorage(schemaOf("TypedArray:Int8Array"), key, [], 2);
    await storage.put({ id: "a", v: Int8Array.of(1, 2) });
    await expect(storage.put({ id: "b", v: vec(1, 2) as never })).rejects.toThrow(
      StorageValidationError,
    );
  });

  it("are Float32Array where neither says anything", async () => {
    const storage = new InMemoryVectorStorage(schemaOf("TypedArray"), key, [], 2);
    await storage.put({ id: "a", v: vec(1, 2) });
    await expect(storage.put({ id: "b", v: Float64Array.of(1, 2) })).rejects.toThrow(
      StorageValidationError,
    );
  });
});

describe("a row without a vector", () => {
  const schema = { ...chunkSchema, required: ["id"] } as const;

  it("is stored and not found", async () => {
    const storage = new InMemoryVectorStorage(schema, key, [], 2);
    await storage.putBulk([{ id: "a" }, { id: "b", vector: vec(1, 0) }]);
    expect(ids(await storage.similaritySearch(vec(1, 0)))).toEqual(["b"]);
    await storage.update({ id: "b" }, { vector: undefined });
    expect(await storage.similaritySearch(vec(1, 0))).toEqual([]);
    expect(await storage.size()).toBe(2);
    await expect(storage.similaritySearch({ id: "a" })).rejects.toThrow(StorageValidationError);
  });
});

describe("a filter", () => {
  const chunks = Array.from({ length: 1000 }, (_, at) => ({
    id: `${at}`.padStart(4, "0"),
    vector: vec(1, at / 100),
    metadata: { bucket: at % 100, doc: { name: at < 500 ? "early" : "late" } },
  }));

  it("that leaves one row in a hundred still gives as many as are asked for", async () => {
    const storage = await filled(chunks);
    const found = await storage.similaritySearch(vec(1, 0), { filter: { bucket: 99 }, topK: 10 });
    const expected = bruteForce(
      chunks.filter(({ metadata }) => metadata.bucket === 99),
      vec(1, 0),
    );
    expect(ids(found)).toEqual(ids(expected));
    expect(found).toHaveLength(10);
  });

  it("may combine conditions, reach into objects, and match nothing", async () => {
    const storage = await filled(chunks);
    const search = async (filter: object) =>
      ids(await storage.similaritySearch(vec(1, 0), { filter, topK: 2 }));
    expect(await search({ doc: { name: "late" }, bucket: { operator: "<", value: 50 } })).toEqual([
      "0500",
      "0501",
    ]);
    expect(await search(or<Metadata>({ bucket: 7 }, { bucket: 3 }))).toEqual(["0003", "0007"]);
    expect(await search(not<Metadata>({ doc: { name: "early" } }))).toEqual(["0500", "0501"]);
    expect(await search({ bucket: { operator: "in", value: [] } })).toEqual([]);
    expect(await search({})).toEqual(["0000", "0001"]);
  });

  it("names columns where the schema has no metadata, and uses their indexes", async () => {
    const schema = {
      type: "object",
      properties: {
        id: { type: "string" },
        doc_id: { type: "string" },
        vector: { type: "array", format: "TypedArray" },
      },
      required: ["id", "doc_id", "vector"],
    } as const;
    const storage = new InMemoryVectorStorage(schema, key, ["doc_id"], 2);
    await storage.putBulk(
      chunks.map(({ id, vector, metadata }) => ({ id, vector, doc_id: `d${metadata.bucket}` })),
    );
    const before = storage.statistics.rowsVisited;
    const found = await storage.similaritySearch(vec(1, 0), { filter: { doc_id: "d42" }, topK: 3 });
    expect(ids(found)).toEqual(["0042", "0142", "0242"]);
    expect(storage.statistics.rowsVisited - before).toBe(10);
    await expect(
      storage.similaritySearch(vec(1, 0), { filter: { bucket: 1 } as never }),
    ).rejects.toThrow(StorageInvalidColumnError);
  });
});

describe("inside a transaction", () => {
  it("a search sees what the transaction has written, and nobody else does", async () => {
    const storage = await filled([{ id: "a", vector: vec(1, 0) }]);
    await storage.transaction(async (tx) => {
      await tx.put({ id: "b", vector: vec(1, 0) });
      await tx.delete({ id: "a" });
      expect(ids(await tx.similaritySearch(vec(1, 0)))).toEqual(["b"]);
      await tx.transaction(async (inner) => {
        await inner.put({ id: "c", vector: vec(1, 0) });
        expect(ids(await inner.similaritySearch(vec(1, 0)))).toEqual(["b", "c"]);
      });
    });
    expect(ids(await storage.similaritySearch(vec(1, 0)))).toEqual(["b", "c"]);
  });

  it("that is rolled back leaves no phantom and loses no row", async () => {
    const storage = await filled([
      { id: "a", vector: vec(1, 0) },
      { id: "b", vector: vec(0, 1) },
    ]);
    const before = await storage.similaritySearch(vec(1, 0));
    const failure = new Error("changed my mind");
    for (const change of ["write", "clear"]) {
      const attempt = storage.transaction(async (tx) => {
        if (change === "clear") await tx.deleteAll();
        await tx.put({ id: "a", vector: vec(-1, 0) });
        await tx.put({ id: "phantom", vector: vec(1, 0) });
        await tx.delete({ id: "b" });
        expect((await tx.similaritySearch(vec(1, 0)))[0]?.id).toBe("phantom");
        throw failure;
      });
      await expect(attempt).rejects.toBe(failure);
      expect(await storage.similaritySearch(vec(1, 0))).toEqual(before);
    }
  });

  it("of several storages, searches see and follow all of it", async () => {
    const database = new MemoryDatabase();
    const options = { database, table: "chunks" };
    const make = () => new InMemoryVectorStorage(chunkSchema, key, [], 2, undefined, options);
    const [one, other] = [make(), make()];
    await one.put({ id: "a", vector: vec(1, 0) });
    expect(ids(await other.similaritySearch(vec(1, 0)))).toEqual(["a"]);
    await withTransaction(database, async (tx) => {
      await one.with(tx).put({ id: "b", vector: vec(1, 0) });
      expect(ids(await other.with(tx).similaritySearch(vec(1, 0)))).toEqual(["a", "b"]);
    });
    expect(ids(await one.similaritySearch(vec(1, 0)))).toEqual(["a", "b"]);
  });
});

describe("tenants", () => {
  it("find their own rows only", async () => {
    const database = new MemoryDatabase();
    const tenant = (name: string) =>
      new InMemoryVectorStorage(chunkSchema, key, [], 2, undefined, {
        database,
        table: "chunks",
        prefixes: [{ name: "tenant", type: "uuid" }],
        prefixValues: { tenant: name },
      });
    const [one, other] = [tenant("one"), tenant("other")];
    await one.put({ id: "a", vector: vec(1, 0) });
    await other.put({ id: "b", vector: vec(1, 0) });
    expect(ids(await one.similaritySearch(vec(1, 0)))).toEqual(["a"]);
    expect(ids(await other.similaritySearch(vec(1, 0)))).toEqual(["b"]);
  });
});
