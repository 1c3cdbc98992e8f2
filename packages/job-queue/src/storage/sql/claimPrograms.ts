import type { SqlProgram, SqlRow } from "@workglow/storage/sql";
import { JobStatus } from "../JobStatus.ts";
import type { JobBackoff } from "../JobStorageFormat.ts";
import { fateAfterCrash } from "../jobFate.ts";
import type { ClaimRequest, ClaimTerms } from "../queueDriver.ts";
import type { ChangeValues } from "./JobChange.ts";
import type { ListedClaim, ListedClaimResult, ListedClaims } from "./ListedClaims.ts";
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

/** What {@link claimListedProgram} gives: a share for each call. */
export interface ListedShares extends Omit<ListedClaimResult, "claimed"> {
  readonly shares: readonly ClaimedRows[];
}

/** {@link claimProgram} as one statement, which may end other attempts along with it. */
export function* claimListedProgram(
  claims: ListedClaims,
  requests: readonly TermedClaim[],
  how: Pick<ListedClaim, "lazily" | "inTransaction" | "ending">,
): SqlProgram<ListedShares> {
  const { token, terms } = requests[0] as TermedClaim;
  const renew = requests.some((request) => request.terms.renew);
  const { claimed, ...rest } = yield* claims.claim({
    token,
    terms: { ...terms, renew },
    wishes: requests,
    ...how,
  });
  const ordered = [...claimed].sort(claims.codec.compareClaims);
  const renewed = renew && claimed.length > 0;
  const shares = requests.map(({ limit }) => ({
    rows: ordered.splice(0, limit),
    token,
    renewed,
    sweepAgain: false,
  }));
  return { ...rest, shares };
}

/** Takes jobs from the dead and from those that take too long; whether there may be more. */
export function* sweepProgram(statements: QueueStatements, terms: ClaimTerms): SqlProgram<boolean> {
  const { withoutCompiling } = statements.dialect;
  // How many instances there are is beyond any estimate.
  if (withoutCompiling !== undefined) yield { text: withoutCompiling, params: [] };
  const crashed = (yield statements.crashed(terms)).rows;
  const timedOut = (yield statements.timedOut({})).rows;
  if (crashed.length + timedOut.length === 0) return false;
  // Whoever judges others is seen to live.
  yield statements.renewLease(terms);
  const requeued = new Map<number, ChangeValues<"token" | "delayMs">>();
  const failed = new Map<number, ChangeValues<"token" | "error" | "error_code">>();
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
    if (fate.status === JobStatus.PENDING) {
      requeued.set(Number(id), { ...attempt, delayMs: fate.delayMs });
    } else {
      failed.set(Number(id), { ...attempt, error: fate.error, error_code: fate.error_code });
    }
  }
  yield* statements.requeue.each([...requeued.values()]);
  yield* statements.failCutOff.each([...failed.values()]);
  yield statements.forgetLeases(terms);
  return crashed.length === SWEEP_BATCH || timedOut.length === SWEEP_BATCH;
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
