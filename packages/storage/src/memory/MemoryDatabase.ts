import {
  type CallOptions,
  checkText,
  StorageTransactionError,
  StorageValidationError,
  withCallOptions,
} from "@workglow/util";
import type { Awaitable } from "../base/Awaitable.ts";
import {
  assertTransactionScope,
  callsAreFollowed,
  runInTransactionContext,
  type Transaction,
} from "../transaction/Transaction.ts";
import { MemoryTransaction } from "./MemoryTransaction.ts";
import { WriteUnit } from "./WriteUnit.ts";

export interface MemoryDatabaseOptions {
  /** How many changes each table keeps for subscribers that give `since`; 1,000 unless given. */
  readonly changeLogLength?: number;
  /**
   * Milliseconds that a call waits for a transaction in which nothing happens before it fails with
   * a `StorageTransactionError`. Without a limit unless given, but 2,000 where the runtime cannot
   * tell a call that went past the handle from a call from elsewhere (browsers).
   */
  readonly idleLimitMs?: number;
}

interface Waiting {
  readonly scope: Transaction | undefined;
  start(): void;
  giveUp(reason: unknown): void;
}

const DEFAULT_LOG_LENGTH = 1000;
const BROWSER_IDLE_LIMIT_MS = 2000;

/**
 * What in-memory storages share when they are given the same one: tables by name, and transactions.
 *
 * Work on it is synchronous, so it needs no lock by itself. A transaction, whose function awaits,
 * holds the database for itself: calls from elsewhere wait, in order, until it has ended.
 */
export class MemoryDatabase {
  public readonly changeLogLength: number;
  private readonly idleLimitMs: number;
  private readonly tables = new Map<string, object>();
  private readonly waiting: Waiting[] = [];
  /** The innermost open transaction. */
  private current: MemoryTransaction | undefined;
  /** Grows with everything that happens in transactions: one that stands still is idle. */
  private steps = 0;

  /** @throws StorageValidationError for an option that is no positive number */
  public constructor(options: MemoryDatabaseOptions = {}) {
    const { changeLogLength = DEFAULT_LOG_LENGTH } = options;
    const unlimited = callsAreFollowed ? Number.POSITIVE_INFINITY : BROWSER_IDLE_LIMIT_MS;
    const { idleLimitMs = unlimited } = options;
    if (!Number.isSafeInteger(changeLogLength) || changeLogLength < 1) {
      throw new StorageValidationError("changeLogLength is an integer of 1 or more");
    }
    if (!(idleLimitMs > 0)) {
      throw new StorageValidationError("idleLimitMs is a number of milliseconds above 0");
    }
    this.changeLogLength = changeLogLength;
    this.idleLimitMs = idleLimitMs;
  }

  /**
   * The table of that kind and name, made by the first storage that asks for it.
   *
   * @throws StorageValidationError for a name that is empty, or no text that databases keep
   */
  public table<Table extends object>(kind: string, name: string, create: () => Table): Table {
    if (typeof name !== "string" || name === "") {
      throw new StorageValidationError("a table needs a name");
    }
    checkText(name, "the name of a table");
    const id = `${kind}:${name}`;
    const found = this.tables.get(id) as Table | undefined;
    if (found !== undefined) return found;
    const created = create();
    this.tables.set(id, created);
    return created;
  }

  /**
   * Runs `work` when it is the turn of `scope` (a transaction, or `undefined` for calls outside of
   * any): at once unless a transaction is open, and in the order of the calls. It gets the open
   * transaction, to which it has to add what it changes.
   *
   * @throws whatever `work` throws; the reason of `o.signal` when it aborts a call that waits;
   * StorageTransactionError after the idle limit
   */
  public run<T>(
    scope: Transaction | undefined,
    o: CallOptions | undefined,
    work: (transaction: MemoryTransaction | undefined) => T,
  ): Awaitable<T> {
    if (this.current !== scope) return this.wait(scope, o?.signal, work);
    if (scope !== undefined) this.steps++;
    return work(this.current);
  }

  /** Like {@link run}, for changes that may fail half-way: all of them are made or none. */
  public write<T>(
    scope: Transaction | undefined,
    o: CallOptions | undefined,
    work: (unit: WriteUnit) => T,
  ): Awaitable<T> {
    return this.run(scope, o, (transaction) => {
      const unit = new WriteUnit();
      let result: T;
      try {
        result = work(unit);
      } catch (error) {
        unit.undo();
        throw error;
      }
      unit.complete(transaction);
      return result;
    });
  }

