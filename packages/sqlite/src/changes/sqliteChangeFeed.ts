import { type SqlExecutor, SqlLogChangeFeed } from "@workglow/storage/sql";
import { SqliteChangeLog, type SqliteChangeLogOptions } from "./SqliteChangeLog.ts";

/**
 * The change feed of one connection: call `wake()` on it after each commit of that connection, and
 * share it among all storages of the connection.
 */
export function sqliteChangeFeed(
  executor: SqlExecutor,
  options?: SqliteChangeLogOptions,
): SqlLogChangeFeed {
  return new SqlLogChangeFeed(new SqliteChangeLog(executor, options));
}
