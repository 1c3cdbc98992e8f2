import { assert, assertEqual } from "../assert.ts";
import type { TestRow } from "../harness.ts";
import { seededRandom } from "../samples.ts";
import { show } from "../show.ts";
import type { Ranked } from "./reference.ts";
import { chunk } from "./tables.ts";

export const idsOf = (rows: readonly TestRow[]): unknown[] => rows.map(({ id }) => id);

export function assertRanking(
  found: readonly TestRow[],
  expected: readonly Ranked[],
  what: string,
): void {
  assertEqual(
    idsOf(found),
    expected.map(({ id }) => id),
    `the ranking of ${what}`,
  );
  for (const [i, row] of found.entries()) {
    const wanted = expected[i]?.score as number;
    const close = Math.abs((row.score as number) - wanted) <= 2e-12;
    assert(close, `the score of ${show(row.id)} in ${what} is ${show(row.score)}, not ${wanted}`);
  }
}

/** Rows with random vectors in a disorder of ids. */
export function randomRows(count: number, dimensions: number, seed: number): TestRow[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    const vector = Array.from({ length: dimensions }, () => random() * 2 - 1);
    return chunk(`row ${(i * 7919) % count}`, vector, { parity: i % 2, i });
  });
}
