import type { Transaction } from "@workglow/storage";
import type { CallOptions } from "@workglow/util";
import type { SqliteHandle } from "./driver/SqliteDriver.ts";
import { borrowedDatabase } from "./SqliteDatabase.ts";

/**
 * Runs `fn` in a transaction on the database. Storages of the same handle take part through
 * `storage.with(tx)`; everything done so commits when `fn` resolves, and rolls back when it throws.
 * It holds the connection: calls from elsewhere wait.
 *
 * @throws StorageTransactionError inside a transaction of the same database, whose handle has to
 *   be used there
 * @throws StorageBusyError when another connection holds the lock for more than 10 s
 */
export function withTransaction<T>(
  db: SqliteHandle,
  fn: (tx: Transaction) => Promise<T>,
  options?: CallOptions,
): Promise<T> {
  return borrowedDatabase(db).executor.transaction((_, tx) => fn(tx), options);
}
