import { assertTransactionScope, type Transaction } from "@workglow/storage";
import {
  type CallOptions,
  StorageError,
  StorageValidationError,
  withCallOptions,
} from "@workglow/util";
import { IndexedDbDatabase } from "./connection/IndexedDbDatabase.ts";
import { classifyIndexedDbError } from "./indexedDbErrors.ts";

/**
 * Runs `fn` in a transaction on the database. Storages of the same database take part through
 * `storage.with(tx)`; everything done so commits when `fn` resolves, and rolls back when it throws.
 * As long as it is open everybody else's calls wait, in whatever tab: `fn` should not wait for anything
 * slow, and is given up after two seconds in which it makes no call.
 *
 * @param database the name that its storages were given, or their `IndexedDbDatabase`
 * @throws StorageTransactionError inside a transaction of the same database, whose handle has to
 *   be used there
 * @throws StorageBusyError when nothing happens in the transaction for too long
 */
export async function withTransaction<T>(
  database: string | IndexedDbDatabase,
  fn: (tx: Transaction) => Promise<T>,
  options?: CallOptions,
): Promise<T> {
  if (typeof fn !== "function") throw new StorageValidationError("a transaction takes a function");
  const opened = IndexedDbDatabase.named(database);
  assertTransactionScope(opened, undefined);
  const leave = opened.retain();
  let thrown: { readonly error: unknown } | undefined;
  try {
    return await withCallOptions(options, (signal) =>
      opened.transaction(
        undefined,
        async (tx) => {
          try {
            return await fn(tx);
          } catch (error) {
            thrown = { error };
            throw error;
          }
        },
        signal && { signal },
      ),
    );
  } catch (error) {
    // What the caller's own code throws comes back as it was.
    if (thrown?.error === error || options?.signal?.aborted) throw error;
    const typed = classifyIndexedDbError(error);
    throw typed instanceof StorageError ? typed.locate(opened.name, "withTransaction") : typed;
  } finally {
    await leave();
  }
}
