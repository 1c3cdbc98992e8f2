import {
  type ClaimRequest,
  type ClaimResult,
  type ClaimTerms,
  type FencedOutcome,
  type JobEnding,
  jobNumber,
} from "@workglow/job-queue";
import type { Transaction } from "@workglow/storage";
import type { CallOptions } from "@workglow/util";
import type { StoreTransaction } from "../connection/StoreTransaction.ts";
import { CallBatches, fulfilled, type Settle } from "./CallBatches.ts";
import type { InstanceLocks } from "./InstanceLocks.ts";
import { type JobTable, JobWork, PAGE } from "./JobWork.ts";
import type { StoresAccess } from "./StoresAccess.ts";
import { renewLease, sweepJobs } from "./sweepJobs.ts";

/** What one call ends and then claims. */
export interface JobStepsOfCall {
  readonly endings: readonly JobEnding[];
  readonly claim?: { readonly request: ClaimRequest; readonly terms: ClaimTerms };
}

export interface EndedAndClaimed {
  readonly outcomes: readonly FencedOutcome[];
  readonly claimed: ClaimResult<unknown, unknown> | undefined;
}

/** Milliseconds between looks at who is at work, so that their end is noticed. */
const LOOK_INTERVAL_MS = 1000;

/**
 * Ends and claims jobs. Calls made in one tick, with nothing else called between them, are read and
 * written together: what each costs by itself is the way to the database and back.
 */
export class JobCalls {
  private readonly access: StoresAccess;
  private readonly table: JobTable;
  private readonly locks: InstanceLocks;
  private readonly batches = new CallBatches<JobStepsOfCall, EndedAndClaimed>(
    (calls, settle, sent) => this.run(calls, undefined, undefined, settle, sent),
  );
  private promoting: Promise<number> | undefined;
  private lookedAt = Number.NEGATIVE_INFINITY;

  public constructor(access: StoresAccess, table: JobTable, locks: InstanceLocks) {
    this.access = access;
    this.table = table;
    this.locks = locks;
  }

  /** Something else is called: what comes after it must not join what came before. */
  public seal(): void {
    this.batches.seal();
  }

  public async endAndClaim(
    call: JobStepsOfCall,
    scope: Transaction | undefined,
    o: CallOptions | undefined,
  ): Promise<EndedAndClaimed> {
    // What cannot be an id fails its own call, and not those that it would travel with.
    for (const { id } of call.endings) jobNumber(id);
    if (scope !== undefined || o?.signal !== undefined) {
      this.seal();
      return new Promise((resolve, reject) => {
        this.run([call], scope, o, (_, result) => {
          if (result.status === "fulfilled") resolve(result.value);
          else reject(result.reason);
        }).catch(reject);
      });
    }
    return this.batches.join(call);
  }

  private async run(
    calls: readonly JobStepsOfCall[],
    scope: Transaction | undefined,
    o: CallOptions | undefined,
    settle: Settle<EndedAndClaimed>,
    sent?: () => void,
  ): Promise<void> {
    // Others may join until they are sent.
    let waiting: readonly number[] | undefined;
    for (;;) {
      const made = await this.access.run<Made>("turn", "readwrite", scope, o, (tx) => {
        sent?.();
        waiting ??= [...calls.keys()];
        const now = waiting.map((at) => calls[at] as JobStepsOfCall);
        return scope === undefined ? this.make(tx, now, true) : this.inside(tx, now);
      });
      const left: number[] = [];
      for (const [n, at] of (waiting ?? []).entries()) {
        if (made[n] === undefined) left.push(at);
        else settle(at, made[n]);
      }
      if (left.length === 0) return;
      waiting = left;
      await this.promote(o);
    }
  }

  /** Where it fails the user's transaction undoes what has been written. */
  private async inside(tx: StoreTransaction, calls: readonly JobStepsOfCall[]): Promise<Made> {
    const work = this.workIn(tx);
    await work.prepare(...needsOf(calls));
    const made = await this.take(work, calls, false);
    work.keep();
    return made.map(fulfilled);
  }

