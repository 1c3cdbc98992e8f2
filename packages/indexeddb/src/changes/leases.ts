import type { LeaseRecord } from "./changeRecords.ts";

/** A lease and whose it is. */
export interface FoundLease extends LeaseRecord {
  readonly subscriber: string;
}

/** Leases told apart by what has become of their holders. */
export interface SortedLeases {
  readonly living: readonly FoundLease[];
  /** They have ended, but their holders exist: a background tab's timers may sleep for long. */
  readonly sleeping: readonly FoundLease[];
  readonly dead: readonly FoundLease[];
}

/** @param holders the connections that are known to exist */
export function sortLeases(
  leases: readonly FoundLease[],
  nowMs: number,
  holders: ReadonlySet<string>,
): SortedLeases {
  const living: FoundLease[] = [];
  const sleeping: FoundLease[] = [];
  const dead: FoundLease[] = [];
  for (const lease of leases) {
    if (lease.until > nowMs) living.push(lease);
    else if (lease.holder !== undefined && holders.has(lease.holder)) sleeping.push(lease);
    else dead.push(lease);
  }
  return { living, sleeping, dead };
}

/** How many changes a log keeps, for whom. */
export interface Retention {
  /** The newest ones, for those who come back. */
  readonly retainedChanges: number;
  /** For subscribers that sleep; one that is further behind gets a RESYNC. */
  readonly sleepersChanges: number;
}

/** Up to which number a log's changes are of no more use to anybody. */
export function trimEnd(
  { living, sleeping }: SortedLeases,
  last: number,
  { retainedChanges, sleepersChanges }: Retention,
): number {
  let end = last - retainedChanges;
  for (const { position } of living) end = Math.min(end, position ?? end);
  let slowestSleeper = end;
  for (const { position } of sleeping) slowestSleeper = Math.min(slowestSleeper, position ?? end);
  return Math.min(end, Math.max(slowestSleeper, last - sleepersChanges));
}
