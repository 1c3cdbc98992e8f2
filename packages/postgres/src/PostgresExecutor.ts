import { assertTransactionScope, type Transaction } from "@workglow/storage";
import type {
  AtomicOptions,
  SqlDialect,
  SqlExecutor,
  SqlProgram,
  SqlResult,
  SqlStatement,
} from "@workglow/storage/sql";
import { StorageTransactionError, sleep, withCallOptions } from "@workglow/util";
import type {
  PostgresQuery,
  PostgresSession,
  PostgresSource,
} from "./connection/PostgresSource.ts";
import type { StatementNames } from "./connection/StatementNames.ts";
import { PostgresTransaction } from "./PostgresTransaction.ts";
import {
  classifyPostgresError,
  isLostStatement,
  isSerializationFailure,
  isStalePlan,
  mayRunAgain,
} from "./postgresErrors.ts";
import { runProgram } from "./runProgram.ts";
import { StatementBatches } from "./StatementBatches.ts";
import { TransactionExecutor } from "./TransactionExecutor.ts";

/** How often a transaction is tried in all that another one got in the way of. */
const ATTEMPTS = 3;
const LONGEST_PAUSE_MS = 20;

type RunStatement = (statement: SqlStatement) => Promise<SqlResult>;

/** What a transaction runs on, where it is not the executor's own source. */
export interface TransactionPlace {
  readonly source: PostgresSource;
  /** Whether it is a part of a transaction whose commit is the user's. */
  readonly joined: boolean;
}

/**
 * Runs each call on whatever connection is free. Point reads and upserts of one tick share a
 * statement; transactions have a connection each, and are run again when another one was in the
 * way.
 */
export class PostgresExecutor implements SqlExecutor {
  public readonly dialect: SqlDialect;
  public readonly database: object;
  public readonly transactionScope = undefined;
  public readonly concurrent = true;
  private readonly source: PostgresSource;
  private readonly names: StatementNames;
  private readonly batches: StatementBatches;
  private onCommit: (() => void) | undefined;
  private onJoined: ((run: RunStatement) => Promise<void>) | undefined;

  public constructor(source: PostgresSource, dialect: SqlDialect, names: StatementNames) {
    this.source = source;
    this.dialect = dialect;
    this.database = source.handle;
    this.names = names;
    this.batches = new StatementBatches(
      (statement) => this.runAlone(statement),
      classifyPostgresError,
    );
  }

  public execute(statement: SqlStatement, o?: AtomicOptions): Promise<SqlResult> {
    if (o?.timeoutMs !== undefined) {
      const { mode } = o;
      return withCallOptions(o, (signal) => this.execute(statement, { signal, mode }));
    }
    if (o?.signal === undefined && this.batches.takes(statement)) {
      return this.batches.join(statement);
    }
    return this.runAlone(statement, o?.signal);
  }

  public atomic<T>(program: () => SqlProgram<T>, o?: AtomicOptions): Promise<T> {
    if (o?.timeoutMs !== undefined) {
      const { mode } = o;
      return withCallOptions(o, (signal) => this.atomic(program, { signal, mode }));
    }
    const onCommit = o?.mode === "read" ? undefined : this.onCommit;
    return this.runAtomic(program, o, onCommit);
  }

  /** {@link atomic} for bookkeeping of the library's own, of whose commit nobody is told. */
  public aside<T>(program: () => SqlProgram<T>): Promise<T> {
    return this.runAtomic(program, undefined, undefined);
  }

  public transaction<T>(
    fn: (executor: SqlExecutor, tx: Transaction) => Promise<T>,
    o?: AtomicOptions,
  ): Promise<T> {
    return this.transactionOn({ source: this.source, joined: false }, fn, o);
  }

  /** {@link transaction}, on a connection that the user holds. */
  public transactionOn<T>(
    place: TransactionPlace,
    fn: (executor: SqlExecutor, tx: Transaction) => Promise<T>,
    o?: AtomicOptions,
  ): Promise<T> {
    if (o?.timeoutMs !== undefined) {
      const { mode, isolation } = o;
      return withCallOptions(o, (signal) =>
        this.transactionOn(place, fn, { signal, mode, isolation }),
      );
    }
    return this.attempts(
      o?.signal,
      () => this.transactOnce(place, fn, o),
      place.joined ? 1 : ATTEMPTS,
    );
  }

  public within(tx: Transaction): SqlExecutor {
    if (tx instanceof PostgresTransaction && tx.database === this.database) return tx.executor;
    throw new StorageTransactionError("the transaction belongs to another database");
  }

  public classify(error: unknown, _operation: string): unknown {
    return classifyPostgresError(error);
  }

