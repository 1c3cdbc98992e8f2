import type { BenchRow } from "../src/rows.ts";

/**
 * The operations that stores of rows have in common. Each resolves with what the caller asked for,
 * and a write when its transaction is complete. Those of a member that is missing are not compared.
 */
export interface RowStore {
  get(id: string): Promise<BenchRow | undefined>;
  put(row: BenchRow): Promise<unknown>;
  /** Writes all rows or none. */
  putBulk?(rows: readonly BenchRow[]): Promise<unknown>;
  /** All rows, by key. */
  all?(): Promise<readonly BenchRow[]>;
  /** About 10 rows by an indexed column. */
  byAge?(age: number): Promise<readonly BenchRow[]>;
  /** At most 100 rows of `from <= age < to`, by age, then id. */
  byAgeRange?(from: number, to: number): Promise<readonly BenchRow[]>;
  /** Closes it and deletes its database. */
  close(): Promise<unknown>;
}

/** The database that a store is made in, and whether rows are looked up by age as well. */
export interface RowStoreOptions {
  readonly database: string;
  readonly withAge: boolean;
}

export type OpenRowStore = (options: RowStoreOptions) => Promise<RowStore>;
