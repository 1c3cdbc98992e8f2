import type { SqlProgram } from "./SqlExecutor.ts";

/** The generated integer key of a table. */
export interface CountedKey {
  /** The table's name, unquoted. */
  readonly table: string;
  readonly quotedTable: string;
  readonly quotedColumn: string;
}

/**
 * Counts the generated integer keys of tables: one counter a table, shared by its tenants. A
 * generated key is larger than every key that was generated or observed before.
 */
export interface KeyCounter {
  /** Statements that make the counter, with nothing to bind; they may run more than once. */
  setup(key: CountedKey): readonly string[];
  /** Whether the counter is there. */
  isSetUp(key: CountedKey): SqlProgram<boolean>;
  /** Takes the next `count` keys, ascending. */
  allocate(key: CountedKey, count: number): SqlProgram<readonly number[]>;
  /** The next key as an expression, where an INSERT can take it by itself. */
  nextKey?(key: CountedKey): string;
  /** Moves the counter to `value` or beyond. */
  observe(key: CountedKey, value: number): SqlProgram<void>;
  /** Moves the counter beyond every row, after rows were written past this library. */
  recount(key: CountedKey): SqlProgram<void>;
}
