import { InMemoryVectorStorage } from "@workglow/storage";
import {
  type TypedArray,
  type TypedArrayName,
  typedArrayConstructors,
} from "@workglow/util/schema";
import fc from "fast-check";
import { assert, assertEqual } from "../assert.ts";
import type { Case, CaseContext, TestRow, TestVector, Unnamed, VectorSpec } from "../harness.ts";
import { checkProperty, modelOptionsFromEnvironment } from "../model/runs.ts";
import { show } from "../show.ts";
import {
  type Chunk,
  chunkSchema,
  chunksOf,
  clusteredVectors,
  metadataFilter,
  metadataValue,
  vectorOf,
} from "./arbitraries.ts";

const vec = (...components: number[]): Float32Array => Float32Array.from(components);

const specOf = (dimensions: number): Unnamed<VectorSpec> => ({
  schema: chunkSchema,
  primaryKey: ["id"],
  dimensions,
});

/** The same rows in a storage of the backend and in one in memory. */
class Pair {
  readonly tested: TestVector;
  private readonly memory: TestVector;

  private constructor(tested: TestVector, memory: TestVector) {
    this.tested = tested;
    this.memory = memory;
  }

  static async of(
    c: CaseContext,
    spec: Unnamed<VectorSpec>,
    rows: readonly object[],
  ): Promise<Pair> {
    const { schema, primaryKey, indexes, dimensions, vectorType } = spec;
    const ArrayOf = vectorType && typedArrayConstructors[vectorType];
    const memory = new InMemoryVectorStorage(schema, primaryKey, indexes, dimensions, ArrayOf);
    const pair = new Pair(await c.vector(spec), memory as TestVector);
    await memory.putBulk([...rows] as never);
    await pair.tested.putBulk([...rows] as TestRow[]);
    return pair;
  }

  /** Expects the same results, rows, order and scores, as in memory, whose results it gives. */
  async search(query: TypedArray | TestRow, options: object = {}): Promise<TestRow[]> {
    const expected = await this.memory.similaritySearch(query, options);
    const found = await this.tested.similaritySearch(query, options);
    assertEqual(found, expected, `a search with ${show(options)}`);
    return found;
  }

  async dispose(): Promise<void> {
    await this.tested.deleteAll();
    await this.tested[Symbol.asyncDispose]();
  }
}

async function searchOnce(
  c: CaseContext,
  chunks: readonly Chunk[],
  query: TypedArray,
  options: object,
): Promise<TestRow[]> {
  const pair = await Pair.of(c, specOf(query.length), chunks);
  const found = await pair.search(query, options);
  await pair.dispose();
  return found;
}