  /** @param inSteps whether those that claim wait where too much has come due to be made ready here */
  private async make(
    tx: StoreTransaction,
    calls: readonly JobStepsOfCall[],
    inSteps: boolean,
  ): Promise<Made> {
    const work = this.workIn(tx);
    const sweepAgain = await work.whole(() => this.look(work, claimsOf(calls)));
    if (!(await work.prepare(...needsOf(calls), inSteps))) {
      const others = calls.filter(({ claim }) => claim === undefined);
      const made = others.length > 0 ? (await this.make(tx, others, false)).values() : undefined;
      return calls.map(({ claim }) => (claim === undefined ? made?.next().value : undefined));
    }
    try {
      return (await work.whole(() => this.take(work, calls, sweepAgain))).map(fulfilled);
    } catch (error) {
      if (calls.length === 1) return [{ status: "rejected", reason: error }];
    }
    // One of them cannot be done. The others go on without it.
    const results: Made[number][] = [];
    for (const call of calls) results.push(...(await this.make(tx, [call], false)));
    return results;
  }

  private async take(
    work: JobWork,
    calls: readonly JobStepsOfCall[],
    sweepAgain: boolean,
  ): Promise<readonly EndedAndClaimed[]> {
    const results: { outcomes: readonly FencedOutcome[]; jobs: ClaimedJobs }[] = [];
    for (const { endings, claim } of calls) {
      const outcomes = work.end(endings);
      const jobs =
        claim === undefined || outcomes.includes("stale")
          ? undefined
          : await work.claim(claim.request, claim.terms.instance);
      results.push({ outcomes, jobs });
    }
    const due = claimsOf(calls).find(({ terms }) => terms.renew);
    const renewed = due !== undefined && results.some(({ jobs = [] }) => jobs.length > 0);
    if (renewed) renewLease(work, this.locks, due.terms);
    return results.map(({ outcomes, jobs }, at) => ({
      outcomes,
      claimed: jobs && { jobs, renewed, sweepAgain: sweepAgain && at === 0 },
    }));
  }

  /**
   * Makes ready what has come due, a page in a transaction: others get their turn, and what is done
   * stays done where the caller does not wait to the end.
   */
  private async promote(o: CallOptions | undefined): Promise<void> {
    while ((await this.promotePage()) === PAGE) o?.signal?.throwIfAborted();
  }

  /** Whoever waits meanwhile waits for the same page. */
  private promotePage(): Promise<number> {
    const { access } = this;
    this.promoting ??= access
      .run("alone", "readwrite", undefined, undefined, (tx) => this.workIn(tx).promote())
      .finally(() => {
        this.promoting = undefined;
      });
    return this.promoting;
  }

  private workIn(tx: StoreTransaction): JobWork {
    return new JobWork(tx, this.table, this.access.writerOf(tx));
  }

  /** Looks for the dead where it is time to; whether there is more to sweep. */
  private async look(
    work: JobWork,
    claims: readonly { readonly terms: ClaimTerms }[],
  ): Promise<boolean> {
    const { locks } = this;
    const terms = (claims.find(({ terms: { sweep } }) => sweep) ?? claims[0])?.terms;
    if (terms === undefined) return false;
    const since = work.nowMs - this.lookedAt;
    const isTime = locks.available && (since < 0 || since >= LOOK_INTERVAL_MS);
    if (!terms.sweep && !locks.hasNews && !isTime) return false;
    this.lookedAt = work.nowMs;
    return sweepJobs(work, this.table.entries, locks, terms);
  }
}

type ClaimedJobs = ClaimResult<unknown, unknown>["jobs"] | undefined;
/** `undefined` for a call of which nothing was done: more has to be made ready first. */
type Made = readonly (PromiseSettledResult<EndedAndClaimed> | undefined)[];

function claimsOf(calls: readonly JobStepsOfCall[]) {
  return calls.flatMap(({ claim }) => claim ?? []);
}

/** The jobs that the calls end, and how many they claim. */
function needsOf(calls: readonly JobStepsOfCall[]): [ids: unknown[], claims: number] {
  return [
    calls.flatMap(({ endings }) => endings.map(({ id }) => id)),
    claimsOf(calls).reduce((sum, { request }) => sum + request.limit, 0),
  ];
}
