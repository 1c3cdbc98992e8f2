import fc from "fast-check";
import { assertEqual } from "../assert.ts";
import type { Case, TestRow } from "../harness.ts";
import { vectorStorage } from "../requirements.ts";
import { assertRanking } from "../vector/assertRanking.ts";
import { ranking } from "../vector/reference.ts";
import { chunk, withDimensions } from "../vector/tables.ts";
import { checkProperty, type ModelOptions } from "./runs.ts";

const DIMENSIONS = 5;

/** Whole numbers, so that many rows lie in one direction and scores tie exactly. */
const vectors = fc
  .array(fc.integer({ min: -3, max: 3 }), { minLength: DIMENSIONS, maxLength: DIMENSIONS })
  .filter((vector) => vector.some((component) => component !== 0));

const ids = fc.integer({ min: 0, max: 40 }).map((id) => `${id}`);

interface Step {
  readonly put: readonly {
    readonly id: string;
    readonly vector: readonly number[];
    readonly group: number;
  }[];
  readonly remove: readonly string[];
  readonly query: readonly number[];
  readonly topK: number;
  readonly offset: number;
  readonly scoreThreshold?: number;
  readonly group?: number;
}

const groups = fc.integer({ min: 0, max: 3 });

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.record({
    put: fc.array(fc.record({ id: ids, vector: vectors, group: groups }), {
      maxLength: 25,
      size: "max",
    }),
    remove: fc.array(ids, { maxLength: 4 }),
    query: vectors,
    topK: fc.integer({ min: 1, max: 12 }),
    offset: fc.integer({ min: 0, max: 4 }),
    scoreThreshold: fc.option(fc.double({ min: -1, max: 1, noNaN: true }), { nil: undefined }),
    group: fc.option(groups, { nil: undefined }),
  }),
  { minLength: 1, maxLength: 6 },
);

export function vectorModelCases(options: ModelOptions): readonly Case[] {
  return [
    {
      name: "random searches among random writes give what scoring every row gives",
      requires: [vectorStorage],
      timeoutMs: 60_000 * Math.max(1, options.effort ?? 1),
      run: async (c) => {
        await checkProperty(steps, 30, options, async (given) => {
          const storage = await c.vector(withDimensions(DIMENSIONS));
          const rows = new Map<string, TestRow>();
          for (const { put, remove, query, topK, offset, scoreThreshold, group } of given) {
            const added = put.map(({ id, vector, group: own }) =>
              chunk(id, vector, { group: own }),
            );
            for (const row of added) rows.set(row.id as string, row);
            await storage.putBulk(added);
            for (const id of remove) {
              rows.delete(id);
              await storage.delete({ id });
            }
            const kept = [...rows.values()].filter(
              ({ metadata }) =>
                group === undefined || (metadata as { group: number }).group === group,
            );
            const least = scoreThreshold ?? -2;
            const expected = ranking(kept, query).filter(({ score }) => score >= least);
            const found = await storage.similaritySearch(new Float32Array(query), {
              topK,
              offset,
              ...(scoreThreshold !== undefined && { scoreThreshold }),
              ...(group !== undefined && { filter: { group } }),
            });
            assertRanking(found, expected.slice(offset, offset + topK), "a random search");
            for (const { score: _, ...row } of found)
              assertEqual(row, rows.get(row.id as string), "a row found");
          }
          await storage[Symbol.asyncDispose]();
        });
      },
    },
  ];
}