  /**
   * Opens a transaction, or a savepoint in `parent`, and runs `fn` in its context. It commits when
   * `fn` resolves and rolls back when `fn` throws or `o.signal` aborts.
   */
  public async transaction<T>(
    parent: Transaction | undefined,
    fn: (tx: Transaction) => Promise<T>,
    o?: CallOptions,
  ): Promise<T> {
    const tx = await this.run(parent, o, () => this.begin());
    const onAbort = (): void => this.rollBack(tx);
    o?.signal?.addEventListener("abort", onAbort, { once: true });
    try {
      o?.signal?.throwIfAborted();
      const result = await runInTransactionContext(tx, () => fn(tx));
      await this.commit(tx, o);
      return result;
    } catch (error) {
      this.rollBack(tx);
      throw error;
    } finally {
      o?.signal?.removeEventListener("abort", onAbort);
    }
  }

  private begin(): MemoryTransaction {
    this.steps++;
    this.current = new MemoryTransaction(this, this.current);
    return this.current;
  }

  private async commit(tx: MemoryTransaction, o: CallOptions | undefined): Promise<void> {
    tx.end();
    // A savepoint that nobody awaited belongs to the transaction all the same.
    if (this.current !== tx) await this.wait(tx, o?.signal, () => undefined);
    // Listeners that hear of the commit may make calls: these come after all that it has to tell.
    tx.committed();
    this.leave(tx);
  }

  /** Rolls `tx` back, with the savepoints that are open in it. */
  private rollBack(tx: MemoryTransaction): void {
    while (!tx.finished && this.current !== undefined) {
      const innermost = this.current;
      innermost.rolledBack();
      this.leave(innermost);
    }
  }

  private leave(tx: MemoryTransaction): void {
    this.steps++;
    this.current = tx.parent;
    this.startWaiting();
  }

  private startWaiting(): void {
    for (let at = 0; at < this.waiting.length; ) {
      const next = this.waiting[at] as Waiting;
      if (next.scope === this.current) {
        this.waiting.splice(at, 1);
        next.start();
      } else if (next.scope instanceof MemoryTransaction && next.scope.finished) {
        this.waiting.splice(at, 1);
        next.giveUp(endedError());
      } else {
        at++;
      }
    }
  }

  private wait<T>(
    scope: Transaction | undefined,
    signal: AbortSignal | undefined,
    work: (transaction: MemoryTransaction | undefined) => T,
  ): Promise<T> {
    if (scope instanceof MemoryTransaction && scope.finished) return Promise.reject(endedError());
    return new Promise<T>((resolve, reject) => {
      const stopWaiting = (): void => {
        stopTimer();
        signal?.removeEventListener("abort", onAbort);
      };
      const waiting: Waiting = {
        scope,
        start: () => {
          stopWaiting();
          try {
            resolve(this.run(scope, undefined, work));
          } catch (error) {
            reject(error);
          }
        },
        giveUp: (reason) => {
          stopWaiting();
          reject(reason);
        },
      };
      const leaveQueue = (reason: unknown): void => {
        this.waiting.splice(this.waiting.indexOf(waiting), 1);
        waiting.giveUp(reason);
      };
      const onAbort = (): void => leaveQueue(signal?.reason);
      const stopTimer = this.afterIdleLimit(() => leaveQueue(idleError()));
      signal?.addEventListener("abort", onAbort, { once: true });
      this.waiting.push(waiting);
    });
  }

  /** Calls `fn` once nothing has happened in transactions for the idle limit. */
  private afterIdleLimit(fn: () => void): () => void {
    if (this.idleLimitMs === Number.POSITIVE_INFINITY) return () => undefined;
    let seen = this.steps;
    const timer = setInterval(() => {
      if (this.steps === seen) fn();
      seen = this.steps;
    }, this.idleLimitMs);
    return () => clearInterval(timer);
  }
}

function endedError(): StorageTransactionError {
  return new StorageTransactionError("the transaction of this handle has ended");
}

function idleError(): StorageTransactionError {
  return new StorageTransactionError(
    "waited for a transaction in which nothing happens; inside a transaction use the handle that it gives",
  );
}

/**
 * Runs `fn` in a transaction on `database`, which storages join by `storage.with(tx)`: what they do
 * through these views commits together when `fn` resolves and is undone when it throws.
 *
 * @throws StorageTransactionError inside another transaction on the same database
 * @throws whatever `fn` throws
 */
export async function withTransaction<T>(
  database: MemoryDatabase,
  fn: (tx: Transaction) => Promise<T>,
  options?: CallOptions,
): Promise<T> {
  if (typeof fn !== "function") throw new StorageValidationError("a transaction takes a function");
  assertTransactionScope(database, undefined);
  return withCallOptions(options, (signal) =>
    database.transaction(undefined, fn, signal && { signal }),
  );
}
