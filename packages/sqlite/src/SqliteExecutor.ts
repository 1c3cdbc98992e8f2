import {
  assertTransactionScope,
  type Eventual,
  runInTransactionContext,
  type Transaction,
  TransactionScope,
} from "@workglow/storage";
import type {
  AtomicOptions,
  SqlExecutor,
  SqlProgram,
  SqlResult,
  SqlStatement,
} from "@workglow/storage/sql";
import {
  atEndOfTick,
  StorageTransactionError,
  sleep,
  untilAborted,
  withCallOptions,
} from "@workglow/util";
import type { SqliteConnection } from "./SqliteConnection.ts";
import { SqliteFrame } from "./SqliteFrame.ts";
import { Blocked, runGroup } from "./SqliteGroup.ts";
import { ProgramJob, type SqliteJob, StatementJob, TurnJob } from "./SqliteJob.ts";
import { sqliteDialect } from "./sqliteDialect.ts";
import { classifySqliteError, isBusy } from "./sqliteErrors.ts";

/** How long a call tries to get past another connection's lock, in ms, before it is busy. */
const BUSY_DEADLINE_MS = 10_000;
const FIRST_PAUSE_MS = 4;
const LONGEST_PAUSE_MS = 50;
/** After so many calls the event loop, and other processes, get their turn. */
const MOST_IN_GROUP = 10_000;

class SqliteTransaction extends TransactionScope {
  public readonly executor: SqliteExecutor;

  public constructor(executor: SqliteExecutor, parent: SqliteTransaction | undefined) {
    super(executor.database, parent);
    this.executor = executor;
  }
}

/**
 * Brings the calls of all storages of one connection into order. Reads run at once where nothing
 * is pending; writes of one tick run in one synchronous block as one transaction, and settle after
 * its commit. An asynchronous transaction holds the connection, and is a scheduler of the same
 * kind for the calls that are made inside it.
 */
export class SqliteExecutor implements SqlExecutor {
  public readonly dialect = sqliteDialect;
  public readonly database: object;
  public readonly transactionScope: SqliteTransaction | undefined;
  private readonly connection: SqliteConnection;
  private readonly frame: SqliteFrame;
  /** Aborts the transaction that this level is, and with it those inside. */
  private readonly signal: AbortSignal | undefined;
  private queue: SqliteJob[] = [];
  /** A transaction inside this level is open. */
  private held = false;
  private scheduled = false;
  private working = false;
  private pauses = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly idleWaiters: (() => void)[] = [];
  /** Told after each commit that may have changed something. */
  private onCommit: (() => void) | undefined;

  public constructor(connection: SqliteConnection, parent?: SqliteExecutor, signal?: AbortSignal) {
    this.connection = connection;
    this.frame = new SqliteFrame(connection, parent?.frame);
    this.signal = signal;
    this.database = connection.handle;
    this.transactionScope =
      parent === undefined ? undefined : new SqliteTransaction(this, parent.transactionScope);
  }

  public execute(statement: SqlStatement, o?: AtomicOptions): Promise<SqlResult> {
    if (o?.timeoutMs !== undefined) {
      const { mode } = o;
      return withCallOptions(o, (signal) => this.execute(statement, { signal, mode }));
    }
    const readOnly = o?.mode === "read" || this.connection.isReadOnly(statement.text);
    if (this.free && (readOnly || this.frame.depth > 0) && o?.signal === undefined) {
      try {
        return Promise.resolve(this.frame.run(statement));
      } catch (error) {
        if (!isBusy(error)) return Promise.reject(classifySqliteError(error));
      }
    }
    return this.enqueue(new StatementJob(statement, readOnly, o?.signal)).toPromise();
  }

  public executeSoon(statement: SqlStatement): Eventual<SqlResult> {
    const readOnly = this.connection.isReadOnly(statement.text);
    return this.enqueue(new StatementJob(statement, readOnly));
  }

  public readNow(statement: SqlStatement): SqlResult | undefined {
    if (!this.free) return undefined;
    try {
      return this.frame.run(statement);
    } catch (error) {
      if (isBusy(error)) return undefined;
      throw classifySqliteError(error);
    }
  }

  public atomic<T>(program: () => SqlProgram<T>, o?: AtomicOptions): Promise<T> {
    if (o?.timeoutMs !== undefined) {
      const { mode } = o;
      return withCallOptions(o, (signal) => this.atomic(program, { signal, mode }));
    }
    return this.enqueue(new ProgramJob(program, o?.mode === "read", o?.signal)).toPromise();
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
    const signal = eitherOf(o?.signal, this.signal);
    await this.enqueue(new TurnJob(o?.mode === "read", signal));
    const child = new SqliteExecutor(this.connection, this, signal);
    const scope = child.transactionScope as SqliteTransaction;
    let result: T;
    try {
      // The grant is told in a later microtask than it is given, and until then nobody listens.
      signal?.throwIfAborted();
      result = await untilAborted(
        runInTransactionContext(scope, async () => fn(child, scope)),
        signal,
      );
      await child.finished();
      await this.commit();
    } catch (error) {
      await child.finished();
      this.frame.undo();
      scope.rolledBack();
      this.letOthersIn();
      throw error;
    }
    this.letOthersIn();
    if (o?.mode !== "read") this.onCommit?.();
    scope.committed();
    return result;
  }

