import assert from "node:assert/strict";
import { type Contender, concurrently } from "../measure.ts";
import { type BenchRow, benchRows, COLUMNS, numbers } from "../rows.ts";

/** The operations that tabular contenders have in common. */
export interface TabularApi {
  get(id: string): Promise<unknown>;
  put(row: BenchRow): Promise<unknown>;
  putBulk(rows: readonly BenchRow[]): Promise<unknown>;
  /** About 10 rows by an indexed column. */
  byAge(age: number): Promise<readonly unknown[]>;
  /** At most 100 rows of `from <= age < to`, by age, then id. */
  byAgeRange(from: number, to: number): Promise<readonly unknown[]>;
  /** Every page of 100 rows by key, `pages` of them. */
  pages(pages: number): Promise<number>;
}

const TABLE_ROWS = 10_000;
const BULK_ROWS = 10_000;

/** How often a round does each operation. */
export interface TabularCounts {
  readonly gets: number;
  readonly puts: number;
  /** Gets and puts with 32 of them under way. */
  readonly getsAtOnce: number;
  readonly putsAtOnce: number;
  readonly bulks: number;
  readonly queries: number;
  readonly pages: number;
}

const IN_PROCESS: TabularCounts = {
  gets: 10_000,
  puts: 5_000,
  getsAtOnce: 10_000,
  putsAtOnce: 5_000,
  bulks: 1,
  queries: 500,
  pages: 100,
};

/** Each round trip costs, so fewer of them make a round. */
export const OVER_THE_WIRE: TabularCounts = {
  gets: 3_000,
  puts: 1_000,
  getsAtOnce: 15_000,
  putsAtOnce: 8_000,
  bulks: 4,
  queries: 300,
  pages: 100,
};

export async function tabularContender(
  name: string,
  api: TabularApi,
  close: () => unknown,
  counts: TabularCounts = IN_PROCESS,
): Promise<Contender> {
  const { gets, puts, getsAtOnce, putsAtOnce, bulks, queries, pages } = counts;
  const rows = benchRows(TABLE_ROWS);
  await api.putBulk(rows);
  await assertSameAnswers(name, api, rows);
  const reads = numbers(Math.max(gets, getsAtOnce), TABLE_ROWS).map(
    (n) => (rows[n] as BenchRow).id,
  );
  const writes = numbers(Math.max(puts, putsAtOnce), TABLE_ROWS, 7).map((n) => rows[n] as BenchRow);
  const ages = numbers(queries, 1000, 11);
  const bulk = rows.slice(0, BULK_ROWS);
  return {
    name,
    operations: {
      get: {
        run: async () => {
          for (let i = 0; i < gets; i++) await api.get(reads[i] as string);
          return gets;
        },
      },
      "get, 32 at once": {
        run: () => concurrently(getsAtOnce, 32, (i) => api.get(reads[i] as string)),
      },
      put: {
        run: async () => {
          for (let i = 0; i < puts; i++) await api.put(writes[i] as BenchRow);
          return puts;
        },
      },
      "put, 32 at once": {
        run: () => concurrently(putsAtOnce, 32, (i) => api.put(writes[i] as BenchRow)),
      },
      "putBulk 10k": {
        run: async () => {
          for (let i = 0; i < bulks; i++) await api.putBulk(bulk);
          return bulks * BULK_ROWS;
        },
      },
      "query by index": {
        run: async () => {
          for (const age of ages) await api.byAge(age);
          return queries;
        },
      },
      "range, 100 rows": {
        run: async () => {
          for (const age of ages) await api.byAgeRange(age % 900, (age % 900) + 20);
          return queries;
        },
      },
      "keyset pages": { run: () => api.pages(pages) },
    },
    close: async () => {
      await close();
    },
  };
}

/** Nobody is timed doing less than the others. */
async function assertSameAnswers(
  name: string,
  api: TabularApi,
  rows: readonly BenchRow[],
): Promise<void> {
  const sample = rows[4711] as BenchRow;
  const row = (await api.get(sample.id)) as BenchRow;
  for (const column of COLUMNS) {
    // A driver of SQLite gives booleans as numbers.
    assert.equal(
      Number(row[column] === sample[column] || row[column] === Number(sample[column])),
      1,
      `${name}: ${column}`,
    );
  }
  const ofAge = rows.filter(({ age }) => age === sample.age);
  assert.equal((await api.byAge(sample.age)).length, ofAge.length, name);
  assert.equal((await api.byAgeRange(100, 120)).length, 100, name);
}
