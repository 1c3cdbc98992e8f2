import type { Awaitable } from "@workglow/storage";
import type {
  AtomicOptions,
  SqlExecutor,
  SqlProgram,
  SqlResult,
  SqlStatement,
} from "@workglow/storage/sql";
import type { CallOptions } from "@workglow/util";
import type { JobEnding } from "../jobEnding.ts";
import type { NewJob } from "../newJob.ts";
import type { FencedOutcome } from "../queueDriver.ts";
import type { ClaimedRows, TermedClaim } from "./claimPrograms.ts";
import type { EndAndClaim } from "./endAndClaimPrograms.ts";

/** What a call reads or changes, by which calls are kept in order. */
export interface CallScope {
  /** The jobs that it is about. */
  readonly ids?: readonly unknown[];
  /** It is about any job: what was written before it has to be there. */
  readonly anyJob?: boolean;
  /** Later claims may get jobs by it, or must not. */
  readonly feeds?: boolean;
  readonly writes?: boolean;
  /** Everything that comes later waits for it. */
  readonly alone?: boolean;
}

/**
 * How the calls of one storage instance reach the executor: in which order, and which of them share
 * a statement or a transaction. A call sees what was called before it.
 */
export interface QueueCalls {
  /** The same inside a transaction. */
  within(executor: SqlExecutor): QueueCalls;
  add(jobs: readonly NewJob[], o: CallOptions | undefined): Awaitable<readonly number[]>;
  claim(request: TermedClaim, o: CallOptions | undefined): Awaitable<ClaimedRows>;
  end(
    endings: readonly JobEnding[],
    o: CallOptions | undefined,
  ): Awaitable<readonly FencedOutcome[]>;
  endAndClaim(
    endings: readonly JobEnding[],
    request: TermedClaim,
    o: CallOptions | undefined,
  ): Awaitable<EndAndClaim>;
  /** Runs a statement. */
  execute(
    scope: CallScope,
    statement: SqlStatement,
    o: CallOptions | undefined,
  ): Promise<SqlResult>;
  /** Runs a program each of whose statements leaves things in order. */
  run<T>(scope: CallScope, program: () => SqlProgram<T>, o: CallOptions | undefined): Promise<T>;
  /** Runs a program that takes effect as a whole, or not at all. */
  atomic<T>(
    scope: CallScope,
    program: () => SqlProgram<T>,
    o: AtomicOptions | undefined,
  ): Promise<T>;
  /** Runs what finds its own way to the executor. */
  beside<T>(scope: CallScope, work: () => Promise<T>): Promise<T>;
}
