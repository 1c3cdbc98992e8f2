import { isFinalStatus, JobStatus } from "@workglow/job-queue";
import type { JobRecord } from "@workglow/job-queue/records";
import type { Prefix } from "@workglow/storage";

/**
 * Where a job stands, as the part of its entry that follows tenant and queue: each job is in one
 * place at a time, in the order in which it is looked for there.
 */
const PLACE = {
  /** By priority, highest first, and `run_after`. */
  READY: 0,
  /** By `run_after`. */
  DELAYED: 1,
  /** By the instance that holds them, in the order of claims, with the token. */
  PROCESSING: 2,
  ABORTING: 3,
  /** By `completed_at`. */
  COMPLETED: 4,
  FAILED: 5,
  DISABLED: 6,
} as const;

/** A job with its index entries. Those of one value are in the order of the ids. */
export interface StoredRecord extends JobRecord {
  readonly place: IDBValidKey;
  /** While an attempt runs that has a time-out: when that is up. */
  readonly timeout?: IDBValidKey;
  /** Where the job is one of a run. */
  readonly run?: IDBValidKey;
  /** By fingerprint, once COMPLETED. */
  readonly done?: IDBValidKey;
}

export type HeldStatus = typeof JobStatus.PROCESSING | typeof JobStatus.ABORTING;
export const HELD_STATUSES: readonly HeldStatus[] = [JobStatus.PROCESSING, JobStatus.ABORTING];

/** What is known of a held job without reading it. */
export interface HeldEntry {
  readonly instance: string;
  /** By which the order of claims goes, lowest first: the priority, negated. */
  readonly rank: number;
  readonly runAfterMs: number;
  readonly token: string;
}

/** The index entries of one queue of one tenant. */
export class JobEntries {
  private readonly queue: string;
  private readonly prefixes: readonly Prefix[];
  private readonly scope: readonly (string | number)[];

  public constructor(queue: string, prefixes: readonly Prefix[]) {
    this.queue = queue;
    this.prefixes = prefixes;
    this.scope = [...prefixes.map(({ value }) => value), queue];
  }

  /** Whether the job is one of this queue and tenant. */
  public has({ stored }: JobRecord): boolean {
    const columns = stored as unknown as Readonly<Record<string, unknown>>;
    return (
      columns.queue === this.queue &&
      this.prefixes.every(({ name, value }) => columns[name] === value)
    );
  }

  public record(job: JobRecord): StoredRecord {
    const { stored, timeoutAtMs } = job;
    const { status, job_run_id, fingerprint } = stored;
    // A record that was read has the entries of what it was before.
    const { place, timeout, run, done, ...rest } = job as StoredRecord;
    return {
      ...rest,
      place: this.placeOf(job),
      ...(Number.isFinite(timeoutAtMs) && { timeout: this.key(timeoutAtMs) }),
      ...(job_run_id !== undefined && { run: this.key(job_run_id) }),
      ...(status === JobStatus.COMPLETED && { done: this.key(fingerprint) }),
    };
  }

  // ——— ranges of "place"

  public get ready(): IDBKeyRange {
    return this.below(PLACE.READY);
  }

  public get pending(): IDBKeyRange {
    return IDBKeyRange.bound(this.key(PLACE.READY), this.key(PLACE.DELAYED, []));
  }

  /** Delayed jobs whose time has come. */
  public due(nowMs: number): IDBKeyRange {
    return IDBKeyRange.bound(this.key(PLACE.DELAYED), this.key(PLACE.DELAYED, nowMs));
  }

  /** Delayed jobs whose time has not come. */
  public later(nowMs: number): IDBKeyRange {
    const [from, to] = [this.key(PLACE.DELAYED, nowMs), this.key(PLACE.DELAYED, [])];
    return IDBKeyRange.bound(from, to, true);
  }

  /** All jobs of a status other than PENDING. */
  public of(status: Exclude<JobStatus, typeof JobStatus.PENDING>): IDBKeyRange {
    return this.below(PLACE[status]);
  }

  public endedBy(status: keyof typeof PLACE, ms: number): IDBKeyRange {
    return IDBKeyRange.bound(this.key(PLACE[status]), this.key(PLACE[status], ms));
  }

  public heldBy(status: HeldStatus, instance: string): IDBKeyRange {
    return this.below(PLACE[status], instance);
  }

  /** What a key of {@link of} a held status tells. */
  public heldIn(key: IDBValidKey): HeldEntry {
    const parts = (key as readonly IDBValidKey[]).slice(this.scope.length + 1);
    const [instance, rank, runAfterMs, token] = parts as [string, number, number, string];
    return { instance, rank, runAfterMs, token };
  }

  /** After all jobs that an instance holds. */
  public pastInstance(status: HeldStatus, instance: string): IDBValidKey {
    return this.key(PLACE[status], instance, []);
  }

  public get all(): IDBKeyRange {
    return this.below();
  }

  // ——— ranges of the other indexes

  public timedOut(nowMs: number): IDBKeyRange {
    return IDBKeyRange.bound(this.key(), this.key(nowMs));
  }

  /** Of "run" and "done". */
  public named(text: string): IDBKeyRange {
    return IDBKeyRange.only(this.key(text));
  }

  private placeOf({ stored, ready, runAfterMs, completedMs }: JobRecord): IDBValidKey {
    const { status, priority, lease_instance, lease_token } = stored;
    if (status === JobStatus.PENDING) {
      return ready
        ? this.key(PLACE.READY, 0 - priority, runAfterMs)
        : this.key(PLACE.DELAYED, runAfterMs);
    }
    return isFinalStatus(status)
      ? this.key(PLACE[status], completedMs)
      : this.key(
          PLACE[status],
          lease_instance as string,
          0 - priority,
          runAfterMs,
          lease_token as string,
        );
  }

  /** Everything whose entry begins with these parts. Lists come after all else. */
  private below(...parts: readonly IDBValidKey[]): IDBKeyRange {
    return IDBKeyRange.bound(this.key(...parts), this.key(...parts, []));
  }

  private key(...parts: readonly IDBValidKey[]): IDBValidKey {
    return [...this.scope, ...parts];
  }
}
