import type {
  AtomicOptions,
  SqlExecutor,
  SqlProgram,
  SqlResult,
  SqlStatement,
} from "@workglow/storage/sql";
import { type CallOptions, sleep } from "@workglow/util";
import type { JobEnding } from "../jobEnding.ts";
import type { NewJob } from "../newJob.ts";
import type { FencedOutcome } from "../queueDriver.ts";
import {
  type ClaimedRows,
  claimListedProgram,
  type ListedShares,
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

/** How long claims wait, at least, for those who make jobs ready; at most twice as long. */
const DUE_PAUSES_MS = [2, 8, 32] as const;

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
    const shares = await this.claimDue(requests, await this.claimOnce(requests, o), o);
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
    const { inTransaction } = this;
    const program = endAndClaimListedProgram(this.statements, this.claims, calls, {
      inTransaction,
    });
    const { outcomes, ...once } = await this.apart(program, o);
    const shares = await this.claimDue(requests, once, o);
    return outcomes.map((own, at) => {
      const share = shares[at] as ClaimedRows;
      return { outcomes: own, claimed: sweepAgain ? { ...share, sweepAgain } : share };
    });
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

  private get inTransaction(): boolean {
    return this.executor.transactionScope !== undefined;
  }

  private claimOnce(
    requests: readonly TermedClaim[],
    o: CallOptions | undefined,
  ): Promise<ListedShares> {
    const { inTransaction } = this;
    // What a caller's transaction is to survive is for the caller to say.
    const how = { lazily: !inTransaction, inTransaction };
    return this.apart(claimListedProgram(this.claims, requests, how), o);
  }

  /**
   * Claims again, after a pause, what a claim is short of while others hold jobs that are due: they
   * may be about to make them ready for all.
   */
  private async claimDue(
    requests: readonly TermedClaim[],
    once: Pick<ListedShares, "shares" | "dueElsewhere">,
    o: CallOptions | undefined,
  ): Promise<readonly ClaimedRows[]> {
    let { shares, dueElsewhere } = once;
    for (let turn = 0; dueElsewhere && turn < DUE_PAUSES_MS.length; turn++) {
      try {
        await sleep((DUE_PAUSES_MS[turn] as number) * (1 + Math.random()), o?.signal);
        const short = shortOf(requests, shares);
        const more = await this.claimOnce([...short.values()], o);
        shares = withMore(shares, [...short.keys()], more.shares, this.claims);
        dueElsewhere = more.dueElsewhere;
      } catch (error) {
        if (shares.every(({ rows }) => rows.length === 0)) throw error;
        // What has been claimed is not to be lost.
        return shares;
      }
    }
    return shares;
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

/** By their places, the requests that got less than they want, for what they lack. */
function shortOf(
  requests: readonly TermedClaim[],
  shares: readonly ClaimedRows[],
): ReadonlyMap<number, TermedClaim> {
  const short = new Map<number, TermedClaim>();
  requests.forEach((request, at) => {
    const { rows, token, renewed } = shares[at] as ClaimedRows;
    const limit = request.limit - rows.length;
    const terms = { ...request.terms, renew: request.terms.renew && !renewed };
    // All jobs of a call carry one token.
    if (limit > 0) short.set(at, { ...request, limit, token, terms });
  });
  return short;
}

/** Shares to which those at the given places have more added. */
function withMore(
  shares: readonly ClaimedRows[],
  places: readonly number[],
  more: readonly ClaimedRows[],
  { codec }: ListedClaims,
): readonly ClaimedRows[] {
  const all = [...shares];
  more.forEach((added, at) => {
    const place = places[at] as number;
    const share = all[place] as ClaimedRows;
    const rows = [...share.rows, ...added.rows].sort(codec.compareClaims);
    all[place] = { ...share, rows, renewed: share.renewed || added.renewed };
  });
  return all;
}
