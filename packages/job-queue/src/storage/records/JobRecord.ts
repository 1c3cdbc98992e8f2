import type { JobBackoff, StoredJob } from "../JobStorageFormat.ts";

/** A job as stores of objects keep it: never changed, only replaced. */
export interface JobRecord {
  /** As callers see it; what is in it must not be handed out where the store keeps the object itself. */
  readonly stored: Readonly<StoredJob>;
  readonly runAfterMs: number;
  /** PENDING and due, as far as anybody has looked. */
  readonly ready: boolean;
  readonly completedMs: number;
  /** When the attempt under way has taken too long. */
  readonly timeoutAtMs: number;
  readonly backoff: JobBackoff | null;
  /** How often an attempt was cut off. */
  readonly crashes: number;
}

export function numberOf({ stored }: JobRecord): number {
  return stored.id as number;
}

/** The order of claims among jobs that are due. */
export function byClaim(a: JobRecord, b: JobRecord): number {
  return b.stored.priority - a.stored.priority || byRunAfter(a, b);
}

export function byRunAfter(a: JobRecord, b: JobRecord): number {
  return a.runAfterMs - b.runAfterMs || byNumber(a, b);
}

export function byCompletion(a: JobRecord, b: JobRecord): number {
  return a.completedMs - b.completedMs || byNumber(a, b);
}

export function byNumber(a: JobRecord, b: JobRecord): number {
  return numberOf(a) - numberOf(b);
}

/**
 * PENDING jobs in the order of `BaseQueueStorage._peek`.
 *
 * @param ready those known to be due, in the order of claims; `limit` of them are enough
 * @param delayed the others by `run_after`: all that have come due since, and `limit` more
 */
export function pendingInOrder<Job extends JobRecord>(
  ready: Iterable<Job>,
  delayed: Iterable<Job>,
  limit: number,
  nowMs: number,
): readonly Job[] {
  const due: Job[] = [];
  const later: Job[] = [];
  for (const job of delayed) {
    if (job.runAfterMs <= nowMs) due.push(job);
    else if (later.length < limit) later.push(job);
    else break;
  }
  const first = firstOf(ready, limit);
  const claimable = due.length === 0 ? first : [...first, ...due].sort(byClaim);
  return [...claimable, ...later].slice(0, limit);
}

export function firstOf<T>(items: Iterable<T>, limit: number): readonly T[] {
  const first: T[] = [];
  for (const item of items) {
    if (first.length === limit) break;
    first.push(item);
  }
  return first;
}
