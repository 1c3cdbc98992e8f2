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
import type { InstanceLocks } from "./InstanceLocks.ts";
import { type JobTable, JobWork } from "./JobWork.ts";
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

/** Calls that are made as one: whoever comes before they are sent joins them. */
interface Batch {
  readonly calls: JobStepsOfCall[];
  readonly results: Promise<readonly EndedAndClaimed[]>;
}

/**
 * Ends and claims jobs. Calls made in one tick, with nothing else called between them, are read and
 * written together: what each costs by itself is the way to the database and back.
 */
export class JobCalls {
  private readonly access: StoresAccess;
  private readonly table: JobTable;
  private readonly locks: InstanceLocks;
  private open: Batch | undefined;
  private lookedAt = Number.NEGATIVE_INFINITY;

  public constructor(access: StoresAccess, table: JobTable, locks: InstanceLocks) {
    this.access = access;
    this.table = table;
    this.locks = locks;
  }

  /** Something else is called: what comes after it must not join what came before. */
  public seal(): void {
    this.open = undefined;
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
      const [alone] = await this.run([call], scope, o);
      return alone as EndedAndClaimed;
    }
    this.open ??= this.begin();
    const batch = this.open;
    const at = batch.calls.push(call) - 1;
    return (await batch.results)[at] as EndedAndClaimed;
  }

  private begin(): Batch {
    const calls: JobStepsOfCall[] = [];
    const close = (): void => {
      if (this.open === batch) this.open = undefined;
    };
    const batch: Batch = { calls, results: this.run(calls, undefined, undefined, close) };
    // It may fail before it begins, as where nothing has been set up.
    batch.results.catch(close);
    return batch;
  }

  private run(
    calls: readonly JobStepsOfCall[],
    scope: Transaction | undefined,
    o: CallOptions | undefined,
    onStart?: () => void,
  ): Promise<readonly EndedAndClaimed[]> {
    return this.access.run("turn", "readwrite", scope, o, (tx) => {
      onStart?.();
      return this.make(tx, calls, scope !== undefined);
    });
  }

  private async make(
    tx: StoreTransaction,
    calls: readonly JobStepsOfCall[],
    isInside: boolean,
  ): Promise<readonly EndedAndClaimed[]> {
    const work = new JobWork(tx, this.table, this.access.writerOf(tx));
    const claims = calls.flatMap(({ claim }) => claim ?? []);
    const sweepAgain = !isInside && (await this.look(work, claims));
    await work.prepare(
      calls.flatMap(({ endings }) => endings.map(({ id }) => id)),
      claims.reduce((sum, { request }) => sum + request.limit, 0),
    );
    const results: { outcomes: readonly FencedOutcome[]; jobs: ClaimedJobs }[] = [];
    for (const { endings, claim } of calls) {
      const outcomes = work.end(endings);
      const jobs =
        claim === undefined || outcomes.includes("stale")
          ? undefined
          : await work.claim(claim.request, claim.terms.instance);
      results.push({ outcomes, jobs });
    }
    const due = claims.find(({ terms }) => terms.renew);
    const renewed = due !== undefined && results.some(({ jobs = [] }) => jobs.length > 0);
    if (renewed) renewLease(work, this.locks, due.terms);
    return results.map(({ outcomes, jobs }, at) => ({
      outcomes,
      claimed: jobs && { jobs, renewed, sweepAgain: sweepAgain && at === 0 },
    }));
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