const searches = fc.integer({ min: 2, max: 8 }).chain((dimensions) =>
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

const filterings = fc.record({
  metadata: fc.array(metadataValue, { minLength: 1, maxLength: 12 }),
  filters: fc.array(metadataFilter, { minLength: 1, maxLength: 12 }),
});

const randomCases: readonly Case[] = [
  {
    name: "finds what memory finds, for any vectors and options",
    timeoutMs: 60_000,
    run: async (c) => {
      await checkProperty(
        searches,
        40,
        modelOptionsFromEnvironment(),
        async ({ query, vectors, ...options }) => {
          await searchOnce(c, chunksOf(vectors), query, options);
        },
      );
    },
  },
  {
    name: "lets through what memory lets through, for any metadata and filter",
    timeoutMs: 60_000,
    run: async (c) => {
      await checkProperty(
        filterings,
        40,
        modelOptionsFromEnvironment(),
        async ({ metadata, filters }) => {
          const vectors = [...metadata, undefined].map((_, at) => vec(1, at));
          const pair = await Pair.of(c, specOf(2), chunksOf(vectors, metadata));
          for (const filter of filters) await pair.search(vec(1, 0), { filter, topK: 20 });
          await pair.dispose();
        },
      );
    },
  },
];

const numberCases: readonly Case[] = [
  {
    name: "compares numbers in metadata by their values",
    run: async (c) => {
      // JSON says the last as an integer of other digits than the double has.
      const numbers = [-1e300, -1, 0, 5e-324, 0.1, 0.1 + 0.2, 1, 2 ** 53, 1e21, 2 ** 63 - 1024];
      const chunks = chunksOf(
        numbers.map((_, at) => vec(1, at)),
        numbers.map((n) => ({ n, text: String(n), flag: n > 0 })),
      );
      const pair = await Pair.of(c, specOf(2), chunks);
      for (const [at, value] of numbers.entries()) {
        for (const operator of ["=", "!=", "<", "<=", ">", ">="] as const) {
          const found = await pair.search(vec(1, 0), {
            filter: { n: { operator, value } },
            topK: 20,
          });
          assertEqual(
            found.some(({ id }) => id === chunks[at]?.id),
            operator.includes("=") !== (operator === "!="),
            `whether ${value} is ${operator} itself`,
          );
        }
        const filter = { n: { operator: "in", value: [value, `${value}`, true] } };
        assertEqual((await pair.search(vec(1, 0), { filter })).length, 1, `rows in [${value}]`);
      }
    },
  },
];

const precisionCases: readonly Case[] = [
  {
    name: "tells vectors apart that float32 sums cannot",
    run: async (c) => {
      // All components are positive, so that rounding errors add up instead of cancelling out.
      const dimensions = 768;
      const shifts = fc.sample(fc.double({ min: 0, max: 1, noNaN: true }), {
        numRuns: 400,
        seed: 20,
      });
      const vectors = shifts.map((shift, at) => {
        const vector = new Float32Array(dimensions).fill(1 + at / 1e5);
        vector[at] = 1.02 + shift / 1e3;
        vector[at + 1] = 0.99;
        return vector;
      });
      const query = new Float32Array(dimensions).map((_, at) => 1 + (at % 7) / 1e3);
      const found = await searchOnce(c, chunksOf(vectors), query, { topK: 7 });
      assertEqual(found.length, 7, "the number of rows");
    },
  },
  {
    name: "finds vectors whose squares overflow or vanish in float32",
    run: async (c) => {
      const scales = [1e-42, 1e-30, 1e-22, 1e-19, 1e-10, 1, 1e10, 1e19, 1e20, 1e38];
      const directions = [
        [1, 1, 0],
        [0, 1, 1],
        [-1, 0.5, 0.001],
        [0, 0, 1],
      ];
      const vectors = scales
        .flatMap((scale) => directions.map((direction) => vec(...direction.map((x) => x * scale))))
        .filter((vector) => vector.some((x) => x !== 0));
      const pair = await Pair.of(c, specOf(3), chunksOf(vectors));
      for (const scale of [1e-40, 1, 1e37]) {
        const query = vec(0.3 * scale, scale, 0.9 * scale);
        for (const topK of [1, 5, 100]) {
          const found = await pair.search(query, { topK });
          assertEqual(found.length, Math.min(topK, vectors.length), "the number of rows");
        }
      }
    },
  },
  {
    name: "orders many vectors of one direction by key",
    run: async (c) => {
      const vectors = Array.from({ length: 700 }, (_, at) => vec(3, 4, at < 690 ? 0 : 5));
      const found = await searchOnce(c, chunksOf(vectors), vec(3, 4, 0), { topK: 5 });
      assert(
        found.every(({ score }) => score === 1),
        "a row of another direction was found",
      );
    },
  },
];

const typedSchema = {
  type: "object",
  properties: { id: { type: "integer" }, v: { type: "array", format: "TypedArray" } },
  required: ["id", "v"],
} as const;

/** One case for each array type that this runtime has. */
const typeCases: readonly Case[] = Object.entries(typedArrayConstructors).map(
  ([name, arrayOf]): Case => ({
    name: `keeps and ranks ${name} as memory does`,
    run: async (c) => {
      const ArrayOf = arrayOf as Float64ArrayConstructor;
      const vectorType = name as TypedArrayName;
      const rows = Array.from({ length: 200 }, (_, id) => ({
        id,
        v: ArrayOf.from([id % 9, 7 - (id % 8), (id * 31) % 101, 1, id % 2 ? -100 : 100]),
      }));
      const spec = { schema: typedSchema, primaryKey: ["id"], dimensions: 5, vectorType };
      const pair = await Pair.of(c, spec, rows);
      const stored = (await pair.tested.get({ id: 17 }))?.v as TypedArray;
      assertEqual(stored, rows[17]?.v, "the stored vector");
      assert(stored.constructor === ArrayOf, `the stored vector is no ${name}`);
      const queries = [ArrayOf.of(1, 2, 90, 3, 100), Float64Array.of(0.5, -2, 3, 1, -50.25)];
      for (const query of queries) {
        for (const topK of [1, 10, 250]) await pair.search(query, { topK });
      }
      await pair.search({ id: 17 });
    },
  }),
);

/** A backend's searches give the rows, order and scores that the same give in memory. */
export const likeMemoryCases: readonly Case[] = [
  ...randomCases,
  ...numberCases,
  ...precisionCases,
  ...typeCases,
];
