import {
  assertTransactionScope,
  runInTransactionContext,
  type Transaction,
} from "@workglow/storage";
import type {
  AtomicOptions,
  SqlDialect,
  SqlExecutor,
  SqlProgram,
  SqlResult,
  SqlStatement,
} from "@workglow/storage/sql";
import { StorageTransactionError, untilAborted, withCallOptions } from "@workglow/util";
import type { PostgresSession } from "./connection/PostgresSource.ts";
import type { PostgresExecutor } from "./PostgresExecutor.ts";
import { PostgresTransaction } from "./PostgresTransaction.ts";
import { mayRunAgain } from "./postgresErrors.ts";
import { runProgram } from "./runProgram.ts";

/**
 * The calls inside one transaction, or one savepoint of it, one after the other. What fails is
 * undone to a savepoint right before it, as the server would refuse everything after it else.
 */
export class TransactionExecutor implements SqlExecutor {
  public readonly dialect: SqlDialect;
  public readonly database: object;
  public readonly transactionScope: PostgresTransaction;
  public readonly concurrent = true;
  /** Why this transaction cannot commit any more, and had better be run again. */
  public conflict: unknown;
  private readonly root: PostgresExecutor;
  private readonly session: PostgresSession;
  private readonly parent: TransactionExecutor | undefined;
  private readonly depth: number;
  private readonly signal: AbortSignal | undefined;
  /** Whether the savepoint of an earlier call is still set. */
  private guarded = false;
  private last: Promise<unknown> = Promise.resolve();

  public constructor(
    root: PostgresExecutor,
    session: PostgresSession,
    scope: PostgresTransaction,
    signal: AbortSignal | undefined,
    parent?: TransactionExecutor,
  ) {
    this.root = root;
    this.session = session;
    this.dialect = root.dialect;
    this.database = root.database;
    this.transactionScope = scope;
    this.parent = parent;
    this.depth = parent === undefined ? 0 : parent.depth + 1;
    this.signal = signal;
    scope.executor = this;
  }

  /** Runs the user's function and waits for all that it began. */
  public async runFunction<T>(
    fn: (executor: SqlExecutor, tx: Transaction) => Promise<T>,
  ): Promise<T> {
    const scope = this.transactionScope;
    try {
      const result = await untilAborted(
        runInTransactionContext(scope, async () => fn(this, scope)),
        this.signal,
      );
      scope.end();
      await this.last;
      if (this.conflict !== undefined) throw this.conflict;
      return result;
    } catch (error) {
      scope.end();
      await this.last;
      throw error;
    }
  }

  public execute(statement: SqlStatement, o?: AtomicOptions): Promise<SqlResult> {
    if (o?.timeoutMs !== undefined) {
      const { mode } = o;
      return withCallOptions(o, (signal) => this.execute(statement, { signal, mode }));
    }
    const signal = this.signalOf(o);
    const run = (): Promise<SqlResult> => this.root.runOn(this.session, statement, signal);
    const unguarded = o?.signal === undefined && isHarmless(statement, o);
    return this.inTurn(() => (unguarded ? run() : this.guard(run)));
  }

  public atomic<T>(program: () => SqlProgram<T>, o?: AtomicOptions): Promise<T> {
    if (o?.timeoutMs !== undefined) {
      const { mode } = o;
      return withCallOptions(o, (signal) => this.atomic(program, { signal, mode }));
    }
    const signal = this.signalOf(o);
    return this.inTurn(() =>
      this.guard(() =>
        runProgram(program(), (statement) => this.root.runOn(this.session, statement, signal)),
      ),
    );
  }

  public async transaction<T>(
    fn: (executor: SqlExecutor, tx: Transaction) => Promise<T>,
    o?: AtomicOptions,
  ): Promise<T> {
    if (o?.timeoutMs !== undefined) {
      const { mode } = o;
      return withCallOptions(o, (signal) => this.transaction(fn, { signal, mode }));
    }
    assertTransactionScope(this.database, this.transactionScope);
    return this.inTurn(() => this.nested(fn, this.signalOf(o)));
  }

  public within(tx: Transaction): SqlExecutor {
    return this.root.within(tx);
  }

  public classify(error: unknown, operation: string): unknown {
    return this.root.classify(error, operation);
  }

  private async nested<T>(
    fn: (executor: SqlExecutor, tx: Transaction) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const savepoint = `workglow_${this.depth}`;
    const scope = new PostgresTransaction(this.database, this.transactionScope);
    const inner = new TransactionExecutor(this.root, this.session, scope, signal, this);
    await this.session.command(`SAVEPOINT ${savepoint}`);
    try {
      const result = await inner.runFunction(fn);
      await this.session.command(`RELEASE SAVEPOINT ${savepoint}`);
      scope.committed();
      return result;
    } catch (error) {
      scope.rolledBack();
      await this.undoTo(savepoint);
      await this.session.command(`RELEASE SAVEPOINT ${savepoint}`).catch(() => undefined);
      throw error;
    }
  }

  /** Runs what may fail so that the transaction survives it. */
  private async guard<T>(work: () => Promise<T>): Promise<T> {
    const savepoint = `workglow_call_${this.depth}`;
    const set = `SAVEPOINT ${savepoint}`;
    await this.session.command(this.guarded ? `RELEASE ${set}; ${set}` : set);
    this.guarded = true;
    try {
      return await work();
    } catch (error) {
      this.note(error);
      await this.undoTo(savepoint);
      throw error;
    }
  }

  private async undoTo(savepoint: string): Promise<void> {
    // A connection that is gone tells so at the next call, at the commit at the latest.
    await this.session.command(`ROLLBACK TO SAVEPOINT ${savepoint}`).catch(() => undefined);
  }

  /** A call stops with its own signal and with the transaction's. */
  private signalOf(o: AtomicOptions | undefined): AbortSignal | undefined {
    if (o?.signal === undefined || this.signal === undefined) return o?.signal ?? this.signal;
    return AbortSignal.any([o.signal, this.signal]);
  }

  private note(error: unknown): void {
    if (!mayRunAgain(error)) return;
    for (let at: TransactionExecutor | undefined = this; at !== undefined; at = at.parent) {
      at.conflict ??= error;
    }
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (!this.transactionScope.open) {
      return Promise.reject(
        new StorageTransactionError("the transaction of this handle has ended"),
      );
    }
    const turn = this.last.then(work);
    this.last = turn.catch((error: unknown) => this.note(error));
    return turn;
  }
}

/** Reads leave nothing to undo. */
function isHarmless(statement: SqlStatement, o: AtomicOptions | undefined): boolean {
  return o?.mode === "read" || statement.text.startsWith("SELECT");
}
