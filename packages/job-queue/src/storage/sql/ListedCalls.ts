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
import {
  type ClaimedRows,
  claimListedProgram,
  sweepProgram,
  type TermedClaim,
} from "./claimPrograms.ts";
import {
  type EndAndClaim,
  type EndAndClaimCall,
  endAndClaimListedProgram,
} from "./endAndClaimPrograms.ts";
import { endingParts, endListedProgram } from "./endPrograms.ts";
import type { JobInserts } from "./insertJobs.ts";
import type { ListedClaims } from "./ListedClaims.ts";
import type { CallScope, QueueCalls } from "./QueueCalls.ts";
import type { QueueStatements } from "./QueueStatements.ts";
import { addProgram } from "./queuePrograms.ts";

/**
 * Calls on an executor for which each statement is a journey: what belongs together goes with one.
 * Each call starts at once.
 */
export class ListedCalls implements QueueCalls {
  private readonly executor: SqlExecutor;
  private readonly statements: QueueStatements;
  private readonly claims: ListedClaims;
  private readonly inserts: JobInserts;

  public constructor(
    executor: SqlExecutor,
    statements: QueueStatements,
    claims: ListedClaims,
    inserts: JobInserts,
  ) {
    this.executor = executor;
    this.statements = statements;
    this.claims = claims;
    this.inserts = inserts;
  }

  public within(executor: SqlExecutor): ListedCalls {
    return new ListedCalls(executor, this.statements, this.claims, this.inserts);
  }

  public async add(
    jobs: readonly NewJob[],
    o: CallOptions | undefined,
  ): Promise<readonly number[]> {
    const [ids] = await this.addEach([jobs], o);
    return ids as readonly number[];
  }

  public async claim(request: TermedClaim, o: CallOptions | undefined): Promise<ClaimedRows> {
    const [claimed] = await this.claimEach([request], o);
    return claimed as ClaimedRows;
  }

  public async end(
    endings: readonly JobEnding[],
    o: CallOptions | undefined,
  ): Promise<readonly FencedOutcome[]> {
    const [outcomes] = await this.endEach([endings], o);
    return outcomes as readonly FencedOutcome[];
  }

  public async endAndClaim(
    endings: readonly JobEnding[],
    request: TermedClaim,
    o: CallOptions | undefined,
  ): Promise<EndAndClaim> {
    const [done] = await this.endAndClaimEach([{ endings, request }], o);
    return done as EndAndClaim;
  }

  // ——— several calls at once, in their order

  /** All jobs are stored, or none. */
  public async addEach(
    calls: readonly (readonly NewJob[])[],
    o: CallOptions | undefined,
  ): Promise<readonly (readonly number[])[]> {
    const jobs = calls.length === 1 ? (calls[0] as readonly NewJob[]) : calls.flat();
    const program = (): SqlProgram<number[]> => addProgram(this.inserts, jobs);
    const ids = this.inserts.fitOne(jobs)
      ? await this.apart(program(), o)
      : await this.executor.atomic(program, o);
    return calls.length === 1 ? [ids] : calls.map(({ length }) => ids.splice(0, length));
  }

  public async claimEach(
    requests: readonly TermedClaim[],
    o: CallOptions | undefined,
  ): Promise<readonly ClaimedRows[]> {
    const sweepAgain = await this.sweep(requests, o);
    // What a caller's transaction is to survive is for the caller to say.
    const lazily = this.executor.transactionScope === undefined;
    const { shares } = await this.apart(claimListedProgram(this.claims, requests, { lazily }), o);
    return sweepAgain ? shares.map((share, at) => ({ ...share, sweepAgain: at === 0 })) : shares;
  }

  public async endEach(
    calls: readonly (readonly JobEnding[])[],
    o: CallOptions | undefined,
  ): Promise<readonly (readonly FencedOutcome[])[]> {
    const endings = calls.length === 1 ? (calls[0] as readonly JobEnding[]) : calls.flat();
    const parts = endingParts(this.statements, endings);
    const program = (): SqlProgram<readonly FencedOutcome[]> =>
      endListedProgram(this.statements, endings, parts);
    const outcomes =
      parts.length <= 1 ? await this.apart(program(), o) : await this.executor.atomic(program, o);
    if (calls.length === 1) return [outcomes];
    let end = 0;
    return calls.map(({ length }) => {
      end += length;
      return outcomes.slice(end - length, end);
    });
  }

  public async endAndClaimEach(
    calls: readonly EndAndClaimCall[],
    o: CallOptions | undefined,
  ): Promise<readonly EndAndClaim[]> {
    const requests = calls.map(({ request }) => request);
    const sweepAgain = await this.sweep(requests, o);
    const program = endAndClaimListedProgram(this.statements, this.claims, calls);
    const done = await this.apart(program, o);
    if (!sweepAgain) return done;
    return done.map(({ outcomes, claimed }) => ({
      outcomes,
      claimed: claimed && { ...claimed, sweepAgain },
    }));
  }

  // ——— other calls

  public execute(
    _scope: CallScope,
    statement: SqlStatement,
    o: CallOptions | undefined,
  ): Promise<SqlResult> {
    return this.executor.execute(statement, o);
  }

  public run<T>(
    _scope: CallScope,
    program: () => SqlProgram<T>,
    o: CallOptions | undefined,
  ): Promise<T> {
    return this.apart(program(), o);
  }

  public atomic<T>(
    _scope: CallScope,
    program: () => SqlProgram<T>,
    o: AtomicOptions | undefined,
  ): Promise<T> {
    return this.executor.atomic(program, o);
  }

  public beside<T>(_scope: CallScope, work: () => Promise<T>): Promise<T> {
    return work();
  }

  /** A sweep holds locks over several statements; it is no part of the claim. */
  private async sweep(
    requests: readonly TermedClaim[],
    o: CallOptions | undefined,
  ): Promise<boolean> {
    const sweeping = requests.find(({ terms }) => terms.sweep);
    if (sweeping === undefined) return false;
    return this.executor.atomic(() => sweepProgram(this.statements, sweeping.terms), o);
  }

  /** Runs the statements of a program each by itself. */
  private async apart<T>(program: SqlProgram<T>, o: CallOptions | undefined): Promise<T> {
    let step = program.next();
    while (!step.done) step = program.next(await this.executor.execute(step.value, o));
    return step.value;
  }
}
