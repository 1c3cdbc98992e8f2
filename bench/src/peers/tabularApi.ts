import { type Contender, concurrently } from "../measure.ts";
import { type BenchRow, benchRows, numbers } from "../rows.ts";

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
const GETS = 10_000;
const PUTS = 5_000;
const BULK_ROWS = 10_000;
const QUERIES = 500;
const PAGES = 100;

export async function tabularContender(
  name: string,
  api: TabularApi,
  close: () => unknown,
): Promise<Contender> {
  const rows = benchRows(TABLE_ROWS);
  await api.putBulk(rows);
  const reads = numbers(GETS, TABLE_ROWS).map((n) => (rows[n] as BenchRow).id);
  const writes = numbers(PUTS, TABLE_ROWS, 7).map((n) => rows[n] as BenchRow);
  const ages = numbers(QUERIES, 1000, 11);
  const bulk = rows.slice(0, BULK_ROWS);
  return {
    name,
    operations: {
      get: {
        run: async () => {
          for (const id of reads) await api.get(id);
          return GETS;
        },
      },
      "get, 32 at once": {
        run: () => concurrently(GETS, 32, (i) => api.get(reads[i] as string)),
      },
      put: {
        run: async () => {
          for (const row of writes) await api.put(row);
          return PUTS;
        },
      },
      "put, 32 at once": {
        run: () => concurrently(PUTS, 32, (i) => api.put(writes[i] as BenchRow)),
      },
      "putBulk 10k": {
        run: async () => {
          await api.putBulk(bulk);
          return BULK_ROWS;
        },
      },
      "query by index": {
        run: async () => {
          for (const age of ages) await api.byAge(age);
          return QUERIES;
        },
      },
      "range, 100 rows": {
        run: async () => {
          for (const age of ages) await api.byAgeRange(age % 900, (age % 900) + 20);
          return QUERIES;
        },
      },
      "keyset pages": { run: () => api.pages(PAGES) },
    },
    close: async () => {
      await close();
    },
  };
}