  public within(tx: Transaction): SqlExecutor {
    if (tx instanceof SqliteTransaction && tx.database === this.database) return tx.executor;
    throw new StorageTransactionError("the transaction belongs to another database");
  }

  public classify(error: unknown, _operation: string): unknown {
    return classifySqliteError(error);
  }

  /** Resolves once nothing is pending or open at this level. */
  public idle(): Promise<void> {
    if (!this.held && this.queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleWaiters.push(resolve));
  }

  /** Calls `fn` after each commit of this connection that may have changed something. */
  public watchCommits(fn: () => void): void {
    this.onCommit = fn;
  }

  // ——— order

  /** Whether a call may run at once without overtaking another. */
  private get free(): boolean {
    return (
      this.queue.length === 0 &&
      !this.held &&
      !this.working &&
      this.connection.ready &&
      this.transactionScope?.open !== false
    );
  }

  private enqueue<T>(job: SqliteJob<T>): Eventual<T> {
    try {
      if (this.transactionScope?.open === false) {
        throw new StorageTransactionError("the transaction of this handle has ended");
      }
      if (this.held) assertTransactionScope(this.database, this.transactionScope);
    } catch (error) {
      job.reject(error);
      return job;
    }
    this.queue.push(job as SqliteJob);
    this.schedule();
    return job;
  }

  private schedule(): void {
    if (this.scheduled || this.held || this.working || this.timer !== undefined) return;
    const [first] = this.queue;
    // Inside a transaction there is no commit to share, and a read has nothing to wait for.
    if (this.frame.depth > 0 || (this.queue.length === 1 && first?.readOnly)) {
      this.work();
      return;
    }
    this.scheduled = true;
    atEndOfTick(() => {
      this.scheduled = false;
      this.work();
    });
  }

  private work(): void {
    if (this.working) return;
    this.working = true;
    try {
      while (this.queue.length > 0 && !this.held) {
        const group = this.nextGroup();
        if (!this.runNow(group)) return;
        this.pauses = 0;
        if (group.length === MOST_IN_GROUP) {
          this.workAfter(0);
          return;
        }
      }
    } finally {
      this.working = false;
    }
    if (!this.held) for (const resolve of this.idleWaiters.splice(0)) resolve();
  }

  /** The calls at the head of the queue that may share a transaction. */
  private nextGroup(): SqliteJob[] {
    let end = 0;
    const most = Math.min(this.queue.length, MOST_IN_GROUP);
    while (end < most && travelsTogether(this.queue[end] as SqliteJob)) end++;
    if (end === this.queue.length) {
      const all = this.queue;
      this.queue = [];
      return all;
    }
    return this.queue.splice(0, Math.max(end, 1));
  }

  /** Runs jobs and settles them; false when another connection's lock is in the way. */
  private runNow(jobs: SqliteJob[]): boolean {
    try {
      runGroup(this.frame, jobs);
    } catch (error) {
      if (!(error instanceof Blocked)) return this.postpone(jobs, error);
      this.settle(jobs.slice(0, error.done));
      return this.postpone(jobs.slice(error.done), error.reason);
    }
    const [first] = jobs;
    this.held = first instanceof TurnJob && !first.failed;
    this.settle(jobs);
    return true;
  }

  private settle(jobs: readonly SqliteJob[]): void {
    for (const job of jobs) job.settle();
    if (this.onCommit !== undefined && !jobs.every((job) => job.readOnly)) this.onCommit();
  }

  /**
   * Puts jobs back to the head of the queue and tries again later. Those that have waited too long,
   * behind others too, are busy.
   */
  private postpone(jobs: readonly SqliteJob[], error: unknown): false {
    const now = performance.now();
    this.queue = [...jobs, ...this.queue].filter((job) => {
      job.blockedSince ??= now;
      if (now - job.blockedSince < BUSY_DEADLINE_MS && !job.signal?.aborted) return true;
      job.fail(error);
      job.settle();
      return false;
    });
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.pauses++, LONGEST_PAUSE_MS);
    this.workAfter(pause * (0.5 + Math.random()));
    return false;
  }

  private workAfter(ms: number): void {
    if (this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.work();
    }, ms);
  }

  // ——— transactions

  /** Commits an asynchronous transaction; without a write-ahead log readers can be in its way. */
  private async commit(): Promise<void> {
    const deadline = performance.now() + BUSY_DEADLINE_MS;
    for (;;) {
      try {
        this.frame.release();
        return;
      } catch (error) {
        if (!isBusy(error) || performance.now() > deadline) throw classifySqliteError(error);
        await sleep(LONGEST_PAUSE_MS * Math.random());
      }
    }
  }

  /** Ends this transaction's intake and waits for what was begun inside it. */
  private async finished(): Promise<void> {
    this.transactionScope?.end();
    await this.idle();
  }

  private letOthersIn(): void {
    this.held = false;
    this.work();
  }
}

function travelsTogether(job: SqliteJob): boolean {
  return job.signal === undefined && !(job instanceof TurnJob);
}

function eitherOf(
  one: AbortSignal | undefined,
  other: AbortSignal | undefined,
): AbortSignal | undefined {
  return one !== undefined && other !== undefined ? AbortSignal.any([one, other]) : (one ?? other);
}
