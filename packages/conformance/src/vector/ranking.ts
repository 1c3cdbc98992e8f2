import { assertEqual } from "../assert.ts";
import type { Case, TestRow, TestVector } from "../harness.ts";
import { float16Arrays } from "../requirements.ts";
import { seededRandom } from "../samples.ts";
import { show } from "../show.ts";
import { assertRanking, idsOf, randomRows } from "./assertRanking.ts";
import { type Ranked, ranking } from "./reference.ts";
import { chunk, chunks, withDimensions } from "./tables.ts";

const ARRAYS = [
  "Float16Array",
  "Float32Array",
  "Float64Array",
  "Int8Array",
  "Uint8Array",
  "Int16Array",
  "Uint16Array",
] as const;

type AnyArrayConstructor = Float64ArrayConstructor;

function constructorOf(name: string): AnyArrayConstructor {
  return (globalThis as unknown as Record<string, AnyArrayConstructor>)[
    name
  ] as AnyArrayConstructor;
}

/** Small whole numbers, which every array type keeps, and never all zero. */
function wholeVector(random: () => number, dimensions: number, signed: boolean): number[] {
  const vector = Array.from(
    { length: dimensions },
    () => Math.floor(random() * 21) - (signed ? 10 : 0),
  );
  if (!vector.some(Boolean)) vector[0] = 1;
  return vector;
}

async function checkAgainstReference(
  storage: TestVector,
  rows: readonly TestRow[],
  query: Float32Array,
): Promise<void> {
  const expected = ranking(rows, query);
  for (const options of [
    {},
    { topK: 1 },
    { topK: 25 },
    { topK: 7, offset: 3 },
    { topK: 10_000 },
    { topK: 5, exact: true },
  ]) {
    const { topK = 10, offset = 0 } = options as { topK?: number; offset?: number };
    const found = await storage.similaritySearch(query, options);
    assertRanking(found, expected.slice(offset, offset + topK), `a search with ${show(options)}`);
  }
  for (const place of [0, 4, 50]) {
    const { score: scoreThreshold } = expected[place] as Ranked;
    const found = await storage.similaritySearch(query, { scoreThreshold, topK: 10_000 });
    assertRanking(
      found,
      expected.filter(({ score }) => score >= scoreThreshold),
      `a threshold of ${scoreThreshold}`,
    );
  }
}

