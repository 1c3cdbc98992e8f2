import type { SqlProgram, SqlRow, SqlStatement } from "@workglow/storage/sql";
import { JobStatus } from "../JobStatus.ts";
import type { JobBackoff } from "../JobStorageFormat.ts";
import type { JobEnding, JobProgress } from "../jobEnding.ts";
import { ABORTED, fateAfterCrash, lastError } from "../jobFate.ts";
import { jobNumber } from "../jobId.ts";
import type { NewJob } from "../newJob.ts";
import type { ClaimRequest, ClaimTerms, FencedOutcome } from "../queueDriver.ts";
import type { JobInserts } from "./insertJobs.ts";
import { jsonText } from "./jobRow.ts";
import type { QueueQueries } from "./QueueQueries.ts";
import { type QueueStatements, SWEEP_BATCH } from "./QueueStatements.ts";

export interface TermedClaim extends ClaimRequest {
  readonly terms: ClaimTerms;
}

/** Beside the rows of a claim, which are decoded after the commit. */
export interface ClaimedRows {
  readonly rows: readonly SqlRow[];
  /** The token of the statement that served the call, which may be that of a call beside it. */
  readonly token: string;
  readonly renewed: boolean;
  readonly sweepAgain: boolean;
}

export function* addProgram(inserts: JobInserts, jobs: readonly NewJob[]): SqlProgram<number[]> {
  const ids: number[] = [];
  for (const statement of inserts.of(jobs)) {
    for (const [id] of (yield statement).rows) ids.push(Number(id));
  }
  // No database promises the order of returned rows.
  return ids.sort((a, b) => a - b);
}

/** Claims for several calls, in their order. */
export function* claimProgram(
  statements: QueueStatements,
  requests: readonly TermedClaim[],
): SqlProgram<readonly ClaimedRows[]> {
  const { terms } = requests[0] as TermedClaim;
  const sweeping = requests.find((request) => request.terms.sweep);
  const sweepAgain = sweeping !== undefined && (yield* sweepProgram(statements, sweeping.terms));
  yield statements.promote({});
  const claimed: { readonly rows: readonly SqlRow[]; readonly token: string }[] = [];
  for (const run of sameWorker(requests)) {
    const limit = run.reduce((sum, request) => sum + request.limit, 0);
    const { workerId, token } = run[0] as TermedClaim;
    const { rows } = yield statements.claim({
      workerId,
      token,
      instance: terms.instance,
      limit,
    });
    const ordered = [...rows].sort(statements.codec.compareClaims);
    for (const { limit: share } of run) claimed.push({ rows: ordered.splice(0, share), token });
  }
  const renewing =
    requests.some((request) => request.terms.renew) && claimed.some(({ rows }) => rows.length > 0);
  if (renewing) yield statements.renewLease(terms);
  return claimed.map((share, at) => ({
    ...share,
    renewed: renewing,
    sweepAgain: sweepAgain && at === 0,
  }));
}

/** Runs of requests that one statement serves, as it writes one worker's id. */
function sameWorker(requests: readonly TermedClaim[]): readonly (readonly TermedClaim[])[] {
  const runs: TermedClaim[][] = [];
  for (const request of requests) {
    const run = runs.at(-1);
    if (run?.[0]?.workerId === request.workerId) run.push(request);
    else runs.push([request]);
  }
  return runs;
}

/** Takes jobs from the dead and from those that take too long; whether there may be more. */
function* sweepProgram(statements: QueueStatements, terms: ClaimTerms): SqlProgram<boolean> {
  const crashed = (yield statements.crashed(terms)).rows;
  const timedOut = (yield statements.timedOut({})).rows;
  if (crashed.length + timedOut.length === 0) return false;
  // Whoever judges others is seen to live.
  yield statements.renewLease(terms);
  for (const row of [...crashed, ...timedOut]) {
    const [id, token, status, run_attempts, max_retries, crashes, backoff] = row;
    const fate = fateAfterCrash({
      status: status as JobStatus,
      run_attempts: Number(run_attempts),
      max_retries: Number(max_retries),
      crashes: Number(crashes),
      backoff: typeof backoff === "string" ? (JSON.parse(backoff) as JobBackoff) : null,
    });
    const attempt = { id: id ?? null, token: token ?? null };
    yield fate.status === JobStatus.PENDING
      ? statements.requeue({ ...attempt, delayMs: fate.delayMs })
      : statements.failCutOff({ ...attempt, error: fate.error, error_code: fate.error_code });
  }
  yield statements.forgetLeases(terms);
  return crashed.length === SWEEP_BATCH || timedOut.length === SWEEP_BATCH;
}

/** Ends attempts for several calls, in their order. */
export function* endProgram(
  statements: QueueStatements,
  endings: readonly JobEnding[],
): SqlProgram<readonly FencedOutcome[]> {
  const outcomes: FencedOutcome[] = [];
  for (const ending of endings) {
    const id = jobNumber(ending.id);
    if (id === undefined) outcomes.push("missing");
    else if (ending.status === JobStatus.PENDING) {
      outcomes.push(yield* retryOne(statements, id, ending));
    } else if ((yield finishing(statements, id, ending)).changes > 0) outcomes.push(ending.status);
    else outcomes.push(yield* whyNot(statements, id, ending.token, ending.status));
  }
  return outcomes;
}

