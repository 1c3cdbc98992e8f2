import {
  type Awaitable,
  andThen,
  BaseStorage,
  checkedCount,
  checkedPrefixValue,
  compilePrefixes,
  describeType,
  type Prefix,
  type Transaction,
  type Unsubscribe,
} from "@workglow/storage";
import {
  type CallOptions,
  checkText,
  getLogger,
  isTransient,
  StorageClosedError,
  StorageError,
  StorageValidationError,
  utf8ByteLength,
} from "@workglow/util";
import { retried, settled } from "./awaitableCalls.ts";
import { ClaimLedger } from "./ClaimLedger.ts";
import type {
  AddOptions,
  IQueueStorage,
  QueueChangePayload,
  QueueStorageEvents,
  QueueSubscribeOptions,
  SaveProgressOptions,
} from "./IQueueStorage.ts";
import { type FinalJobStatus, isFinalStatus, isJobStatus, JobStatus } from "./JobStatus.ts";
import type { JobStorageFormat, StoredJob } from "./JobStorageFormat.ts";
import { type JobEnding, type JobProgress, jobEnding, jobProgress } from "./jobEnding.ts";
import { isJobField } from "./jobFields.ts";
import { fingerprintOf, indexedText, type JobQueue, type NewJob, newJob } from "./newJob.ts";
import { QueueLease } from "./QueueLease.ts";
import type { QueueStorageOptions } from "./QueueStorageOptions.ts";
import type {
  ClaimRequest,
  ClaimResult,
  ClaimTerms,
  FencedOutcome,
  QueueChange,
} from "./queueDriver.ts";
import { StaleLeaseError } from "./StaleLeaseError.ts";

const DEFAULT_LEASE_MS = 30_000;
const MAX_LEASE_MS = 2 ** 31 - 1;
const DEFAULT_PEEK = 100;
const MAX_KEY_BYTES = 1000;

/**
 * Everything about job queues that holds on every backend: jobs are checked and copied, claims are
 * remembered and fenced, the lease is kept. A backend implements the driver methods, whose names
 * begin with `_`: they get checked input and return what is the caller's to keep.
 */
