import {
  type Awaitable,
  ChangeDelivery,
  LIVE,
  type LoggedChange,
  MemoryDatabase,
  type Prefix,
  type StorageCapabilities,
  type Unsubscribe,
  type WriteUnit,
} from "@workglow/storage";
import type { CallOptions } from "@workglow/util";
import { BaseQueueStorage } from "../BaseQueueStorage.ts";
import type { FinalJobStatus, JobStatus } from "../JobStatus.ts";
import type { StoredJob } from "../JobStorageFormat.ts";
import type { JobEnding, JobProgress } from "../jobEnding.ts";
import { jobNumber } from "../jobId.ts";
import type { NewJob } from "../newJob.ts";
import type { QueueStorageOptions } from "../QueueStorageOptions.ts";
import type {
  ClaimRequest,
  ClaimResult,
  ClaimTerms,
  EndAndClaimResult,
  FencedOutcome,
  QueueChange,
} from "../queueDriver.ts";
import type { JobRecord } from "../records/JobRecord.ts";
import {
  endingStep,
  type JobStep,
  progressStep,
  releaseStep,
  renewalStep,
} from "../records/steps.ts";
import { abortedJob, addedJob, claimedJob, promotedJob, sweptJob } from "../records/transitions.ts";
import { copyOfJob } from "./copyOfJob.ts";
import type { MemoryQueue } from "./MemoryQueue.ts";
import { type MemoryJobChange, MemoryQueueTable } from "./MemoryQueueTable.ts";

export type InMemoryQueueStorageOptions = QueueStorageOptions & {
  /** What this storage shares transactions with, and jobs with queues of the same name. */
  readonly database?: MemoryDatabase;
};

/** A job queue in this process's memory: claims are synchronous, and cost the same however many wait. */
// biome-ignore lint/suspicious/noExplicitAny: the published type leaves inputs and outputs open
export class InMemoryQueueStorage<Input = any, Output = any> extends BaseQueueStorage<
  Input,
  Output
