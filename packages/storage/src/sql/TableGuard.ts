import type { SqlChangeColumn, SqlChangeTable } from "./changes/SqlChangeFeed.ts";
import type { SqlProgram } from "./SqlExecutor.ts";

/** A table whose rows belong to tenants. */
export interface GuardedTable {
  /** Its name, unquoted. */
  readonly table: string;
  /** The tenant columns. */
  readonly tenant: readonly SqlChangeColumn[];
  /** What travels with its changes, where they can be subscribed to. */
  readonly changes: SqlChangeTable | undefined;
}

/** Keeps tenants apart by rules that the database itself enforces. */
export interface TableGuard {
  /**
   * The statements that guard a table and the log of its changes, both of which are there. They may
   * run again.
   */
  setupSql(table: GuardedTable): readonly string[];
  /** Whether {@link setupSql} has been run for the table as it is. */
  isSetUp(table: GuardedTable): SqlProgram<boolean>;
  /** Statements that let the table's owner see all rows until {@link setupSql} is run again. */
  liftSql(table: GuardedTable): readonly string[];
}

const nothing = (): readonly string[] => [];

/** What guards a table without tenants, or on a database that is not told to. */
export const unguarded: TableGuard = {
  setupSql: nothing,
  // biome-ignore lint/correctness/useYield: there is nothing to ask
  *isSetUp() {
    return true;
  },
  liftSql: nothing,
};