export abstract class BaseQueueStorage<Input, Output>
  extends BaseStorage<QueueStorageEvents<Input, Output>>
  implements IQueueStorage<Input, Output>
{
  public readonly queueName: string;
  protected readonly prefixes: readonly Prefix[];
  private readonly lease: QueueLease;
  private readonly ledger = new ClaimLedger();
  private readonly renewal: { running: boolean } = { running: false };
  private readonly keyBytes: number;

  protected constructor(queueName: string, options: QueueStorageOptions = {}) {
    super(checkedQueueName(queueName));
    this.queueName = queueName;
    this.prefixes = compilePrefixes(options, isJobField);
    this.keyBytes = [queueName, ...this.prefixes.map(({ value }) => String(value))].reduce(
      (bytes, text) => bytes + utf8ByteLength(text),
      0,
    );
    if (this.keyBytes > MAX_KEY_BYTES) {
      throw new StorageValidationError(
        `the queue's name and prefix values hold at most ${MAX_KEY_BYTES} bytes together`,
      );
    }
    this.lease = new QueueLease(checkedLeaseMs(options.leaseMs), () => void this.renewLease());
  }

  // ——— adding

  public add(job: JobStorageFormat<Input, Output>, options?: AddOptions): Promise<unknown> {
    if (options?.tx !== undefined) return this.inside("add", options, (tx, o) => tx.add(job, o));
    return this.perform("add", options, async (o) => {
      const [id] = await this._add([newJob(job, this.queue())], o);
      this.emitIds("add", [id]);
      return id;
    });
  }

  public addMany(
    jobs: readonly JobStorageFormat<Input, Output>[],
    options?: AddOptions,
  ): Promise<unknown[]> {
    if (options?.tx !== undefined) {
      return this.inside("addMany", options, (tx, o) => tx.addMany(jobs, o));
    }
    return this.perform("addMany", options, async (o) => {
      const queue = this.queue();
      const added = checkedList(jobs).map((job) => newJob(job, queue));
      if (added.length === 0) return [];
      const ids = await this._add(added, o);
      this.emitIds("add", ids);
      return [...ids];
    });
  }

  // ——— claiming and ending attempts

  public next(
    workerId: string,
    options?: CallOptions,
  ): Promise<StoredJob<Input, Output> | undefined> {
    return this.claimFor("next", options, (o) =>
      andThen(this.claim(workerId, 1, o), ([job]) => job),
    );
  }

  public nextMany(
    workerId: string,
    limit: number,
    options?: CallOptions,
  ): Promise<StoredJob<Input, Output>[]> {
    return this.claimFor("nextMany", options, (o) =>
      this.claim(workerId, checkedCount(limit ?? null, "limit", 1) as number, o),
    );
  }

  public complete(job: JobStorageFormat<Input, Output>, options?: CallOptions): Promise<void> {
    return this.perform("complete", options, (o) => this.end([job], o));
  }

  public completeMany(
    jobs: readonly JobStorageFormat<Input, Output>[],
    options?: CallOptions,
  ): Promise<void> {
    return this.perform("completeMany", options, (o) => this.end(checkedList(jobs), o));
  }

  public release(job: JobStorageFormat<Input, Output>, options?: CallOptions): Promise<void> {
    return this.perform("release", options, async (o) => {
      const { id, lease_token } = checkedJob(job);
      const token = this.tokenFor(id, lease_token);
      if (token === undefined) throw new StaleLeaseError([id]);
      const stale = this.settleClaims(
        "release",
        [{ id, token }],
        [await this._release({ id, token }, o)],
      );
      if (stale.length > 0) throw new StaleLeaseError(stale);
    });
  }

  public saveProgress(
    id: unknown,
    progress: number,
    message: string,
    // biome-ignore lint/suspicious/noExplicitAny: the published signature
    details: Record<string, any> | null,
    options?: SaveProgressOptions,
  ): Promise<void> {
    return this.perform("saveProgress", options, async (o) => {
      const token = this.tokenFor(id, options?.leaseToken);
      const saved = jobProgress(id, token, progress, message, details);
      const outcome = await this.retried(o, () => this._saveProgress(saved, o));
      if (outcome === "missing") this.warnMissing(id, "saveProgress");
      else if (outcome === "stale") throw new StaleLeaseError([id]);
      else this.emitLater("progress", id, saved.progress);
    });
  }

  // ——— reading

  public get(id: unknown, options?: CallOptions): Promise<StoredJob<Input, Output> | undefined> {
    return this.perform("get", options, (o) => this.retried(o, () => this._get(id, o)));
  }

  public peek(
    status: JobStatus = JobStatus.PENDING,
    num: number = DEFAULT_PEEK,
    options?: CallOptions,
  ): Promise<StoredJob<Input, Output>[]> {
    return this.perform("peek", options, (o) => {
      const wanted = checkedStatus(status);
      const most = checkedCount(num ?? null, "num", 1) as number;
      return this.retried(o, () => this._peek(wanted, most, o));
    });
  }

  public size(status: JobStatus = JobStatus.PENDING, options?: CallOptions): Promise<number> {
    return this.perform("size", options, (o) => {
      const wanted = checkedStatus(status);
      return this.retried(o, () => this._size(wanted, o));
    });
  }

  public getByRunId(runId: string, options?: CallOptions): Promise<StoredJob<Input, Output>[]> {
    return this.perform("getByRunId", options, (o) => {
      const wanted = indexedText(runId, "runId", this.queue());
      return this.retried(o, () => this._getByRunId(wanted, o));
    });
  }

  public outputForInput(input: Input, options?: CallOptions): Promise<Output | null> {
    return this.perform("outputForInput", options, (o) => {
      const fingerprint = fingerprintOf(this.queueName, input);
      return this.retried(o, () => this._outputFor(fingerprint, o));
    });
  }

  // ——— aborting and deleting

  public abort(id: unknown, options?: CallOptions): Promise<void> {
    return this.perform("abort", options, async (o) => {
      if (await this._abort(id, o)) this.emitIds("abort", [id]);
    });
  }

  public delete(id: unknown, options?: CallOptions): Promise<void> {
    return this.perform("delete", options, async (o) => {
      if (await this._delete(id, o)) this.emitIds("delete", [id]);
    });
  }

  public deleteJobsByStatusAndAge(
    status: JobStatus,
    olderThanMs: number,
    options?: CallOptions,
  ): Promise<void> {
    return this.perform("deleteJobsByStatusAndAge", options, (o) => {
      if (!isFinalStatus(status)) {
        throw new StorageValidationError("only COMPLETED, FAILED and DISABLED jobs grow old");
      }
      if (!(typeof olderThanMs === "number" && olderThanMs >= 0 && olderThanMs < 8.64e15)) {
        throw new StorageValidationError("olderThanMs is a number of milliseconds, 0 or more");
      }
      return this._deleteFinished(status, olderThanMs, o);
    });
  }

  public deleteAll(options?: CallOptions): Promise<void> {
    return this.perform("deleteAll", options, async (o) => {
      await this._deleteAll(o);
      if (this.events.hasListeners("deleteall")) {
        this.afterCommit(() => this.events.emit("deleteall"));
      }
    });
  }

  // ——— changes, set-up

  public subscribeToChanges(
    callback: (change: QueueChangePayload<Input, Output>) => void | Promise<void>,
    options: QueueSubscribeOptions = {},
  ): Unsubscribe {
    return this.openSubscription("subscribeToChanges", () => {
      if (typeof callback !== "function") {
        throw new StorageValidationError("the callback is a function");
      }
      const pollingIntervalMs = checkedCount(options.pollingIntervalMs, "pollingIntervalMs", 1);
      const filter = this.filteredBy(options.prefixFilter);
      return this._subscribe(
        filter,
        callback,
        pollingIntervalMs === undefined ? {} : { pollingIntervalMs },
      );
    });
  }

  public setupDatabase(options?: CallOptions): Promise<void> {
    return this.perform("setupDatabase", options, (o) => this._setup(o));
  }

  protected override async freeResources(): Promise<void> {
    this.lease.stop();
    // Jobs that are still held keep their lease until it runs out: their work may go on.
    if (!this.lease.held || !this.ledger.isEmpty) return;
    try {
      await this._dropLease(this.lease.instance);
    } catch {
      // The database may be closed by now; the lease runs out by itself.
    }
  }

  // ——— driver methods

  /** Creates or extends the tables. */
  protected abstract _setup(o: CallOptions | undefined): Awaitable<void>;
  /** Stores all jobs or none; gives their ids, which grow, in order. */
  protected abstract _add(
    jobs: readonly NewJob[],
    o: CallOptions | undefined,
  ): Awaitable<readonly unknown[]>;
  protected abstract _claim(
    request: ClaimRequest,
    terms: ClaimTerms,
    o: CallOptions | undefined,
  ): Awaitable<ClaimResult<Input, Output>>;
  /**
   * Ends attempts. One without a token applies to a job that is PENDING and was never claimed, and
   * to no other: nobody can be at work on it.
   */
  protected abstract _end(
    endings: readonly JobEnding[],
    o: CallOptions | undefined,
  ): Awaitable<readonly FencedOutcome[]>;
  protected abstract _release(
    claim: { readonly id: unknown; readonly token: string },
    o: CallOptions | undefined,
  ): Awaitable<FencedOutcome>;
  protected abstract _saveProgress(
    progress: JobProgress,
    o: CallOptions | undefined,
  ): Awaitable<FencedOutcome>;
  protected abstract _get(
    id: unknown,
    o: CallOptions | undefined,
  ): Awaitable<StoredJob<Input, Output> | undefined>;
  /**
   * PENDING: due jobs in the order of claims, then the others by `run_after`. PROCESSING and
   * ABORTING: in the order of claims. Final: by `completed_at`. Ties by id.
   */
  protected abstract _peek(
    status: JobStatus,
    limit: number,
    o: CallOptions | undefined,
  ): Awaitable<StoredJob<Input, Output>[]>;
  protected abstract _size(status: JobStatus, o: CallOptions | undefined): Awaitable<number>;
  /** By id. */
  protected abstract _getByRunId(
    runId: string,
    o: CallOptions | undefined,
  ): Awaitable<StoredJob<Input, Output>[]>;
  /** The output of the newest COMPLETED job, which is the one added last. */
  protected abstract _outputFor(
    fingerprint: string,
    o: CallOptions | undefined,
  ): Awaitable<Output | null>;
  /** Whether it changed anything. */
  protected abstract _abort(id: unknown, o: CallOptions | undefined): Awaitable<boolean>;
  /** Whether the job was there. */
  protected abstract _delete(id: unknown, o: CallOptions | undefined): Awaitable<boolean>;
  protected abstract _deleteFinished(
    status: FinalJobStatus,
    olderThanMs: number,
    o: CallOptions | undefined,
  ): Awaitable<void>;
  protected abstract _deleteAll(o: CallOptions | undefined): Awaitable<void>;
  /**
   * Renews the lease. Gives back, uncounted, the instance's jobs whose tokens are not `known` and
   * that were claimed more than a third of the lease ago: the answers to their claims were lost.
   * Returns what the instance still holds.
   */
  protected abstract _renew(
    terms: Pick<ClaimTerms, "instance" | "leaseMs">,
    known: (token: string) => boolean,
    o: CallOptions | undefined,
  ): Awaitable<readonly { readonly id: unknown; readonly token: string }[]>;
  protected abstract _dropLease(instance: string): Awaitable<void>;
  /** Delivers changes of the queue's jobs that have the given prefix values. */
  protected abstract _subscribe(
    filter: readonly Prefix[],
    callback: (change: QueueChange<Input, Output>) => void | Promise<void>,
    options: { readonly pollingIntervalMs?: number },
  ): Unsubscribe;

  // ——— claims

  /** Jobs that were claimed for a caller who had given up on the call go back at once. */
  private claimFor<T extends StoredJob | undefined | readonly StoredJob[]>(
    operation: string,
    options: CallOptions | undefined,
    claim: (o: CallOptions | undefined) => Awaitable<T>,
  ): Promise<T> {
    if (options === undefined) return this.perform(operation, undefined, claim);
    let abandoned = false;
    let claimed: T | undefined;
    const call = this.perform(operation, options, (o) =>
      andThen(claim(o), (jobs) => {
        claimed = jobs;
        if (abandoned) this.giveBack(jobs);
        return jobs;
      }),
    );
    call.catch(() => {
      abandoned = true;
      this.giveBack(claimed);
    });
    return call;
  }

  private giveBack(jobs: StoredJob | undefined | readonly StoredJob[]): void {
    if (jobs === undefined) return;
    for (const { id, lease_token } of Array.isArray(jobs) ? jobs : [jobs]) {
      const token = lease_token as string;
      // Once forgotten, the next renewal gives it back where this does not get through.
      this.ledger.remove(id, token);
      const released = async (): Promise<FencedOutcome> => this._release({ id, token }, undefined);
      released().catch((error: unknown) => {
        getLogger().debug(`${this.queueName}: job ${String(id)} is given back later`, error);
      });
    }
  }

  private claim(
    workerId: unknown,
    limit: number,
    o: CallOptions | undefined,
  ): Awaitable<StoredJob<Input, Output>[]> {
    if (typeof workerId !== "string") {
      throw new StorageValidationError(`workerId is a text, not ${describeType(workerId)}`);
    }
    checkText(workerId, "workerId");
    this.lease.start();
    const claimed = this.retried(o, () => this.claimOnce(workerId, limit, o));
    if (!this.events.hasListeners("next")) return claimed;
    return andThen(claimed, (jobs) => {
      this.afterCommit(() => {
        for (const job of jobs) this.events.emit("next", job);
      });
      return jobs;
    });
  }

  /** Each try has a token of its own: what a lost answer claimed is given back by the renewal. */
  private claimOnce(
    workerId: string,
    limit: number,
    o: CallOptions | undefined,
  ): Awaitable<StoredJob<Input, Output>[]> {
    const { lease, ledger } = this;
    const token = lease.newToken();
    const startedAt = Date.now();
    const terms = {
      instance: lease.instance,
      leaseMs: lease.leaseMs,
      renew: lease.renewalDue(),
      sweep: lease.takeSweep(),
    };
    ledger.begin(token);
    return settled(
      () => this._claim({ workerId, limit, token }, terms, o),
      ({ jobs, renewed, sweepAgain }) => {
        for (const job of jobs) ledger.add(job.id, job.lease_token as string, this.scope);
        ledger.end(token);
        if (renewed) this.afterCommit(() => lease.renewed(startedAt));
        if (sweepAgain) lease.sweepAgain();
        return jobs;
      },
      (error) => {
        ledger.end(token);
        // The claim may have been made all the same: the renewals will find it.
        if (!(error instanceof StorageError) || isTransient(error)) lease.suspect();
        throw error;
      },
    );
  }

  private end(
    jobs: readonly JobStorageFormat<Input, Output>[],
    o: CallOptions | undefined,
  ): Awaitable<void> {
    if (jobs.length === 0) return;
    const endings = jobs.map((job) => jobEnding(job, this.tokenFor));
    return andThen(
      this.retried(o, () => this._end(endings, o)),
      (outcomes) => {
        const stale = this.settleClaims("complete", endings, outcomes);
        endings.forEach(({ id }, at) => {
          const outcome = outcomes[at];
          if (isJobStatus(outcome)) this.emitLater("complete", id, outcome);
        });
        // Only now: the others have ended all the same.
        if (stale.length > 0) throw new StaleLeaseError(stale);
      },
    );
  }

  /** Forgets claims that have ended, one way or another; gives the ids of those not held. */
  private settleClaims(
    operation: string,
    claims: readonly { readonly id: unknown; readonly token: string | undefined }[],
    outcomes: readonly FencedOutcome[],
  ): readonly unknown[] {
    const stale: unknown[] = [];
    claims.forEach(({ id, token }, at) => {
      if (token !== undefined) this.afterCommit(() => this.ledger.remove(id, token));
      if (outcomes[at] === "missing") this.warnMissing(id, operation);
      if (outcomes[at] === "stale") stale.push(id);
    });
    return stale;
  }

  /** The token given, or that of this instance's one claim of the job. */
  private readonly tokenFor = (id: unknown, given: unknown): string | undefined => {
    if (given !== undefined && given !== null) {
      if (typeof given === "string") return given;
      throw new StorageValidationError(`a lease token is a text, not ${describeType(given)}`);
    }
    const tokens = this.ledger.of(id);
    if (tokens.length > 1) throw new StaleLeaseError([id]);
    return tokens[0];
  };

  private async renewLease(): Promise<void> {
    const { lease, ledger, renewal } = this;
    ledger.forgetUndone();
    if (!lease.held || renewal.running || this.closed) return;
    renewal.running = true;
    const startedAt = Date.now();
    try {
      const living = await this.perform("renewLease", undefined, (o) =>
        this._renew(lease, (token) => ledger.knows(token), o),
      );
      lease.renewed(startedAt);
      const alive = new Set(living.map(({ id, token }) => `${String(id)} ${token}`));
      ledger.forgetLost((id, token) => alive.has(`${id} ${token}`), startedAt - lease.leaseMs);
    } catch (error) {
      if (error instanceof StorageClosedError) return;
      getLogger().warn(
        `Queue "${this.queueName}" could not renew its lease; it claims no job until it can`,
        error,
      );
    } finally {
      renewal.running = false;
    }
  }

  // ——— private helpers

  private queue(): JobQueue {
    return {
      name: this.queueName,
      prefixes: this.prefixes,
      backend: this.capabilities.backend,
      keyBytes: this.keyBytes,
    };
  }

  /** Makes the call on the view of `options.tx`. */
  private inside<T>(
    operation: string,
    { tx, ...options }: AddOptions,
    call: (view: this, options: CallOptions) => Promise<T>,
  ): Promise<T> {
    try {
      return call(this.with(tx as Transaction), options);
    } catch (error) {
      return Promise.reject(this.located(error, operation, options));
    }
  }

  /** In a transaction a call is not made again: the whole is its owner's to repeat. */
  private retried<T>(o: CallOptions | undefined, call: () => Awaitable<T>): Awaitable<T> {
    return this.scope === undefined ? retried(call, o?.signal) : call();
  }

  private filteredBy(filter: QueueSubscribeOptions["prefixFilter"]): readonly Prefix[] {
    if (filter === undefined) return this.prefixes;
    if (typeof filter !== "object" || filter === null) {
      throw new StorageValidationError("prefixFilter is an object of prefix values");
    }
    for (const name of Object.keys(filter)) {
      if (!this.prefixes.some((prefix) => prefix.name === name)) {
        throw new StorageValidationError(`there is no prefix "${name}"`);
      }
    }
    return this.prefixes
      .filter(({ name }) => Object.hasOwn(filter, name) && filter[name] !== undefined)
      .map((prefix) => ({ ...prefix, value: checkedPrefixValue(prefix, filter[prefix.name]) }));
  }

  private emitIds(event: "add" | "abort" | "delete", ids: readonly unknown[]): void {
    if (!this.events.hasListeners(event)) return;
    this.afterCommit(() => {
      for (const id of ids) this.events.emit(event, id);
    });
  }

  private emitLater<Name extends "complete" | "progress">(
    event: Name,
    ...args: Parameters<QueueStorageEvents<Input, Output>[Name]>
  ): void {
    if (!this.events.hasListeners(event)) return;
    this.afterCommit(() => this.events.emit(event, ...(args as never)));
  }

  private warnMissing(id: unknown, operation: string): void {
    getLogger().warn(`${this.queueName}.${operation}: there is no job ${String(id)}`);
  }
}

function checkedQueueName(name: unknown): string {
  if (typeof name !== "string" || name === "") {
    throw new StorageValidationError("a queue needs a name");
  }
  checkText(name, "the queue's name");
  return name;
}

function checkedLeaseMs(given: unknown): number {
  const leaseMs = checkedCount(given, "leaseMs", 1) ?? DEFAULT_LEASE_MS;
  if (leaseMs <= MAX_LEASE_MS) return leaseMs;
  throw new StorageValidationError(`leaseMs is at most ${MAX_LEASE_MS}`);
}

function checkedStatus(status: unknown): JobStatus {
  if (isJobStatus(status)) return status;
  throw new StorageValidationError("there is no such job status");
}

function checkedList<T>(jobs: readonly T[]): readonly T[] {
  if (Array.isArray(jobs)) return jobs;
  throw new StorageValidationError("the jobs are a list");
}

function checkedJob<T>(job: T): T {
  if (typeof job === "object" && job !== null) return job;
  throw new StorageValidationError(`a job is an object, not ${describeType(job)}`);
}
