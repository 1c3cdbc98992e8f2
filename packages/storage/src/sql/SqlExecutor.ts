import type { CallOptions } from "@workglow/util";
import type { Eventual } from "../base/Awaitable.ts";
import type { Transaction } from "../transaction/Transaction.ts";
import type { SqlDialect } from "./SqlDialect.ts";

/** What drivers take and give. Booleans, dates and JSON are encoded by the row codec. */
export type SqlValue = string | number | bigint | Uint8Array | null;
/** A bound parameter; lists are for databases with array parameters (`unnest`, `= ANY`). */
export type SqlParam = SqlValue | readonly SqlValue[];

/** One statement, its text in the dialect's placeholders. */
export interface SqlStatement {
  readonly text: string;
  readonly params: readonly SqlParam[];
  /** The statement gives at most one row, which some drivers fetch faster. */
  readonly single?: boolean;
  /** Says how this statement and others of the same stack may run as one. */
  readonly stack?: StatementStack;
  /** Says how this read and others of the same lookup may run as one. */
  readonly lookup?: StatementLookup;
}

/**
 * Statements that each write one row, in such a way that one statement with the parameters of
 * several, one after another, does the same as they do in that order. It fails if one of them does.
 */
export interface StatementStack {
  /** The text for so many rows. */
  text(rows: number): string;
  /** One statement for the parameters of any number of rows of distinct keys, as lists. */
  listed(rows: readonly (readonly SqlParam[])[]): SqlStatement;
  /** Which of a row's parameters are its key. */
  readonly key: readonly number[];
  /**
   * The parameters by whose order rows are to be locked, so that two writers never wait for each
   * other; none where the rows have to be written in the order in which they are given.
   */
  readonly lockOrder?: readonly number[];
}

/** Reads that each find at most one row by parameters of the same meaning. */
export interface StatementLookup {
  /**
   * One statement for the parameters of several, as lists. Its rows begin with the place, from 0,
   * of the parameters that found them.
   */
  listed(params: readonly (readonly SqlParam[])[]): SqlStatement;
}

/** Rows come as arrays in the order of the selected columns, so that no column name can collide. */
export type SqlRow = readonly SqlValue[];

export interface SqlResult {
  /** Empty for a statement that returns no rows. */
  readonly rows: readonly SqlRow[];
  /** Rows inserted, updated or deleted; for a statement that returns rows, their number. */
  readonly changes: number;
}

/**
 * Several statements whose course depends on their results, written once for drivers that answer at
 * once and for those that answer later: a generator that yields statements and gets their results.
 *
 * ```ts
 * function* rename(from: string, to: string): SqlProgram<boolean> {
 *   const { changes } = yield { text: "UPDATE …", params: [to, from] };
 *   return changes > 0;
 * }
 * ```
 */
export type SqlProgram<T> = Generator<SqlStatement, T, SqlResult>;

export interface AtomicOptions extends CallOptions {
  /** A program that only reads need not take the write lock; `"write"` unless given. */
  readonly mode?: "read" | "write";
  /**
   * Of a transaction: each of its statements sees what was committed before it, as set-ups need
   * that look again after they have waited. Serializable unless given.
   */
  readonly isolation?: "read committed";
}

/** Runs SQL on one database, or inside one transaction of it. */
export interface SqlExecutor {
  readonly dialect: SqlDialect;
  /** The driver's handle or pool: the identity by which transactions are matched. */
  readonly database: object;
  /** The transaction that this executor runs in, if any. */
  readonly transactionScope: Transaction | undefined;
  /**
   * Calls travel on several connections, where they overtake each other, and lists as parameters
   * are the fastest way for many rows. Elsewhere calls take effect in the order in which they were
   * made.
   */
  readonly concurrent?: boolean;

  /**
   * Runs one statement, atomic by itself. `SqlStatement.text` should be one string object per
   * distinct statement: executors cache prepared statements by it.
   */
  execute(statement: SqlStatement, o?: AtomicOptions): Promise<SqlResult>;

  /**
   * {@link execute} without a promise, where the driver answers within the tick. The result has to
   * be listened to.
   */
  executeSoon?(statement: SqlStatement): Eventual<SqlResult>;

  /**
   * Runs a read within this call, where its result need not be waited for; `undefined` elsewhere.
   * A promise that is not made is the cheapest.
   */
  readNow?(statement: SqlStatement): SqlResult | undefined;

  /**
   * Runs a program atomically: all of its statements take effect or none. `program` may be called
   * again after a serialization failure, so it must have no side effects of its own.
   */
  atomic<T>(program: () => SqlProgram<T>, o?: AtomicOptions): Promise<T>;

  /**
   * Opens a serializable transaction (a savepoint, inside one) and runs `fn` with an executor on
   * it, inside the transaction context. Commits when `fn` resolves, rolls back when it throws.
   */
  transaction<T>(
    fn: (executor: SqlExecutor, tx: Transaction) => Promise<T>,
    o?: AtomicOptions,
  ): Promise<T>;

  /** The executor of an open transaction on the same database. */
  within(tx: Transaction): SqlExecutor;

  /** Turns a driver's error into a `StorageError` by the vendor's one table of codes. */
  classify(error: unknown, operation: string): unknown;
}
