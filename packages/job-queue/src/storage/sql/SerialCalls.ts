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
import { type BatchProgram, CallBatches } from "./CallBatches.ts";
import { type ClaimedRows, claimProgram, type TermedClaim } from "./claimPrograms.ts";
import { type EndAndClaim, endAndClaimProgram } from "./endAndClaimPrograms.ts";
import { endProgram } from "./endPrograms.ts";
import type { JobInserts } from "./insertJobs.ts";
import type { CallScope, QueueCalls } from "./QueueCalls.ts";
import type { QueueStatements } from "./QueueStatements.ts";
import { addProgram } from "./queuePrograms.ts";

/**
 * Calls on an executor that runs them in the order in which they are made, and for which a
 * statement costs little.
 */
export class SerialCalls implements QueueCalls {
  private readonly executor: SqlExecutor;
  private readonly statements: QueueStatements;
  private readonly inserts: JobInserts;
  private readonly batches = new CallBatches();
  private readonly claims: BatchProgram<TermedClaim, ClaimedRows>;
  private readonly endings: BatchProgram<readonly JobEnding[], readonly FencedOutcome[]>;

  public constructor(executor: SqlExecutor, statements: QueueStatements, inserts: JobInserts) {
    this.executor = executor;
    this.statements = statements;
    this.inserts = inserts;
    this.claims = (requests) => claimProgram(statements, requests);
    this.endings = function* (calls) {
      const outcomes = [...(yield* endProgram(statements, calls.flat()))];
      return calls.map((endings) => outcomes.splice(0, endings.length));
    };
  }

  public within(executor: SqlExecutor): SerialCalls {
    return new SerialCalls(executor, this.statements, this.inserts);
  }

  public add(jobs: readonly NewJob[], o: CallOptions | undefined): Promise<readonly number[]> {
    this.batches.seal();
    return this.executor.atomic(() => addProgram(this.inserts, jobs), o);
  }

  public claim(request: TermedClaim, o: CallOptions | undefined): Awaitable<ClaimedRows> {
    return this.together(this.claims, request, o);
  }

  public end(
    endings: readonly JobEnding[],
    o: CallOptions | undefined,
  ): Awaitable<readonly FencedOutcome[]> {
    return this.together(this.endings, endings, o);
  }

  public endAndClaim(
    endings: readonly JobEnding[],
    request: TermedClaim,
    o: CallOptions | undefined,
  ): Promise<EndAndClaim> {
    this.batches.seal();
    return this.executor.atomic(() => endAndClaimProgram(this.statements, endings, request), o);
  }

  public execute(
    _scope: CallScope,
    statement: SqlStatement,
    o: CallOptions | undefined,
  ): Promise<SqlResult> {
    this.batches.seal();
    return this.executor.execute(statement, o);
  }

  public run<T>(
    scope: CallScope,
    program: () => SqlProgram<T>,
    o: CallOptions | undefined,
  ): Promise<T> {
    return this.atomic(scope, program, o);
  }

  public atomic<T>(
    _scope: CallScope,
    program: () => SqlProgram<T>,
    o: AtomicOptions | undefined,
  ): Promise<T> {
    this.batches.seal();
    return this.executor.atomic(program, o);
  }

  public beside<T>(_scope: CallScope, work: () => Promise<T>): Promise<T> {
    this.batches.seal();
    return work();
  }

  /** A call with options of its own travels alone. */
  private together<Request, Result>(
    program: BatchProgram<Request, Result>,
    request: Request,
    o: CallOptions | undefined,
  ): Awaitable<Result> {
    if (o === undefined) return this.batches.join(this.executor, program, request);
    this.batches.seal();
    const alone = this.executor.atomic(() => program([request]), o);
    return alone.then(([result]) => result as Result);
  }
}
