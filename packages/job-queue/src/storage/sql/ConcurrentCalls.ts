import type { Awaitable, Eventual } from "@workglow/storage";
import type {
  AtomicOptions,
  SqlExecutor,
  SqlProgram,
  SqlResult,
  SqlStatement,
} from "@workglow/storage/sql";
import type { CallOptions } from "@workglow/util";
import { JobStatus } from "../JobStatus.ts";
import type { JobEnding } from "../jobEnding.ts";
import type { NewJob } from "../newJob.ts";
import type { FencedOutcome } from "../queueDriver.ts";
import { type CallBatch, type CallGate, CallLane, type LaneRules } from "./CallLane.ts";
import { CallTracks } from "./CallTracks.ts";
import type { ClaimedRows, TermedClaim } from "./claimPrograms.ts";
import type { EndAndClaim, EndAndClaimCall } from "./endAndClaimPrograms.ts";
import type { ListedCalls } from "./ListedCalls.ts";
import type { CallScope, QueueCalls } from "./QueueCalls.ts";

const ADD: CallScope = { feeds: true, writes: true };
const OPEN: CallGate = { after: undefined, number: 0 };
const CLAIM: CallScope = { writes: true };

/** Ids ascend in the order of the calls: one batch after the other, however large. */
const ADDING: LaneRules<readonly NewJob[]> = {
  weigh: (jobs) => jobs.length,
  full: Number.POSITIVE_INFINITY,
  mostFull: 0,
};
/** Small claims get jobs in the order of the calls. */
const CLAIMING: LaneRules<TermedClaim> = { weigh: ({ limit }) => limit, full: 64, mostFull: 4 };
/** So much that a statement's own cost no longer matters, and its callers do not all wait for all. */
const ENDING: LaneRules<readonly JobEnding[]> = {
  weigh: ({ length }) => length,
  full: 64,
  mostFull: 4,
};
const HANDING_OVER: LaneRules<EndAndClaimCall> = {
  weigh: ({ endings, request }) => endings.length + request.limit,
  full: 128,
  mostFull: 4,
};

/**
 * Calls on an executor that runs them side by side on several connections. Adding, claiming and
 * ending travel in batches; whatever bears on an earlier call waits for it.
 */
export class ConcurrentCalls implements QueueCalls {
  /** Makes calls at once. */
  private readonly direct: ListedCalls;
  private readonly tracks = new CallTracks();
  private readonly adds: CallLane<readonly NewJob[], readonly number[]>;
  private readonly claims: CallLane<TermedClaim, ClaimedRows>;
  private readonly ends: CallLane<readonly JobEnding[], readonly FencedOutcome[]>;
  private readonly rounds: CallLane<EndAndClaimCall, EndAndClaim>;

  public constructor(direct: ListedCalls) {
    this.direct = direct;
    this.adds = new CallLane((calls) => direct.addEach(calls, undefined), ADDING);
    this.claims = new CallLane((calls) => direct.claimEach(calls, undefined), CLAIMING);
    this.ends = new CallLane((calls) => direct.endEach(calls, undefined), ENDING);
    this.rounds = new CallLane((calls) => direct.endAndClaimEach(calls, undefined), HANDING_OVER);
  }

  /** The one connection of a transaction keeps the order by itself. */
  public within(executor: SqlExecutor): ListedCalls {
    return this.direct.within(executor);
  }

  public add(jobs: readonly NewJob[], o: CallOptions | undefined): Awaitable<readonly number[]> {
    if (o !== undefined) return this.beside(ADD, () => this.direct.add(jobs, o));
    return this.tracked(ADD, this.adds.join(jobs, this.tracks.beforeAdding()));
  }

  public claim(request: TermedClaim, o: CallOptions | undefined): Awaitable<ClaimedRows> {
    const gate = this.tracks.beforeClaim();
    if (o !== undefined) return this.track(CLAIM, gate.after, () => this.direct.claim(request, o));
    return this.tracked(CLAIM, this.claims.join(request, gate));
  }

  public end(
    endings: readonly JobEnding[],
    o: CallOptions | undefined,
  ): Awaitable<readonly FencedOutcome[]> {
    const scope = scopeOf(endings);
    const before = this.tracks.before(scope);
    if (o !== undefined) return this.track(scope, before, () => this.direct.end(endings, o));
    if (before === undefined) return this.tracked(scope, this.ends.join(endings, OPEN));
    return this.track(scope, before, async () => this.ends.join(endings, OPEN).result);
  }

  public endAndClaim(
    endings: readonly JobEnding[],
    request: TermedClaim,
    o: CallOptions | undefined,
  ): Awaitable<EndAndClaim> {
    const scope = scopeOf(endings);
    const before = this.tracks.before(scope);
    const gate = this.tracks.beforeClaim();
    if (o !== undefined) {
      return this.track(scope, both(before, gate.after), () =>
        this.direct.endAndClaim(endings, request, o),
      );
    }
    const call = { endings, request };
    if (before === undefined) return this.tracked(scope, this.rounds.join(call, gate));
    return this.track(scope, before, async () => this.rounds.join(call, gate).result);
  }

  public execute(
    scope: CallScope,
    statement: SqlStatement,
    o: CallOptions | undefined,
  ): Promise<SqlResult> {
    return this.beside(scope, () => this.direct.execute(scope, statement, o));
  }

  public run<T>(
    scope: CallScope,
    program: () => SqlProgram<T>,
    o: CallOptions | undefined,
  ): Promise<T> {
    return this.beside(scope, () => this.direct.run(scope, program, o));
  }

  public atomic<T>(
    scope: CallScope,
    program: () => SqlProgram<T>,
    o: AtomicOptions | undefined,
  ): Promise<T> {
    return this.beside(scope, () => this.direct.atomic(scope, program, o));
  }

  public beside<T>(scope: CallScope, work: () => Promise<T>): Promise<T> {
    return this.track(scope, this.tracks.before(scope), work);
  }

  private tracked<Result>(scope: CallScope, { done, result }: CallBatch<Result>): Eventual<Result> {
    this.tracks.enter(scope, done);
    return result;
  }

  private track<T>(
    scope: CallScope,
    before: Promise<void> | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    const result = before === undefined ? work() : before.then(work);
    const over = (): void => undefined;
    this.tracks.enter(scope, result.then(over, over));
    return result;
  }
}

/** A retry may be the next to be claimed, and a job that nobody holds is not, once it has ended. */
function scopeOf(endings: readonly JobEnding[]): CallScope {
  return {
    ids: endings.map(({ id }) => id),
    writes: true,
    feeds: endings.some(({ status, token }) => status === JobStatus.PENDING || token === undefined),
  };
}

function both(
  one: Promise<void> | undefined,
  other: Promise<void> | undefined,
): Promise<void> | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Promise.all([one, other]).then(() => undefined);
}
