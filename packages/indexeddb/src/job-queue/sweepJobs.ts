import type { ClaimTerms } from "@workglow/job-queue";
import { sweptJob } from "@workglow/job-queue/records";
import { request } from "../connection/request.ts";
import type { InstanceLocks } from "./InstanceLocks.ts";
import { HELD_STATUSES, type HeldStatus, type JobEntries } from "./JobEntries.ts";
import type { JobWork } from "./JobWork.ts";
import { LEASES_STORE, type StoredLease } from "./jobStores.ts";

/** Most jobs that one look takes from the dead. */
const SWEEP_BATCH = 100;

/** Most leases that one look reads to forget those that have ended. */
const MOST_LEASES = 1000;

type Terms = Pick<ClaimTerms, "instance" | "leaseMs" | "sweep">;

/**
 * Looks for instances that have ended, and gives their jobs to the living; with `terms.sweep` also
 * those of instances whose lease has run out, and jobs that take too long. From here on it hears at
 * once of the end of those that it has found alive and at work.
 *
 * An instance that has shown a lock lives as long as it holds it, however old its lease is: the
 * timers of a tab in the background hardly run.
 *
 * @returns whether there is more to sweep
 */
export async function sweepJobs(
  work: JobWork,
  entries: JobEntries,
  locks: InstanceLocks,
  terms: Terms,
): Promise<boolean> {
  const { instance: own } = terms;
  const holders = [...(await holdersOf(work, entries))].filter((instance) => instance !== own);
  const found = await Promise.all(
    holders.map((instance) => work.tx.get<StoredLease>(LEASES_STORE, instance)),
  );
  const isDead = (instance: string, lease: StoredLease | undefined): boolean => {
    // One that let go of its lock by itself has said so in its lease.
    if (locks.isGone(instance) && lease?.locked !== false) return true;
    if (!terms.sweep) return false;
    if (lease?.locked === true && locks.available) return false;
    return lease === undefined || lease.expiresMs <= work.nowMs;
  };
  let more = false;
  let swept = false;
  const left = new Set<string>();
  for (const [at, instance] of holders.entries()) {
    const lease = found[at];
    if (isDead(instance, lease)) {
      swept = true;
      if (await sweepInstance(work, entries, instance)) continue;
      more = true;
    } else if (lease?.locked === true) locks.watch(instance);
    else locks.forget(instance);
    left.add(instance);
  }
  if (terms.sweep) {
    const late = await work.records("timeout", entries.timedOut(work.nowMs), SWEEP_BATCH);
    for (const job of late) work.replace(job, sweptJob(job, work.nowMs));
    if (late.length === SWEEP_BATCH) more = true;
    if (late.length > 0) swept = true;
    await forgetLeases(work, locks, terms, left);
  }
  await forgetEnded(work, locks, left);
  // Whoever judges others is seen to live.
  if (swept) renewLease(work, locks, terms);
  return more;
}

export function renewLease(
  work: Pick<JobWork, "tx" | "nowMs">,
  locks: InstanceLocks,
  { instance, leaseMs }: Pick<ClaimTerms, "instance" | "leaseMs">,
): void {
  const lease: StoredLease = { instance, expiresMs: work.nowMs + leaseMs, locked: locks.held };
  work.tx.send(LEASES_STORE, lease);
}

/** Whoever holds jobs of the queue, one step of a cursor each. */
async function holdersOf(work: JobWork, entries: JobEntries): Promise<ReadonlySet<string>> {
  const holders = new Set<string>();
  await Promise.all(
    HELD_STATUSES.map((status) => {
      const cursors = work.index("place").openKeyCursor(entries.of(status));
      return new Promise<void>((resolve, reject) => {
        cursors.onerror = () => reject(cursors.error);
        cursors.onsuccess = () => {
          const cursor = cursors.result;
          if (cursor === null) return resolve();
          const { instance } = entries.heldIn(cursor.key);
          holders.add(instance);
          cursor.continue(entries.pastInstance(status, instance));
        };
      });
    }),
  );
  return holders;
}

/** Whether the instance then has nothing any more. */
async function sweepInstance(
  work: JobWork,
  entries: JobEntries,
  instance: string,
): Promise<boolean> {
  const held = (status: HeldStatus) =>
    work.records("place", entries.heldBy(status, instance), SWEEP_BATCH);
  const found = await Promise.all(HELD_STATUSES.map(held));
  for (const job of found.flat()) work.replace(job, sweptJob(job, work.nowMs));
  return found.every((jobs) => jobs.length < SWEEP_BATCH);
}

/**
 * Removes the leases of those who have gone with their locks. One that let go of its lock by itself
 * may have left jobs of another queue to its lease.
 */
async function forgetEnded(
  { tx, nowMs }: JobWork,
  locks: InstanceLocks,
  holders: ReadonlySet<string>,
): Promise<void> {
  const ended = locks.ended.filter((instance) => !holders.has(instance));
  const leases = await Promise.all(
    ended.map((instance) => tx.get<StoredLease>(LEASES_STORE, instance)),
  );
  for (const [at, instance] of ended.entries()) {
    const lease = leases[at];
    if (lease !== undefined && (lease.locked || lease.expiresMs <= nowMs)) {
      tx.sendDelete(LEASES_STORE, instance);
    }
    locks.forget(instance);
  }
}

/**
 * Removes leases that ran out long ago: a missing one counts the same. Whether an instance with a
 * lock lives is asked of the lock.
 *
 * @param holders those whose leases are needed
 */
async function forgetLeases(
  { tx, nowMs }: JobWork,
  locks: InstanceLocks,
  { instance: own, leaseMs }: Terms,
  holders: ReadonlySet<string>,
): Promise<void> {
  const leases = await request<StoredLease[]>(
    tx.store(LEASES_STORE).getAll(undefined, MOST_LEASES),
  );
  for (const { instance, expiresMs, locked } of leases) {
    if (instance === own || holders.has(instance) || expiresMs + leaseMs > nowMs) continue;
    if (locked && locks.available) locks.watch(instance);
    else tx.sendDelete(LEASES_STORE, instance);
  }
}