function finishing(statements: QueueStatements, id: number, ending: JobEnding): SqlStatement {
  const { token, status, error, error_code, progress, progress_message } = ending;
  const output = jsonText(ending.output);
  if (token !== undefined && isPlainSuccess(ending))
    return statements.succeed({ id, token, output });
  const values = {
    id,
    status,
    output,
    error,
    error_code,
    error_details: jsonText(ending.error_details),
    progress,
    progress_message,
    progress_details: jsonText(ending.progress_details),
  };
  return token === undefined
    ? statements.finishUnclaimed(values)
    : statements.finish({ ...values, token });
}

function isPlainSuccess(ending: JobEnding): boolean {
  return (
    ending.status === JobStatus.COMPLETED &&
    ending.error === null &&
    ending.error_code === null &&
    ending.error_details === null &&
    ending.progress_message === null &&
    ending.progress_details === null
  );
}

function* retryOne(
  statements: QueueStatements,
  id: number,
  ending: JobEnding,
): SqlProgram<FencedOutcome> {
  const { token, error, error_code, run_after } = ending;
  const values = {
    id,
    error,
    error_code,
    error_details: jsonText(ending.error_details),
    run_after,
  };
  const { changes } = yield token === undefined
    ? statements.retryUnclaimed(values)
    : statements.retry({ ...values, token });
  if (changes > 0) return JobStatus.PENDING;
  if (token !== undefined) {
    const failure = { ...values, error_details: jsonText(lastError(ending)), token };
    if ((yield statements.failRetry(failure)).changes > 0) return JobStatus.FAILED;
  }
  return yield* whyNot(statements, id, token, ending.status);
}

/** Tells a repeated ending from a stale one. A retry may have become a failure. */
function* whyNot(
  statements: QueueStatements,
  id: number,
  token: string | undefined,
  wanted?: JobStatus,
): SqlProgram<FencedOutcome> {
  const [row] = (yield statements.standing({ id })).rows;
  if (row === undefined) return "missing";
  const [status, lastToken] = row;
  if (token === undefined || wanted === undefined || lastToken !== token) return "stale";
  const retryFailed = wanted === JobStatus.PENDING && status === JobStatus.FAILED;
  return status === wanted || retryFailed ? "repeated" : "stale";
}

export function* releaseProgram(
  statements: QueueStatements,
  claim: { readonly id: unknown; readonly token: string },
): SqlProgram<FencedOutcome> {
  const id = jobNumber(claim.id);
  if (id === undefined) return "missing";
  return (
    (yield* giveBack(statements, id, claim.token)) ?? (yield* whyNot(statements, id, claim.token))
  );
}

function* giveBack(
  statements: QueueStatements,
  id: number,
  token: string,
): SqlProgram<JobStatus | undefined> {
  if ((yield statements.giveBack({ id, token })).changes > 0) return JobStatus.PENDING;
  const { changes } = yield statements.failCutOff({ id, token, ...ABORTED });
  return changes > 0 ? JobStatus.FAILED : undefined;
}

export function* saveProgressProgram(
  statements: QueueStatements,
  saved: JobProgress,
): SqlProgram<FencedOutcome> {
  const id = jobNumber(saved.id);
  if (id === undefined) return "missing";
  const { token, progress, progress_message } = saved;
  if (token !== undefined) {
    const progress_details = jsonText(saved.progress_details);
    const { changes } = yield statements.saveProgress({
      id,
      token,
      progress,
      progress_message,
      progress_details,
    });
    // The status stays, whatever it is.
    if (changes > 0) return JobStatus.PROCESSING;
  }
  return yield* whyNot(statements, id, token);
}

/** Renews the lease, and gives back what was claimed without the answer getting here. */
export function* renewProgram(
  statements: QueueStatements,
  { instance, leaseMs }: Pick<ClaimTerms, "instance" | "leaseMs">,
  known: (token: string) => boolean,
): SqlProgram<readonly { readonly id: unknown; readonly token: string }[]> {
  yield statements.renewLease({ instance, leaseMs });
  const { rows } = yield statements.heldBy({ instance, ageMs: Math.ceil(leaseMs / 3) });
  const held: { readonly id: unknown; readonly token: string }[] = [];
  for (const [id, leaseToken, isOld] of rows) {
    const token = String(leaseToken);
    if (Number(isOld) === 1 && !known(token)) yield* giveBack(statements, Number(id), token);
    else held.push({ id: Number(id), token });
  }
  return held;
}

export function* deleteAllProgram(statements: QueueStatements): SqlProgram<void> {
  for (const deletePart of statements.deleteEach) yield deletePart({});
}

/** See `BaseQueueStorage._peek`. */
export function* peekPendingProgram(
  queries: QueueQueries,
  limit: number,
): SqlProgram<readonly SqlRow[]> {
  // One time for both, or a job that comes due in between would be in neither.
  const now = (yield queries.timeAgo({ ms: 0 })).rows[0]?.[0] ?? null;
  const ready = (yield queries.peekReady({ limit })).rows;
  const due = (yield queries.peekDue({ now, limit })).rows;
  const claimable = due.length === 0 ? ready : [...ready, ...due].sort(queries.codec.compareClaims);
  if (claimable.length >= limit) return claimable.slice(0, limit);
  const later = (yield queries.peekDelayed({ now, limit: limit - claimable.length })).rows;
  return [...claimable, ...later];
}
