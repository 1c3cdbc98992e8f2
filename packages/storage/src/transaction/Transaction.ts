import { createAsyncContext, StorageTransactionError } from "@workglow/util";

/**
 * An open transaction on one database. Storages join it through `storage.with(tx)`; everything done
 * through those views commits or rolls back together.
 */
export interface Transaction {
  /** Identity of the database: the driver's handle, pool or `MemoryDatabase`. */
  readonly database: object;
  /** The enclosing transaction, when this one is a savepoint. */
  readonly parent: Transaction | undefined;
  /** False once the function that was given the handle has settled. */
  readonly open: boolean;
  /**
   * Whether it is part of a transaction of the user's own, whose outcome only the user knows: what
   * waits for the commit is dropped then.
   */
  readonly joined: boolean;
  /** Runs `fn` after the outermost transaction has committed; drops it when any level rolls back. */
  onCommit(fn: () => void): void;
}

const context = createAsyncContext<Transaction | undefined>();
let openTransactions = 0;

/**
 * Whether a call past the handle is found at once. Where the runtime cannot follow calls (browsers),
 * such a call waits for the transaction that waits for it, until a database's idle limit ends that.
 */
export const callsAreFollowed: boolean = context.tracks;

/** Runs `fn` with `tx` as the current transaction, so that calls past the handle can be told. */
export async function runInTransactionContext<T>(
  tx: Transaction,
  fn: () => Promise<T>,
): Promise<T> {
  openTransactions++;
  try {
    return await context.run(tx, fn);
  } finally {
    openTransactions--;
  }
}

/**
 * Runs `fn` as if no transaction were open around it: for work of a storage's own, which is no part
 * of the call that happens to start it.
 */
export function outsideTransactions<T>(fn: () => T): T {
  return context.run(undefined, fn);
}

/**
 * Refuses a call that would deadlock or bleed: inside a transaction's function only the innermost
 * handle may be used, and a handle only while its function runs.
 *
 * @throws StorageTransactionError
 */
export function assertTransactionScope(database: object, scope: Transaction | undefined): void {
  if (scope !== undefined && !scope.open) {
    throw new StorageTransactionError("the transaction of this handle has ended");
  }
  if (openTransactions === 0 || !context.tracks) return;
  const current = context.current();
  if (current === undefined || !current.open || current === scope) return;
  if (current.database !== database) return;
  throw new StorageTransactionError(
    "inside a transaction use the handle that it gives; this call went past it",
  );
}

/**
 * Bookkeeping of a transaction's callbacks, shared by every backend: a savepoint hands its callbacks
 * to its parent when it is released, the outermost transaction runs them after the commit.
 */
export class TransactionScope implements Transaction {
  public readonly database: object;
  public readonly parent: TransactionScope | undefined;
  public readonly joined: boolean;
  private callbacks: (() => void)[] = [];
  private ended = false;

  public constructor(database: object, parent?: TransactionScope, joined = false) {
    this.database = database;
    this.parent = parent;
    this.joined = joined || parent?.joined === true;
  }

  public get open(): boolean {
    return !this.ended;
  }

  public onCommit(fn: () => void): void {
    this.callbacks.push(fn);
  }

  /** Ends the intake of calls, before the commit or rollback is sent. */
  public end(): void {
    this.ended = true;
  }

  /** To be called once the commit (or the release of the savepoint) is certain. */
  public committed(): void {
    this.ended = true;
    const callbacks = this.callbacks;
    this.callbacks = [];
    if (this.parent !== undefined) {
      for (const fn of callbacks) this.parent.onCommit(fn);
      return;
    }
    for (const fn of callbacks) fn();
  }

  public rolledBack(): void {
    this.ended = true;
    this.callbacks = [];
  }
}
