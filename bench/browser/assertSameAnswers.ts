import { type BenchRow, COLUMNS } from "../src/rows.ts";
import type { RowStore } from "./rowStore.ts";
import { watchTransactions } from "./watchTransactions.ts";

/**
 * Nobody is timed doing less than the others: sees that a store filled with `rows` gives them back,
 * that it writes what it acknowledges, and that it has acknowledged nothing before its transaction
 * was complete.
 *
 * @throws Error that names the contender and what it did
 */
export async function assertSameAnswers(
  name: string,
  store: RowStore,
  rows: readonly BenchRow[],
): Promise<void> {
  const check = (what: string, given: readonly unknown[], expected: readonly BenchRow[]): void => {
    if (!sameRows(given, expected)) throw new Error(`${name}: ${what} gave other rows`);
  };
  const sample = rows[4711] as BenchRow;
  const got = await watchTransactions(() => store.get(sample.id));
  check("get", [got.result], [sample]);
  if (got.begun === 0) throw new Error(`${name}: get did not ask the database`);
  if ((await store.get("user:nobody")) !== undefined) throw new Error(`${name}: get found nobody`);
  if (store.all) check("all", await store.all(), rows);
  if (store.byAge) {
    const expected = rows.filter(({ age }) => age === sample.age);
    check("query by index", await store.byAge(sample.age), expected);
  }
  if (store.byAgeRange) {
    check("range", await store.byAgeRange(100, 120), firstByAge(rows, 100, 120, 100));
  }
  await assertWrites(name, store, rows);
}

async function assertWrites(
  name: string,
  store: RowStore,
  rows: readonly BenchRow[],
): Promise<void> {
  const sample = rows[4711] as BenchRow;
  const changed = { ...sample, note: "changed" };
  for (const row of [changed, sample]) {
    const { unfinishedWrites, durabilities } = await watchTransactions(() => store.put(row));
    if (unfinishedWrites > 0) throw new Error(`${name}: put resolved before it was complete`);
    if (durabilities.size === 0) throw new Error(`${name}: put wrote nothing`);
    if (durabilities.has("strict")) throw new Error(`${name}: put waits for the disk`);
    if (!sameRows([await store.get(row.id)], [row])) throw new Error(`${name}: put was lost`);
  }
  const bulk = await watchTransactions(async () => store.putBulk?.(rows.slice(0, 2)));
  if (bulk.unfinishedWrites > 0)
    throw new Error(`${name}: putBulk resolved before it was complete`);
}

const sameRows = (given: readonly unknown[], expected: readonly BenchRow[]): boolean =>
  given.length === expected.length &&
  expected.every((row, at) => {
    const other = given[at] as BenchRow | undefined;
    return COLUMNS.every((column) => other?.[column] === row[column]);
  });

const firstByAge = (rows: readonly BenchRow[], from: number, to: number, count: number) =>
  rows
    .filter(({ age }) => age >= from && age < to)
    .sort((a, b) => a.age - b.age || (a.id < b.id ? -1 : 1))
    .slice(0, count);
