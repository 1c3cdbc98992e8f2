import type { SqlProgram, SqlRow } from "@workglow/storage/sql";
import type { NewJob } from "../newJob.ts";
import type { ClaimTerms } from "../queueDriver.ts";
import type { JobInserts } from "./insertJobs.ts";
import type { QueueQueries } from "./QueueQueries.ts";
import type { QueueStatements } from "./QueueStatements.ts";

export function* addProgram(inserts: JobInserts, jobs: readonly NewJob[]): SqlProgram<number[]> {
  const ids: number[] = [];
  for (const statement of inserts.of(jobs)) {
    for (const [id] of (yield statement).rows) ids.push(Number(id));
  }
  // No database promises the order of returned rows.
  return ids.sort((a, b) => a - b);
}

/** Renews the lease, and gives back what was claimed without the answer getting here. */
export function* renewProgram(
  statements: QueueStatements,
  { instance, leaseMs }: Pick<ClaimTerms, "instance" | "leaseMs">,
  known: (token: string) => boolean,
): SqlProgram<readonly { readonly id: unknown; readonly token: string }[]> {
  yield statements.renewLease({ instance, leaseMs });
  const { rows } = yield statements.heldBy({ instance, ageMs: Math.ceil(leaseMs / 3) });
  const held: { readonly id: number; readonly token: string }[] = [];
  const lost: { readonly id: number; readonly token: string }[] = [];
  for (const [id, leaseToken, isOld] of rows) {
    const token = String(leaseToken);
    (Number(isOld) === 1 && !known(token) ? lost : held).push({ id: Number(id), token });
  }
  yield* statements.giveBack.each(lost);
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
