import type { SqlParam, SqlResult, StatementStack } from "@workglow/storage/sql";
import { StorageTransactionError } from "@workglow/util";
import type { SqliteFrame } from "./SqliteFrame.ts";
import { ProgramJob, type SqliteJob, StatementJob, TurnJob } from "./SqliteJob.ts";
import { isBusy, isFatalToTransaction } from "./sqliteErrors.ts";

/**
 * Writes that are run as one statement where they can be. More would gain little, and make SQLite
 * keep so many pages for undoing the statement that it writes them to a file.
 */
const ROWS_IN_STACK = 4;
const ONE_CHANGE: SqlResult = { rows: [], changes: 1 };

/** Thrown to run a group once more, each of its programs within a savepoint. */
const GUARDED = Symbol("guarded");
/** Thrown to run the calls of a group once more, each in a transaction of its own. */
const APART = Symbol("apart");

/** Another connection's lock came in the way when some calls of a group had already ended. */
export class Blocked {
  /** How many calls have ended: the first ones. They must not run once more. */
  public readonly done: number;
  /** The driver's error. */
  public readonly reason: unknown;

  public constructor(done: number, reason: unknown) {
    this.done = done;
    this.reason = reason;
  }
}

/**
 * Runs calls in one synchronous block and notes in each how it ended; they are not settled. A turn
 * leaves its frame open.
 *
 * @throws the driver's error where another connection's lock is in the way, and nothing is done
 * @throws Blocked where it is in the way of the later calls only
 */
export function runGroup(frame: SqliteFrame, jobs: readonly SqliteJob[]): void {
  try {
    frame.connection.configure();
    refuseForeignTransaction(frame);
    if (jobs.length > 1 && !jobs.every((job) => job.readOnly)) runTogether(frame, jobs, false);
    else runApart(frame, jobs);
  } catch (error) {
    if (error instanceof Blocked || isBusy(error)) throw error;
    for (const job of jobs) failOrReadAgain(frame, job, error);
  }
}

/** Writes into a transaction of the handle's owner would not be committed when they settle. */
function refuseForeignTransaction(frame: SqliteFrame): void {
  if (frame.depth > 0 || !frame.isOpen) return;
  throw new StorageTransactionError(
    "the database handle is inside a transaction of its owner: use withTransaction",
  );
}

/** The writes of a group share its failure; its reads have nothing to do with a full disk. */
function failOrReadAgain(frame: SqliteFrame, job: SqliteJob, error: unknown): void {
  job.fail(error);
  if (job.readOnly && !(job instanceof TurnJob)) runAlone(frame, job);
}

/** Runs calls one after the other, each in a transaction of its own. */
function runApart(frame: SqliteFrame, jobs: readonly SqliteJob[]): void {
  for (const [at, job] of jobs.entries()) {
    try {
      runAlone(frame, job);
    } catch (error) {
      throw at === 0 ? error : new Blocked(at, error);
    }
  }
}

function runAlone(frame: SqliteFrame, job: SqliteJob): void {
  try {
    job.signal?.throwIfAborted();
    if (job instanceof StatementJob) job.succeed(frame.run(job.statement));
    else {
      frame.open(job.readOnly);
      if (job instanceof ProgramJob) runProgram(frame, job);
      else job.succeed(undefined);
    }
  } catch (error) {
    if (isBusy(error)) throw error;
    job.fail(error);
  }
}

function runProgram(frame: SqliteFrame, job: ProgramJob): void {
  try {
    const value = job.run((statement) => frame.run(statement));
    frame.release();
    job.succeed(value);
  } catch (error) {
    frame.undo();
    throw error;
  }
}

/**
 * Runs calls in one frame. A statement that fails undoes itself. A program that fails halfway takes
 * the group back, which then runs again with savepoints: they cost more than the shared commit
 * gains, so that only a group with such a program pays for them.
 */
function runTogether(frame: SqliteFrame, jobs: readonly SqliteJob[], guarded: boolean): void {
  try {
    frame.open(false);
  } catch (error) {
    if (isBusy(error)) throw error;
    runApart(frame, jobs);
    return;
  }
  try {
    for (let at = 0; at < jobs.length; ) {
      const stacked = runStacked(frame, jobs, at);
      if (stacked === 0) runInGroup(frame, jobs[at] as SqliteJob, guarded);
      at += Math.max(stacked, 1);
    }
    releaseGroup(frame);
  } catch (error) {
    frame.undo();
    if (error === GUARDED) runTogether(frame, jobs, true);
    else if (error === APART) runApart(frame, jobs);
    else throw error;
  }
}

/** A deferred constraint that one write breaks fails the commit of all: the others run apart. */
function releaseGroup(frame: SqliteFrame): void {
  try {
    frame.release();
  } catch (error) {
    if (frame.depth > 0 || isBusy(error) || isFatalToTransaction(error)) throw error;
    throw APART;
  }
}

/**
 * Runs the statements from `at` on as one, where enough of them stack; their number, or 0. If one
 * of them fails none has run, and each is to be run by itself.
 */
function runStacked(frame: SqliteFrame, jobs: readonly SqliteJob[], at: number): number {
  const stack = stackOf(jobs[at]);
  if (stack === undefined || at + ROWS_IN_STACK > jobs.length) return 0;
  const params: SqlParam[] = [];
  for (let i = at; i < at + ROWS_IN_STACK; i++) {
    const job = jobs[i];
    if (stackOf(job) !== stack) return 0;
    for (const param of (job as StatementJob).statement.params) params.push(param);
  }
  try {
    frame.run({ text: stack.text(ROWS_IN_STACK), params });
  } catch (error) {
    throwIfLost(frame, error);
    return 0;
  }
  for (let i = at; i < at + ROWS_IN_STACK; i++) jobs[i]?.succeed(ONE_CHANGE);
  return ROWS_IN_STACK;
}

const stackOf = (job: SqliteJob | undefined): StatementStack | undefined =>
  job instanceof StatementJob ? job.statement.stack : undefined;

function runInGroup(frame: SqliteFrame, job: SqliteJob, guarded: boolean): void {
  try {
    if (job instanceof StatementJob) job.succeed(frame.run(job.statement));
    else if (job instanceof ProgramJob) {
      const run = (): unknown => job.run((statement) => frame.run(statement));
      job.succeed(guarded ? frame.guard(run) : run());
    }
  } catch (error) {
    throwIfLost(frame, error);
    if (job instanceof ProgramJob && job.wrote && !guarded) throw GUARDED;
    job.fail(error);
  }
}

/** Throws where an error has ended the whole transaction, and not just its statement. */
function throwIfLost(frame: SqliteFrame, error: unknown): void {
  if (isBusy(error) || isFatalToTransaction(error)) throw error;
  // A trigger may roll everything back: the others of the group have nothing to do with that.
  if (!frame.isOpen) throw frame.depth === 0 ? APART : error;
}
