import { type TestRow, type TestVector, vectorSuite } from "@workglow/conformance";
import { isTypedArray, type TypedArray } from "@workglow/util/schema";
import type { Alteration } from "../broken-queue/altered.ts";
import { type BrokenStorage, withVector } from "./memoryStorages.ts";

const broken = (
  defect: string,
  foundBy: string,
  alteration: Alteration<TestVector>,
): BrokenStorage => ({
  defect,
  suite: vectorSuite,
  foundBy,
  backend: withVector(alteration),
});

type Found = (TestRow & { score: number })[];

/** Changes what a search has found. */
const finding =
  (change: (found: Found) => Found): Alteration<TestVector> =>
  (storage) => ({
    similaritySearch: async (query, options) =>
      change(await storage.similaritySearch(query, options)),
  });

const dot = (a: TypedArray, b: TypedArray): number =>
  Array.from(a).reduce((sum, component, i) => sum + component * (b[i] as number), 0);

export const BROKEN_VECTORS: readonly BrokenStorage[] = [
  broken(
    "ties are in no order",
    "the length of a vector does not matter, and ties are in the order of the key",
    finding((found) =>
      [...found].sort((a, b) => b.score - a.score || (String(a.id) < String(b.id) ? 1 : -1)),
    ),
  ),
  broken(
    "the threshold is ignored",
    "leaves out no low or negative score unless there is a threshold, which is included",
    (storage) => ({
      similaritySearch: (query, { scoreThreshold: _, ...options } = {}) =>
        storage.similaritySearch(query, options),
    }),
  ),
  broken(
    "the threshold is 0 by default",
    "leaves out no low or negative score unless there is a threshold, which is included",
    (storage) => ({
      similaritySearch: (query, options) =>
        storage.similaritySearch(query, { scoreThreshold: 0, ...options }),
    }),
  ),
  broken("the score is a dot product", "gives the row and its score, in [-1, 1]", (storage) => ({
    similaritySearch: async (query, options) => {
      const found = await storage.similaritySearch(query, options);
      if (!isTypedArray(query)) return found;
      return found.map((row) => ({ ...row, score: dot(query, row.vector as TypedArray) }));
    },
  })),
  broken(
    "scores have the precision of float32",
    "ranks like a float64 computation over all rows",
    finding((found) => found.map((row) => ({ ...row, score: Math.fround(row.score) }))),
  ),
  broken("scores overflow", "scores huge and tiny components right", (storage) => ({
    similaritySearch: async (query, options) => {
      const found = await storage.similaritySearch(query, options);
      return found.filter(({ vector }) =>
        Number.isFinite(dot(vector as TypedArray, vector as TypedArray)),
      );
    },
  })),
  broken(
    "filters leave rows out of the first results only",
    "a filter that leaves few rows still finds them all, best first",
    (storage) => ({
      similaritySearch: async (query, { filter, ...options } = {}) => {
        const found = await storage.similaritySearch(query, options);
        const kept = await storage.similaritySearch(query, { filter, topK: 10_000 });
        const ids = new Set(kept.map(({ id }) => id));
        return found.filter(({ id }) => ids.has(id));
      },
    }),
  ),
  broken(
    "filters compare texts of values",
    "values of different types are never equal",
    (storage) => ({
      similaritySearch: async (query, { filter, ...options } = {}) => {
        const found = await storage.similaritySearch(query, { ...options, topK: 100 });
        const wanted = Object.entries(filter ?? {});
        return found.filter(({ metadata }) =>
          wanted.every(([name, value]) => String((metadata as TestRow)[name]) === String(value)),
        );
      },
    }),
  ),
  broken(
    "a search remembers rows that are gone",
    "a search sees every write made before it",
    (storage) => {
      let last: Found = [];
      return {
        similaritySearch: async (query, options) => {
          const found = await storage.similaritySearch(query, options);
          if (found.length >= last.length) last = found;
          return last;
        },
      };
    },
  ),
  broken(
    "zeros are stored",
    "refuses vectors of a wrong dimension, of zeros, NaN or infinities in every writing method, and stores nothing",
    (storage) => ({
      put: async (row, options) =>
        isTypedArray(row.vector) && Array.from(row.vector).every((x) => x === 0)
          ? row
          : storage.put(row, options),
    }),
  ),
  broken(
    "there are five results by default",
    "gives ten results unless asked for more or fewer",
    (storage) => ({
      similaritySearch: (query, options) =>
        storage.similaritySearch(query, { topK: 5, ...options }),
    }),
  ),
  broken("vectors come back as lists", "stores and searches a Float32Array", (storage) => ({
    get: async (key) => {
      const row = await storage.get(key);
      return row && { ...row, vector: Array.from(row.vector as TypedArray) };
    },
  })),
  broken(
    "a search emits nothing",
    "emits similaritySearch with the query and the results",
    (storage) => ({
      on: (name, fn) => void (name === "similaritySearch" ? undefined : storage.on(name, fn)),
    }),
  ),
];
