import type { ClaimTerms } from "@workglow/job-queue";
import { renewalStep } from "@workglow/job-queue/records";
import { heldJobs } from "./heldJobs.ts";
import { InstanceLocks } from "./InstanceLocks.ts";
import type { JobEntries } from "./JobEntries.ts";
import { type JobWork, PAGE } from "./JobWork.ts";
import { LEASES_STORE, type StoredLease } from "./jobStores.ts";
import type { StoresAccess } from "./StoresAccess.ts";
import { renewLease } from "./sweepJobs.ts";

type Terms = Pick<ClaimTerms, "instance" | "leaseMs">;

/** How a storage instance shows that it is alive: its lock and its lease, once it claims. */
export class LivingInstance {
  public readonly locks = new InstanceLocks();
  private terms: Terms | undefined;

  /** Notes who the instance is. Nobody knows before its first claim. */
  public begin({ instance, leaseMs }: Terms): void {
    this.terms ??= { instance, leaseMs };
  }

  /** What the first claim has to wait for; `undefined` for nothing. */
  public whenShown(): Promise<void> | undefined {
    if (this.terms === undefined || this.locks.settled) return undefined;
    return this.locks.hold(this.terms.instance);
  }

  /** See `BaseQueueStorage._renew`. */
  public async renew(
    work: JobWork,
    entries: JobEntries,
    terms: Terms,
    known: (token: string) => boolean,
  ): Promise<readonly { readonly id: unknown; readonly token: string }[]> {
    renewLease(work, this.locks, terms);
    const held: { readonly id: unknown; readonly token: string }[] = [];
    const unknown: IDBValidKey[] = [];
    for (const { id, token } of await heldJobs(work, entries, terms.instance)) {
      if (known(token)) held.push({ id, token });
      else unknown.push(id);
    }
    for (let at = 0; at < unknown.length; at += PAGE) {
      for (const job of await work.readAll(unknown.slice(at, at + PAGE))) {
        const next = renewalStep(job, terms, known, work.nowMs);
        if (next !== job) work.replace(job, next);
        else held.push({ id: job.stored.id, token: job.stored.lease_token as string });
      }
    }
    return held;
  }

  /**
   * Lets go of the lock. Jobs that the instance still holds may be worked on all the same: from now
   * on it is the lease that tells for how long.
   */
  public async end(access: StoresAccess): Promise<void> {
    const { terms, locks } = this;
    try {
      if (terms !== undefined && locks.held) await leaveToLease(access, terms);
    } catch {
      // The database may be gone by now. Then the end of the lock is the end of the instance.
    } finally {
      locks.release();
    }
  }
}

function leaveToLease(access: StoresAccess, { instance, leaseMs }: Terms): Promise<void> {
  return access.run("turn", "readwrite", undefined, undefined, async (tx) => {
    const lease = await tx.get<StoredLease>(LEASES_STORE, instance);
    if (lease === undefined) return;
    // Its last renewal may be long ago, in a tab in the background.
    const expiresMs = Date.now() + leaseMs;
    tx.send(LEASES_STORE, { instance, expiresMs, locked: false } satisfies StoredLease);
  });
}
