import { LogChangeFeed } from "../../changes/log/LogChangeFeed.ts";
import type { SqlProgram, SqlRow } from "../SqlExecutor.ts";
import type { SqlChangeFeed, SqlChangeSource, SqlChangeTable } from "./SqlChangeFeed.ts";
import type { SqlChangeLog } from "./SqlChangeLog.ts";

/** A change feed over a {@link SqlChangeLog}. */
export class SqlLogChangeFeed
  extends LogChangeFeed<SqlRow, SqlChangeSource<unknown>>
  implements SqlChangeFeed
{
  private readonly tables: SqlChangeLog;

  public constructor(log: SqlChangeLog) {
    super(log, sizeOf);
    this.tables = log;
  }

  public setupSql(table: SqlChangeTable): readonly string[] {
    return this.tables.setupSql(table);
  }

  public isSetUp(table: SqlChangeTable): SqlProgram<boolean> {
    return this.tables.isSetUp(table);
  }

  public interruptSql(table: string): readonly string[] {
    return this.tables.interruptSql(table);
  }

  public interrupt(table: string): SqlProgram<void> {
    return this.tables.interrupt(table);
  }
}

function sizeOf(row: SqlRow): number {
  let bytes = 0;
  for (const value of row) {
    bytes += typeof value === "string" || value instanceof Uint8Array ? value.length + 8 : 8;
  }
  return bytes;
}
