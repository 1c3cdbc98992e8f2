import type { StorageCapabilities, Transaction, Unsubscribe } from "@workglow/storage";
import type { CallOptions, EventArguments } from "@workglow/util";
import type { FinalJobStatus, JobStatus } from "./JobStatus.ts";
import type { JobStorageFormat, StoredJob } from "./JobStorageFormat.ts";

/**
 * A committed change of one job. RESYNC carries no job: changes were missed (the subscriber was
 * stopped for longer than the database keeps them), so whoever keeps a picture reads anew.
 */
export type QueueChangePayload<Input, Output> = {
  readonly type: "INSERT" | "UPDATE" | "DELETE" | "RESYNC";
  readonly old?: StoredJob<Input, Output>;
  readonly new?: StoredJob<Input, Output>;
};

export type QueueSubscribeOptions = {
  /** Milliseconds between looks for the changes of other processes, where they are not pushed. */
  readonly pollingIntervalMs?: number;
  /**
   * Whose jobs: those of this instance's prefix values (not given), of all tenants (`{}`), or of
   * the tenants that have the given values. An explicit filter is for trusted code.
   */
  readonly prefixFilter?: Readonly<Record<string, string | number>>;
};

export type AddOptions = CallOptions & {
  /** Adds inside this transaction of the same database. */
  readonly tx?: Transaction;
};

export type SaveProgressOptions = CallOptions & {
  /** The attempt; this instance's one outstanding claim of the job unless given. */
  readonly leaseToken?: string;
};

/** What this instance did, after the commit. */
export type QueueStorageEvents<Input, Output> = {
  add: (id: unknown) => void;
  next: (job: StoredJob<Input, Output>) => void;
  complete: (id: unknown, status: JobStatus) => void;
  progress: (id: unknown, progress: number) => void;
  abort: (id: unknown) => void;
  delete: (id: unknown) => void;
  deleteall: () => void;
};

/**
 * The persistence of one job queue. A job goes PENDING → PROCESSING → COMPLETED, FAILED or
 * DISABLED; a retry is PENDING again. Claims are leased: a job whose claimer dies runs again, and a
 * claimer that comes back late is refused with a `StaleLeaseError`.
 */
// biome-ignore lint/suspicious/noExplicitAny: the published type leaves inputs and outputs open
export interface IQueueStorage<Input = any, Output = any> extends Disposable, AsyncDisposable {
  readonly name: string;
  readonly queueName: string;
  readonly capabilities: StorageCapabilities;