export const rankingCases: readonly Case[] = [
  {
    name: "ranks like a float64 computation over all rows",
    timeoutMs: 30_000,
    run: async (c) => {
      for (const dimensions of [1, 3, 17, 128]) {
        const storage = await c.vector(withDimensions(dimensions));
        const rows = randomRows(dimensions === 1 ? 60 : 300, dimensions, dimensions);
        await storage.putBulk(rows);
        assertEqual(storage.getVectorDimensions(), dimensions, "getVectorDimensions()");
        const random = seededRandom(99);
        for (let i = 0; i < 4; i++) {
          const query = Float32Array.from({ length: dimensions }, () => random() * 2 - 1);
          await checkAgainstReference(storage, rows, query);
        }
        await checkAgainstReference(storage, rows, rows[5]?.vector as Float32Array);
      }
    },
  },
  {
    name: "gives the row and its score, in [-1, 1]",
    run: async (c) => {
      const storage = await c.vector(chunks);
      const row = { ...chunk("same", [1, 2, 2], { text: "t", nested: { deep: [1] } }), note: "n" };
      await storage.putBulk([row, chunk("opposite", [-1, -2, -2]), chunk("across", [0, 1, -1])]);
      const found = await storage.similaritySearch(new Float32Array([2, 4, 4]));
      assertEqual(found, [
        { ...row, score: 1 },
        { ...chunk("across", [0, 1, -1]), score: 0 },
        { ...chunk("opposite", [-1, -2, -2]), score: -1 },
      ]);
    },
  },
  {
    name: "the length of a vector does not matter, and ties are in the order of the key",
    run: async (c) => {
      const storage = await c.vector(chunks);
      const ids = ["z", "\u{1f600}", "\uffff", "b", "a", "10", "9"];
      await storage.putBulk(ids.map((id, i) => chunk(id, [3 * (i + 1), 4 * (i + 1), 0])));
      await storage.put(chunk("worse", [3, 4, 1]));
      const ordered = ["10", "9", "a", "b", "z", "\uffff", "\u{1f600}"];
      const query = new Float32Array([3, 4, 0]);
      const found = await storage.similaritySearch(query);
      assertEqual(idsOf(found), [...ordered, "worse"], "the ids");
      assertEqual(
        found.slice(0, 7).map(({ score }) => score),
        Array(7).fill(1),
        "the scores",
      );
      for (const topK of [1, 3, 6]) {
        assertEqual(
          idsOf(await storage.similaritySearch(query, { topK })),
          ordered.slice(0, topK),
          `the best ${topK}`,
        );
      }
      assertEqual(
        idsOf(await storage.similaritySearch(query, { topK: 2, offset: 3 })),
        ordered.slice(3, 5),
        "an offset",
      );
    },
  },
  {
    name: "tells rows apart whose scores differ by less than float32 can",
    run: async (c) => {
      const dimensions = 8;
      const spec = { ...withDimensions(dimensions), vectorType: "Float64Array" } as const;
      const storage = await c.vector(spec);
      const base = [1, 2, 3, 4, 5, 6, 7, 8];
      const rows = Array.from({ length: 200 }, (_, i) => ({
        id: `${(i * 37) % 200}`.padStart(3, "0"),
        vector: Float64Array.from(base, (x, at) => (at === i % 8 ? x * (1 + (i + 1) * 2e-8) : x)),
        metadata: {},
      }));
      await storage.putBulk(rows);
      const query = Float64Array.from(base, (x, at) => x + (at === 0 ? 0.001 : 0));
      const found = await storage.similaritySearch(query, { topK: 20 });
      assertRanking(found, ranking(rows, query).slice(0, 20), "nearly equal rows");
    },
  },
  {
    name: "scores huge and tiny components right",
    run: async (c) => {
      const sizes = {
        Float32Array: [1e20, 1e-20, 3e38, 1e-37],
        Float64Array: [1e200, 1e-200, 1e20],
      } as const;
      for (const [vectorType, scales] of Object.entries(sizes)) {
        const storage = await c.vector({ ...chunks, vectorType: vectorType as "Float32Array" });
        const ArrayOf = constructorOf(vectorType);
        const rows = scales.flatMap((scale, i) =>
          [
            [1, 0, 0],
            [1, 1, 0],
            [0, -1, 1],
          ].map((vector, j) => ({
            id: `${i}${j}`,
            vector: ArrayOf.from(vector, (x) => x * scale),
            metadata: {},
          })),
        );
        await storage.putBulk(rows);
        for (const scale of [1, ...scales]) {
          const query = ArrayOf.from([1, 0.5, 0], (x) => x * scale);
          const found = await storage.similaritySearch(query, { topK: 100 });
          assertRanking(found, ranking(rows, query), `${vectorType} of ${scale}`);
        }
      }
    },
  },
  ...ARRAYS.map(
    (vectorType): Case => ({
      name: `stores and searches a ${vectorType}`,
      requires: vectorType === "Float16Array" ? [float16Arrays] : [],
      run: async (c) => {
        const ArrayOf = constructorOf(vectorType);
        const random = seededRandom(5);
        const signed = !vectorType.startsWith("Uint");
        const rows = Array.from({ length: 60 }, (_, i) => ({
          id: `${i}`.padStart(2, "0"),
          vector: ArrayOf.from(wholeVector(random, 6, signed)),
          metadata: { i },
        }));
        const query = ArrayOf.from(wholeVector(random, 6, signed));
        const named = {
          ...chunks.schema.properties,
          vector: { type: "array", format: `TypedArray:${vectorType}` },
        } as const;
        for (const schema of [chunks.schema, { ...chunks.schema, properties: named }]) {
          const storage = await c.vector({ ...chunks, schema, dimensions: 6, vectorType });
          await storage.putBulk(rows);
          assertEqual(await storage.get({ id: "07" }), rows[7], "the stored row");
          assertRanking(
            await storage.similaritySearch(query, { topK: 60 }),
            ranking(rows, query),
            vectorType,
          );
          const asFloats = Float64Array.from(query);
          const found = await storage.similaritySearch(asFloats, { topK: 3 });
          assertRanking(
            found,
            ranking(rows, asFloats).slice(0, 3),
            "a query of another array type",
          );
        }
      },
    }),
  ),
];