  /** Calls `fn` after each commit of this executor's that may have changed something. */
  public watchCommits(fn: () => void): void {
    this.onCommit = fn;
  }

  /** Calls `fn` at the end of transactions whose commit is the user's, on their connection. */
  public watchJoined(fn: (run: RunStatement) => Promise<void>): void {
    this.onJoined = fn;
  }

  /** Runs a statement of a transaction. */
  public async runOn(
    session: PostgresSession,
    statement: SqlStatement,
    signal: AbortSignal | undefined,
  ): Promise<SqlResult> {
    try {
      return await session.run(this.named(statement), signal);
    } catch (error) {
      this.voids(error, statement.text);
      throw error;
    }
  }

  /** The statement as a connection takes it. */
  private named({ text, params }: SqlStatement): PostgresQuery {
    return { text, params, name: this.names.nameOf(text) };
  }

  private runAtomic<T>(
    program: () => SqlProgram<T>,
    o: AtomicOptions | undefined,
    onCommit: (() => void) | undefined,
  ): Promise<T> {
    const isolation = o?.mode === "read" ? "snapshot" : "read committed";
    return this.attempts(o?.signal, async () => {
      const session = await this.source.begin(isolation, o?.signal);
      let value: T;
      try {
        value = await runProgram(program(), (statement) =>
          this.runOn(session, statement, o?.signal),
        );
      } catch (error) {
        await session.rollback();
        throw error;
      }
      await session.commit();
      onCommit?.();
      return value;
    });
  }

  private async transactOnce<T>(
    { source, joined }: TransactionPlace,
    fn: (executor: SqlExecutor, tx: Transaction) => Promise<T>,
    o: AtomicOptions | undefined,
  ): Promise<T> {
    assertTransactionScope(this.database, undefined);
    const signal = o?.signal;
    const session = await typed(source.begin(o?.isolation ?? "serializable", signal), signal);
    const scope = new PostgresTransaction(this.database, undefined, joined);
    const executor = new TransactionExecutor(this, session, scope, signal);
    let result: T;
    try {
      result = await executor.runFunction(fn);
      await typed(this.finish(session, joined), signal);
    } catch (error) {
      await session.rollback();
      scope.rolledBack();
      // Whatever the function made of it, it comes of this.
      throw executor.conflict === undefined ? error : classifyPostgresError(executor.conflict);
    }
    this.onCommit?.();
    scope.committed();
    return result;
  }

  private async finish(session: PostgresSession, joined: boolean): Promise<void> {
    if (joined) await this.onJoined?.((statement) => this.runOn(session, statement, undefined));
    await session.commit();
  }

  private runAlone(statement: SqlStatement, signal?: AbortSignal): Promise<SqlResult> {
    const query = this.named(statement);
    const told = this.onCommit !== undefined && !isRead(statement.text);
    const ran = this.source
      .run(query, signal)
      .catch((error: unknown) => this.runAgain(query, error, signal));
    return told ? ran.then(this.committed) : ran;
  }

  /** Runs a statement once more that has failed without an effect, where that may help. */
  private runAgain(
    query: PostgresQuery,
    error: unknown,
    signal: AbortSignal | undefined,
  ): Promise<SqlResult> {
    if (query.name !== undefined && this.voids(error, query.text)) {
      return this.source.run({ ...query, name: undefined }, signal);
    }
    if (!isSerializationFailure(error)) throw error;
    return this.attempts(signal, () => this.source.run(query, signal), ATTEMPTS - 1);
  }

  private readonly committed = (result: SqlResult): SqlResult => {
    this.onCommit?.();
    return result;
  };

  /** Whether a prepared statement failed for being one, so that it may run unprepared. */
  private voids(error: unknown, text: string): boolean {
    if (isStalePlan(error)) this.names.forget(text);
    else if (isLostStatement(error)) this.names.turnOff();
    else return false;
    return true;
  }

  /** Runs a transaction again that another one was in the way of. */
  private async attempts<T>(
    signal: AbortSignal | undefined,
    attempt: () => Promise<T>,
    most = ATTEMPTS,
  ): Promise<T> {
    for (let left = most; ; left--) {
      try {
        return await attempt();
      } catch (error) {
        if (left <= 1 || !mayRunAgain(error) || signal?.aborted === true) throw error;
        await sleep(LONGEST_PAUSE_MS * Math.random(), signal);
      }
    }
  }
}

/** Errors of the database typed; the reason of an aborted signal as it is. */
async function typed<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw signal?.aborted && error === signal.reason ? error : classifyPostgresError(error);
  }
}

const isRead = (text: string): boolean => text.startsWith("SELECT");
