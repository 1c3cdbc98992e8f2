import { assertTransactionScope, type Transaction } from "@workglow/storage";
import { type CallOptions, StorageValidationError } from "@workglow/util";
import { ClientSource, type HeldClient } from "./connection/ClientSource.ts";
import { openPostgres, type PostgresHandle } from "./PostgresDatabase.ts";
import type { PostgresOptions } from "./PostgresOptions.ts";

export interface PostgresTransactionOptions extends CallOptions, PostgresOptions {
  /**
   * A connected client of `pg` to run on. Where it is inside a transaction of yours, everything
   * becomes a part of that, and commits when you commit.
   */
  readonly client?: HeldClient;
}

/**
 * Runs `fn` in a serializable transaction. Storages of the same handle take part through
 * `storage.with(tx)`; everything done so commits when `fn` resolves, and rolls back when it throws.
 * It may run up to three times, where another transaction got in its way.
 *
 * Inside a transaction of your own (option `client`) its isolation is yours, `fn` runs once, and
 * changes reach subscribers when you commit; `put` and `delete` events, which are this process's
 * alone, are not emitted, as nobody tells the storages of your commit.
 *
 * @throws StorageTransactionError inside a transaction of the same database, whose handle has to
 *   be used there
 */
export function withTransaction<T>(
  handle: PostgresHandle,
  fn: (tx: Transaction) => Promise<T>,
  options: PostgresTransactionOptions = {},
): Promise<T> {
  const { client, signal, timeoutMs, ...rest } = options;
  const { executor } = openPostgres(handle, rest);
  const run = (_: unknown, tx: Transaction): Promise<T> => fn(tx);
  const callOptions = { signal, timeoutMs };
  if (client === undefined) return executor.transaction(run, callOptions);
  if (typeof client?.query !== "function") {
    return Promise.reject(new StorageValidationError("client is a connected client of pg"));
  }
  return inTurn(client, handle, () => {
    const source = new ClientSource(client, handle);
    return executor.transactionOn({ source, joined: source.inTransaction }, run, callOptions);
  });
}

const lastOf = new WeakMap<HeldClient, Promise<unknown>>();

/** A client has one transaction at a time: two would be one, and end with whoever ends first. */
async function inTurn<T>(
  client: HeldClient,
  handle: PostgresHandle,
  work: () => Promise<T>,
): Promise<T> {
  assertTransactionScope(handle, undefined);
  const turn = (lastOf.get(client) ?? Promise.resolve()).then(work, work);
  lastOf.set(client, turn);
  return turn;
}
