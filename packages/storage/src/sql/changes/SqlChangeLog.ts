import type { ChangeLog } from "../../changes/log/ChangeLog.ts";
import type { SqlProgram, SqlRow } from "../SqlExecutor.ts";
import type { SqlChangeSource, SqlChangeTable } from "./SqlChangeFeed.ts";

/** A log of the changes of SQL tables: its rows are values of the source's columns, in their order. */
export interface SqlChangeLog extends ChangeLog<SqlRow, SqlChangeSource<unknown>> {
  /** See `SqlChangeFeed.setupSql`. */
  setupSql(table: SqlChangeTable): readonly string[];
  /** See `SqlChangeFeed.isSetUp`. */
  isSetUp(table: SqlChangeTable): SqlProgram<boolean>;
  /** See `SqlChangeFeed.interruptSql`. */
  interruptSql(table: string): readonly string[];
  /** See `SqlChangeFeed.interrupt`. */
  interrupt(table: string): SqlProgram<void>;
}