> {
  public readonly capabilities: StorageCapabilities = {
    backend: "memory",
    persistent: false,
    multiProcess: false,
    transactions: true,
    readsWait: true,
    changes: "this-process",
    writable: true,
    cancellation: "between-statements",
    schemaSql: false,
  };

  private readonly database: MemoryDatabase;
  private readonly table: MemoryQueueTable;
  private readonly jobs: MemoryQueue;

  /** @throws StorageValidationError for a name or an option that cannot be */
  public constructor(queueName = "default", options: InMemoryQueueStorageOptions = {}) {
    super(queueName, options);
    this.database = options.database ?? new MemoryDatabase();
    const columns = JSON.stringify(this.prefixes.map(({ name, type }) => [name, type]));
    this.table = this.database.table(
      "queue",
      columns,
      () => new MemoryQueueTable(this.database.changeLogLength),
    );
    this.jobs = this.table.queue(queueName, this.prefixes);
  }

  protected databaseIdentity(): object {
    return this.database;
  }

  // ——— driver methods

  protected _setup(): void {}

  protected _add(
    added: readonly NewJob[],
    o: CallOptions | undefined,
  ): Awaitable<readonly unknown[]> {
    return this.write(o, (unit, nowMs) =>
      added.map((job) => {
        const number = this.table.nextNumber();
        const next = addedJob(number, this.queueName, this.prefixes, job, nowMs);
        this.table.replace(this.jobs, undefined, next, unit);
        return number;
      }),
    );
  }

  protected _claim(
    request: ClaimRequest,
    terms: ClaimTerms,
    o: CallOptions | undefined,
  ): Awaitable<ClaimResult<Input, Output>> {
    return this.write(o, (unit, nowMs) => this.claimed(request, terms, unit, nowMs));
  }

  protected _end(
    endings: readonly JobEnding[],
    o: CallOptions | undefined,
  ): Awaitable<readonly FencedOutcome[]> {
    return this.write(o, (unit, nowMs) => this.ended(endings, unit, nowMs));
  }

  protected _endAndClaim(
    endings: readonly JobEnding[],
    request: ClaimRequest,
    terms: ClaimTerms,
    o: CallOptions | undefined,
  ): Awaitable<EndAndClaimResult<Input, Output>> {
    return this.write(o, (unit, nowMs) => {
      const outcomes = this.ended(endings, unit, nowMs);
      const isStale = outcomes.includes("stale");
      const claimed = isStale ? undefined : this.claimed(request, terms, unit, nowMs);
      return { outcomes, claimed };
    });
  }

  protected _release(
    { id, token }: { readonly id: unknown; readonly token: string },
    o: CallOptions | undefined,
  ): Awaitable<FencedOutcome> {
    return this.write(o, (unit, nowMs) => {
      const job = this.find(id);
      return this.take(job, releaseStep(job, token, nowMs), unit);
    });
  }

  protected _saveProgress(
    saved: JobProgress,
    o: CallOptions | undefined,
  ): Awaitable<FencedOutcome> {
    return this.write(o, (unit) => {
      const job = this.find(saved.id);
      return this.take(job, progressStep(job, saved), unit);
    });
  }

  protected _get(
    id: unknown,
    o: CallOptions | undefined,
  ): Awaitable<StoredJob<Input, Output> | undefined> {
    return this.read(o, () => {
      const job = this.find(id);
      return job && copyOfJob<Input, Output>(job);
    });
  }

  protected _peek(
    status: JobStatus,
    limit: number,
    o: CallOptions | undefined,
  ): Awaitable<StoredJob<Input, Output>[]> {
    return this.read(o, () =>
      this.jobs.peek(status, limit, Date.now()).map((job) => copyOfJob<Input, Output>(job)),
    );
  }

  protected _size(status: JobStatus, o: CallOptions | undefined): Awaitable<number> {
    return this.read(o, () => this.jobs.size(status));
  }

  protected _getByRunId(
    runId: string,
    o: CallOptions | undefined,
  ): Awaitable<StoredJob<Input, Output>[]> {
    return this.read(o, () => this.jobs.run(runId).map((job) => copyOfJob<Input, Output>(job)));
  }

  protected _outputFor(fingerprint: string, o: CallOptions | undefined): Awaitable<Output | null> {
    return this.read(o, () => {
      const newest = this.jobs.newestWith(fingerprint);
      return newest === undefined ? null : copyOfJob<Input, Output>(newest).output;
    });
  }

  protected _abort(id: unknown, o: CallOptions | undefined): Awaitable<boolean> {
    return this.write(o, (unit, nowMs) => {
      const job = this.find(id);
      const aborted = job && abortedJob(job, nowMs);
      if (aborted !== undefined) this.table.replace(this.jobs, job, aborted, unit);
      return aborted !== undefined;
    });
  }

  protected _delete(id: unknown, o: CallOptions | undefined): Awaitable<boolean> {
    return this.write(o, (unit) => {
      const job = this.find(id);
      if (job !== undefined) this.table.replace(this.jobs, job, undefined, unit);
      return job !== undefined;
    });
  }

  protected _deleteFinished(
    status: FinalJobStatus,
    olderThanMs: number,
    o: CallOptions | undefined,
  ): Awaitable<void> {
    return this.write(o, (unit, nowMs) => {
      const finished = this.jobs.final[status];
      for (let job = finished.first; job !== undefined; job = finished.first) {
        if (job.completedMs > nowMs - olderThanMs) return;
        this.table.replace(this.jobs, job, undefined, unit);
      }
    });
  }

  protected _deleteAll(o: CallOptions | undefined): Awaitable<void> {
    return this.write(o, (unit) => {
      for (const job of this.jobs.all()) this.table.replace(this.jobs, job, undefined, unit);
    });
  }

  protected _renew(
    { instance, leaseMs }: Pick<ClaimTerms, "instance" | "leaseMs">,
    known: (token: string) => boolean,
    o: CallOptions | undefined,
  ): Awaitable<readonly { readonly id: unknown; readonly token: string }[]> {
    return this.write(o, (unit, nowMs) => {
      this.table.leases.set(instance, nowMs + leaseMs);
      const held: { readonly id: unknown; readonly token: string }[] = [];
      for (const job of [...this.jobs.active]) {
        const { id, lease_instance, lease_token } = job.stored;
        if (lease_instance !== instance) continue;
        const next = renewalStep(job, { leaseMs }, known, nowMs);
        if (next === job) held.push({ id, token: lease_token as string });
        else this.change(job, next, unit);
      }
      return held;
    });
  }

  protected _dropLease(instance: string): void {
    this.table.leases.delete(instance);
  }

  protected _subscribe(
    filter: readonly Prefix[],
    callback: (change: QueueChange<Input, Output>) => void | Promise<void>,
  ): Unsubscribe {
    const delivery = new ChangeDelivery<LoggedChange<MemoryJobChange>>(this.name, ({ change }) =>
      callback(queueChange(change)),
    );
    const isWanted = (change: MemoryJobChange): boolean => {
      const job = (change.new ?? change.old)?.stored as Readonly<Record<string, unknown>>;
      return job.queue === this.queueName && filter.every(({ name, value }) => job[name] === value);
    };
    const stop = this.table.log.subscribe(undefined, isWanted, delivery);
    const unsubscribe = (): void => {
      stop();
      delivery.close();
    };
    return Object.assign(unsubscribe, { ready: LIVE });
  }

  // ——— helpers

  private read<T>(o: CallOptions | undefined, work: () => T): Awaitable<T> {
    return this.database.run(this.scope, o, work);
  }

  private write<T>(
    o: CallOptions | undefined,
    work: (unit: WriteUnit, nowMs: number) => T,
  ): Awaitable<T> {
    return this.database.write(this.scope, o, (unit) => work(unit, Date.now()));
  }

  /** The job, if it is one of this queue and tenant. */
  private find(id: unknown): JobRecord | undefined {
    const number = jobNumber(id);
    return number === undefined ? undefined : this.jobs.get(number);
  }

  private claimed(
    request: ClaimRequest,
    terms: ClaimTerms,
    unit: WriteUnit,
    nowMs: number,
  ): ClaimResult<Input, Output> {
    if (terms.sweep) this.sweep(terms, unit, nowMs);
    this.promote(unit, nowMs);
    const jobs: StoredJob<Input, Output>[] = [];
    while (jobs.length < request.limit) {
      const job = this.jobs.ready.first;
      if (job === undefined) break;
      jobs.push(copyOfJob(this.change(job, claimedJob(job, request, terms.instance, nowMs), unit)));
    }
    const renewed = terms.renew && jobs.length > 0;
    if (renewed) this.table.leases.set(terms.instance, nowMs + terms.leaseMs);
    return { jobs, renewed, sweepAgain: false };
  }

  private ended(
    endings: readonly JobEnding[],
    unit: WriteUnit,
    nowMs: number,
  ): readonly FencedOutcome[] {
    return endings.map((ending) => {
      const job = this.find(ending.id);
      return this.take(job, endingStep(job, ending, this.deletesCompleted, nowMs), unit);
    });
  }

  private take(job: JobRecord | undefined, step: JobStep, unit: WriteUnit): FencedOutcome {
    const { next } = step;
    if (next !== undefined) this.table.replace(this.jobs, job, next ?? undefined, unit);
    return step.outcome;
  }

  private change(job: JobRecord, next: JobRecord, unit: WriteUnit): JobRecord {
    this.table.replace(this.jobs, job, next, unit);
    return next;
  }

  private promote(unit: WriteUnit, nowMs: number): void {
    const { delayed } = this.jobs;
    for (let job = delayed.first; job !== undefined; job = delayed.first) {
      if (job.runAfterMs > nowMs) return;
      this.table.replaceQuietly(this.jobs, job, promotedJob(job), unit);
    }
  }

  private sweep({ instance, leaseMs }: ClaimTerms, unit: WriteUnit, nowMs: number): void {
    const { leases } = this.table;
    const isDead = (other: string | null): boolean =>
      other !== instance && (leases.get(other ?? "") ?? 0) <= nowMs;
    const lost = [...this.jobs.active].filter(
      (job) => job.timeoutAtMs <= nowMs || isDead(job.stored.lease_instance),
    );
    if (lost.length === 0) return;
    leases.set(instance, nowMs + leaseMs);
    for (const job of lost) this.change(job, sweptJob(job, nowMs), unit);
  }
}

function queueChange<Input, Output>(
  change: MemoryJobChange | undefined,
): QueueChange<Input, Output> {
  if (change === undefined) return { type: "RESYNC" };
  return {
    type: change.type,
    ...(change.old !== undefined && { old: copyOfJob<Input, Output>(change.old) }),
    ...(change.new !== undefined && { new: copyOfJob<Input, Output>(change.new) }),
  };
}