  /**
   * Stores a copy of the job as PENDING; gives its id.
   * @throws StorageValidationError for a field that no new job can have, or a value that cannot be
   *   stored; StorageUnsupportedError for `dedupe_key`, `group_key` and `parent_ids`
   */
  add(job: JobStorageFormat<Input, Output>, options?: AddOptions): Promise<unknown>;
  /** Stores all jobs or none; gives their ids in input order. */
  addMany(
    jobs: readonly JobStorageFormat<Input, Output>[],
    options?: AddOptions,
  ): Promise<unknown[]>;
  get(id: unknown, options?: CallOptions): Promise<StoredJob<Input, Output> | undefined>;
  /**
   * Claims the next job that is due: highest `priority`, then earliest `run_after`, then first
   * added. The attempt is counted, and `lease_token` names it.
   */
  next(workerId: string, options?: CallOptions): Promise<StoredJob<Input, Output> | undefined>;
  /** Claims up to `limit` jobs, in the order of `next`. */
  nextMany(
    workerId: string,
    limit: number,
    options?: CallOptions,
  ): Promise<StoredJob<Input, Output>[]>;
  /**
   * Ends the attempt as `job.status` says. COMPLETED, FAILED and DISABLED are final; PENDING is a
   * retry at `job.run_after`, which becomes FAILED ("Max retries reached") when the job has run
   * `1 + max_retries` times, and FAILED too when it was to be aborted. Repeating the call with the
   * token that ended the attempt succeeds. A job that does not exist is a warning in the log.
   * @throws StaleLeaseError when the attempt is not held
   */
  complete(job: JobStorageFormat<Input, Output>, options?: CallOptions): Promise<void>;
  /**
   * Ends several attempts. Those that are held are ended even where others are not.
   * @throws StaleLeaseError when some are not held; an `AggregateError` with one for each is its
   *   cause
   */
  completeMany(
    jobs: readonly JobStorageFormat<Input, Output>[],
    options?: CallOptions,
  ): Promise<void>;
  /**
   * {@link completeMany}, then {@link nextMany}, in one step where the backend can: the round of a
   * worker that takes its next jobs as it hands in the last. Claims nothing where an attempt is not
   * held.
   * @throws StaleLeaseError as `completeMany` does; the other attempts have ended all the same
   */
  completeAndNext(
    jobs: readonly JobStorageFormat<Input, Output>[],
    workerId: string,
    limit: number,
    options?: CallOptions,
  ): Promise<StoredJob<Input, Output>[]>;
  /**
   * Gives a claimed job back as if it had not been claimed: PENDING, the attempt not counted. A job
   * that was to be aborted is FAILED.
   * @throws StaleLeaseError when the attempt is not held
   */
  release(job: JobStorageFormat<Input, Output>, options?: CallOptions): Promise<void>;
  /**
   * Jobs of a status (PENDING), at most `num` (100). PENDING jobs come in the order in which they
   * would be claimed, those that are not due last; final ones in the order in which they ended.
   */
  peek(
    status?: JobStatus,
    num?: number,
    options?: CallOptions,
  ): Promise<StoredJob<Input, Output>[]>;
  /** How many jobs have the status (PENDING). */
  size(status?: JobStatus, options?: CallOptions): Promise<number>;
  /** PENDING becomes FAILED, PROCESSING becomes ABORTING; a final job is left alone. */
  abort(id: unknown, options?: CallOptions): Promise<void>;
  /** The jobs of a run, as they were added. */
  getByRunId(runId: string, options?: CallOptions): Promise<StoredJob<Input, Output>[]>;
  /**
   * The output of the newest COMPLETED job (the one added last) with the same input; `null` where
   * there is none.
   */
  outputForInput(input: Input, options?: CallOptions): Promise<Output | null>;
  /**
   * Keeps how far an attempt is; the status stays. A job that does not exist is a warning.
   * @param progress 0 to 100
   * @throws StaleLeaseError when the attempt is not held
   */
  saveProgress(
    id: unknown,
    progress: number,
    message: string,
    // biome-ignore lint/suspicious/noExplicitAny: the published signature
    details: Record<string, any> | null,
    options?: SaveProgressOptions,
  ): Promise<void>;
  delete(id: unknown, options?: CallOptions): Promise<void>;
  /**
   * Deletes jobs that ended at least `olderThanMs` milliseconds ago.
   * @throws StorageValidationError for a status that is not final
   */
  deleteJobsByStatusAndAge(
    status: FinalJobStatus | JobStatus,
    olderThanMs: number,
    options?: CallOptions,
  ): Promise<void>;
  /** Deletes the jobs of this queue and tenant. */
  deleteAll(options?: CallOptions): Promise<void>;
  /** Reports committed changes of this queue's jobs, from every process. */
  subscribeToChanges(
    callback: (change: QueueChangePayload<Input, Output>) => void | Promise<void>,
    options?: QueueSubscribeOptions,
  ): Unsubscribe;

  on<Name extends keyof QueueStorageEvents<Input, Output>>(
    name: Name,
    fn: QueueStorageEvents<Input, Output>[Name],
  ): void;
  off<Name extends keyof QueueStorageEvents<Input, Output>>(
    name: Name,
    fn: QueueStorageEvents<Input, Output>[Name],
  ): void;
  once<Name extends keyof QueueStorageEvents<Input, Output>>(
    name: Name,
    fn: QueueStorageEvents<Input, Output>[Name],
  ): void;
  emit<Name extends keyof QueueStorageEvents<Input, Output>>(
    name: Name,
    ...args: EventArguments<QueueStorageEvents<Input, Output>[Name]>
  ): void;
  waitOn<Name extends keyof QueueStorageEvents<Input, Output>>(
    name: Name,
  ): Promise<EventArguments<QueueStorageEvents<Input, Output>[Name]>>;

  /** The same storage inside a transaction of its database. */
  with(tx: Transaction): this;
  /** Creates or extends the tables; idempotent and safe from several processes at once. */
  setupDatabase(options?: CallOptions): Promise<void>;
  /**
   * Stops the intake and the renewal of the lease. Jobs still claimed go to others once the lease
   * has run out.
   */
  destroy(): void;
}
