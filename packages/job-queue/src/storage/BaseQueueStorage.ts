import {
  type Awaitable,
  andThen,
  BaseStorage,
  checkedCount,
  checkedPrefixValue,
  compilePrefixes,
  outsideTransactions,
  type Prefix,
  type Transaction,
  type Unsubscribe,
} from "@workglow/storage";
import {
  type CallOptions,
  getLogger,
  StorageValidationError,
  utf8ByteLength,
} from "@workglow/util";
import { retried } from "./awaitableCalls.ts";
import {
  checkedFlag,
  checkedJob,
  checkedLeaseMs,
  checkedList,
  checkedQueueName,
  checkedStatus,
  checkedWorker,
} from "./checkedQueueInput.ts";
import { HeldAttempts } from "./HeldAttempts.ts";
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
import type { QueueStorageOptions } from "./QueueStorageOptions.ts";
import type {
  ClaimRequest,
  ClaimResult,
  ClaimTerms,
  EndAndClaimResult,
  FencedOutcome,
  QueueChange,
} from "./queueDriver.ts";
import { StaleLeaseError } from "./StaleLeaseError.ts";

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
  /** Whether a job goes with the step that makes it COMPLETED. */
  protected readonly deletesCompleted: boolean;
  private readonly attempts: HeldAttempts;
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
    this.deletesCompleted = checkedFlag(options.deleteOnCompletion, "deleteOnCompletion");
    this.attempts = new HeldAttempts(queueName, checkedLeaseMs(options.leaseMs), (lease, known) =>
      // The timer, or a claim, may have been started inside a transaction.
      outsideTransactions(() =>
        this.perform("renewLease", undefined, (o) => this._renew(lease, known, o)),
      ),
    );
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

  public completeAndNext(
    jobs: readonly JobStorageFormat<Input, Output>[],
    workerId: string,
    limit: number,
    options?: CallOptions,
  ): Promise<StoredJob<Input, Output>[]> {
    return this.claimFor("completeAndNext", options, (o) =>
      this.endAndClaim(
        checkedList(jobs),
        workerId,
        checkedCount(limit ?? null, "limit", 1) as number,
        o,
      ),
    );
  }

  public release(job: JobStorageFormat<Input, Output>, options?: CallOptions): Promise<void> {
    return this.perform("release", options, async (o) => {
      const { id, lease_token } = checkedJob(job);
      const token = this.attempts.tokenFor(id, lease_token);
      if (token === undefined) throw new StaleLeaseError([id]);
      const attempt = { id, token };
      this.settle("release", [attempt], [await this._release(attempt, o)]);
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
      const token = this.attempts.tokenFor(id, options?.leaseToken);
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
    const instance = this.attempts.stop();
    if (instance === undefined) return;
    try {
      await this._dropLease(instance);
    } catch {
      // The database may be closed by now; the lease runs out by itself.
    }
  }

  /** Whether calls outside go on while a transaction is open. */
  protected get goesOnBesideTransactions(): boolean {
    return false;
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
  /** Ends attempts, then claims unless one of them was not held. */
  protected abstract _endAndClaim(
    endings: readonly JobEnding[],
    request: ClaimRequest,
    terms: ClaimTerms,
    o: CallOptions | undefined,
  ): Awaitable<EndAndClaimResult<Input, Output>>;
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
      const attempt = { id, token: lease_token as string };
      // Once forgotten, the next renewal gives it back where this does not get through.
      this.attempts.forget(attempt);
      const released = async (): Promise<FencedOutcome> => this._release(attempt, undefined);
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
    const worker = checkedWorker(workerId);
    this.attempts.start();
    const claimed = this.claiming(o, () =>
      this.attempts.claim(
        this.scope,
        (token, terms) => this._claim({ workerId: worker, limit, token }, terms, o),
        (result) => result,
      ),
    );
    return this.events.hasListeners("next")
      ? andThen(claimed, ({ jobs }) => this.announced(jobs))
      : andThen(claimed, ({ jobs }) => jobs);
  }

  private claiming<T>(o: CallOptions | undefined, claim: () => Awaitable<T>): Awaitable<T> {
    if (this.scope === undefined || !this.goesOnBesideTransactions) return this.retried(o, claim);
    return andThen(this.attempts.renewBeside(), claim);
  }

  private announced(jobs: StoredJob<Input, Output>[]): StoredJob<Input, Output>[] {
    if (this.events.hasListeners("next")) {
      this.afterCommit(() => {
        for (const job of jobs) this.events.emit("next", job);
      });
    }
    return jobs;
  }

  private end(
    jobs: readonly JobStorageFormat<Input, Output>[],
    o: CallOptions | undefined,
  ): Awaitable<void> {
    if (jobs.length === 0) return;
    const endings = jobs.map((job) => jobEnding(job, this.attempts.tokenFor));
    return andThen(
      this.retried(o, () => this._end(endings, o)),
      (outcomes) => this.afterEnd(endings, outcomes),
    );
  }

  private endAndClaim(
    ended: readonly JobStorageFormat<Input, Output>[],
    workerId: unknown,
    limit: number,
    o: CallOptions | undefined,
  ): Awaitable<StoredJob<Input, Output>[]> {
    if (ended.length === 0) return this.claim(workerId, limit, o);
    const worker = checkedWorker(workerId);
    const endings = ended.map((job) => jobEnding(job, this.attempts.tokenFor));
    this.attempts.start();
    const done = this.claiming(o, () =>
      this.attempts.claim(
        this.scope,
        (token, terms) => this._endAndClaim(endings, { workerId: worker, limit, token }, terms, o),
        ({ claimed }) => claimed,
      ),
    );
    return andThen(done, ({ outcomes, claimed }) => {
      const jobs = claimed?.jobs ?? [];
      try {
        this.afterEnd(endings, outcomes);
      } catch (error) {
        this.giveBack(jobs);
        throw error;
      }
      return this.announced(jobs);
    });
  }

  private afterEnd(endings: readonly JobEnding[], outcomes: readonly FencedOutcome[]): void {
    if (this.events.hasListeners("complete")) {
      endings.forEach(({ id }, at) => {
        const outcome = outcomes[at];
        if (isJobStatus(outcome)) this.emitLater("complete", id, outcome);
      });
    }
    this.settle("complete", endings, outcomes);
  }

  /** @throws StaleLeaseError for those that were not held; the others have ended all the same */
  private settle(
    operation: string,
    attempts: readonly Pick<JobEnding, "id" | "token">[],
    outcomes: readonly FencedOutcome[],
  ): void {
    attempts.forEach(({ id }, at) => {
      if (outcomes[at] === "missing") this.warnMissing(id, operation);
    });
    const stale = this.attempts.settle(this.scope, attempts, outcomes);
    if (stale.length > 0) throw new StaleLeaseError(stale);
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
