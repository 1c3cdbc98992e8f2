import { Eventual } from "@workglow/storage";
import type { SqlProgram, SqlResult, SqlStatement } from "@workglow/storage/sql";
import { classifySqliteError } from "./sqliteErrors.ts";

type Run = (statement: SqlStatement) => SqlResult;

/** One call that waits for its turn on a connection, and its result. */
export abstract class SqliteJob<T = unknown> extends Eventual<T> {
  public readonly readOnly: boolean;
  /** A call with a signal travels alone; an aborted one is not begun. */
  public readonly signal: AbortSignal | undefined;
  /** When another connection was first in its way, in ms of `performance.now()`. */
  public blockedSince: number | undefined;
  private result: T | undefined;
  private failure: { readonly error: unknown } | undefined;

  protected constructor(readOnly: boolean, signal: AbortSignal | undefined) {
    super();
    this.readOnly = readOnly;
    this.signal = signal;
  }

  public succeed(value: T): void {
    this.result = value;
    this.failure = undefined;
  }

  public fail(error: unknown): void {
    this.failure = { error };
  }

  public get failed(): boolean {
    return this.failure !== undefined;
  }

  /** Tells the caller how it ended. To be called once, when nothing can undo it any more. */
  public settle(): void {
    if (this.failure === undefined) this.resolve(this.result as T);
    else if (this.signal?.aborted) this.reject(this.signal.reason);
    // Each job gets an error of its own, as each caller's storage is written into it.
    else this.reject(classifySqliteError(this.failure.error));
  }
}

/** One statement, atomic by itself. */
export class StatementJob extends SqliteJob<SqlResult> {
  public readonly statement: SqlStatement;

  public constructor(statement: SqlStatement, readOnly: boolean, signal?: AbortSignal) {
    super(readOnly, signal);
    this.statement = statement;
  }
}

/** Several statements, whose transaction is the scheduler's care. */
export class ProgramJob<T = unknown> extends SqliteJob<T> {
  private readonly program: () => SqlProgram<T>;
  /** Whether a statement of the latest run took effect, so that a failure leaves something to undo. */
  public wrote = false;

  public constructor(program: () => SqlProgram<T>, readOnly: boolean, signal?: AbortSignal) {
    super(readOnly, signal);
    this.program = program;
  }

  /** Errors of the database reach the program typed, and `run`'s caller as they are. */
  public run(run: Run): T {
    this.wrote = false;
    const program = this.program();
    let step = program.next();
    while (!step.done) {
      let result: SqlResult;
      try {
        result = run(step.value);
        if (!this.readOnly) this.wrote = true;
      } catch (error) {
        step = this.handedIn(program, error);
        continue;
      }
      step = program.next(result);
    }
    return step.value;
  }

  private handedIn(program: SqlProgram<T>, error: unknown): IteratorResult<SqlStatement, T> {
    const typed = classifySqliteError(error);
    try {
      return program.throw(typed);
    } catch (thrown) {
      throw thrown === typed ? error : thrown;
    }
  }
}

/** The wish to hold the connection until `release`. */
export class TurnJob extends SqliteJob<void> {
  public constructor(readOnly: boolean, signal?: AbortSignal) {
    super(readOnly, signal);
  }
}
