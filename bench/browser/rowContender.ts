import { type Contender, concurrently, type Operation } from "../src/measure.ts";
import { type BenchRow, benchRows, numbers } from "../src/rows.ts";
import { assertSameAnswers } from "./assertSameAnswers.ts";
import type { RowStore } from "./rowStore.ts";

const ROWS = 10_000;
const AT_ONCE = 32;
const GETS = 1_000;
const GETS_AT_ONCE = 4_000;
const PUTS = 400;
const PUTS_AT_ONCE = 1_600;
const SCANS = 3;
const QUERIES = 200;

const rows = benchRows(ROWS);
const reads = numbers(GETS_AT_ONCE, ROWS).map((n) => (rows[n] as BenchRow).id);
const writes = numbers(PUTS_AT_ONCE, ROWS, 7).map((n) => rows[n] as BenchRow);
const ages = numbers(QUERIES, 1000, 11);

/** Fills a store, sees that it does what it is timed for, and makes its operations. */
export async function rowContender(name: string, store: RowStore): Promise<Contender> {
  if (store.putBulk !== undefined) await store.putBulk(rows);
  else await concurrently(ROWS, AT_ONCE, (n) => store.put(rows[n] as BenchRow));
  await assertSameAnswers(name, store, rows);
  return {
    name,
    operations: { ...pointOperations(store), ...bulkOperations(store), ...indexOperations(store) },
    close: async () => {
      await store.close();
    },
  };
}

function pointOperations(store: RowStore): Record<string, Operation> {
  return {
    get: {
      run: async () => {
        for (let i = 0; i < GETS; i++) await store.get(reads[i] as string);
        return GETS;
      },
    },
    "get, 32 at once": {
      run: () => concurrently(GETS_AT_ONCE, AT_ONCE, (i) => store.get(reads[i] as string)),
    },
    put: {
      run: async () => {
        for (let i = 0; i < PUTS; i++) await store.put(writes[i] as BenchRow);
        return PUTS;
      },
    },
    "put, 32 at once": {
      run: () => concurrently(PUTS_AT_ONCE, AT_ONCE, (i) => store.put(writes[i] as BenchRow)),
    },
  };
}

function bulkOperations({ putBulk, all }: RowStore): Record<string, Operation> {
  return {
    ...(putBulk && {
      "putBulk 10k": {
        run: async () => {
          await putBulk(rows);
          return ROWS;
        },
      },
    }),
    ...(all && {
      "all 10k rows": {
        run: async () => {
          for (let i = 0; i < SCANS; i++) await all();
          return SCANS * ROWS;
        },
      },
    }),
  };
}

function indexOperations({ byAge, byAgeRange }: RowStore): Record<string, Operation> {
  return {
    ...(byAge && {
      "query by index": {
        run: async () => {
          for (const age of ages) await byAge(age);
          return QUERIES;
        },
      },
    }),
    ...(byAgeRange && {
      "range, 100 rows": {
        run: async () => {
          for (const age of ages) await byAgeRange(age % 900, (age % 900) + 20);
          return QUERIES;
        },
      },
    }),
  };
}
