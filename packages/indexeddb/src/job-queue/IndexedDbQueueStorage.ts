import {
  BaseQueueStorage,
  type ClaimRequest,
  type ClaimResult,
  type ClaimTerms,
  type EndAndClaimResult,
  type FencedOutcome,
  type FinalJobStatus,
  type JobEnding,
  type JobProgress,
  JobStatus,
  type NewJob,
  type QueueChange,
  type QueueStorageOptions,
  type StoredJob,
} from "@workglow/job-queue";
import {
  abortedJob,
  addedJob,
  type JobRecord,
  progressStep,
  releaseStep,
} from "@workglow/job-queue/records";
import type { Prefix, Unsubscribe } from "@workglow/storage";
import { type CallOptions, StorageTransactionError } from "@workglow/util";
import type { TableChanges } from "../changes/TableChanges.ts";
import { IndexedDbDatabase } from "../connection/IndexedDbDatabase.ts";
import { request } from "../connection/request.ts";
import type { CallKind } from "../connection/StoreCalls.ts";
import { indexedDbCapabilities } from "../indexedDbCapabilities.ts";
import { classifyIndexedDbError } from "../indexedDbErrors.ts";
import {
  checkIndexedDbOptions,
  type IndexedDbTabularStorageOptions,
} from "../tabular/IndexedDbTabularStorageOptions.ts";
import { JobCalls } from "./JobCalls.ts";
import { JobEntries } from "./JobEntries.ts";
import { type JobTable, JobWork, PAGE } from "./JobWork.ts";
import { type JobStores, jobStores, LEASES_STORE } from "./jobStores.ts";
import { setUpStores } from "./LibraryStores.ts";
import { LivingInstance } from "./LivingInstance.ts";
import { peekJobs } from "./peekJobs.ts";
import { StoresAccess } from "./StoresAccess.ts";

export type IndexedDbQueueStorageOptions = QueueStorageOptions &
  Pick<IndexedDbTabularStorageOptions, "useBroadcastChannel" | "backupPollingIntervalMs"> & {
    /**
     * The IndexedDB database, by name, or a connection of one's own; "jobs" unless given. Storages
     * with the same one share transactions.
     */
    readonly database?: string | IndexedDbDatabase;
  };

/**
 * A job queue in an IndexedDB database, for all tabs and workers of an origin.
 *
 * From its first claim to `destroy()` an instance holds a Web Lock: when its tab ends, others get its
 * jobs at once. As long as the lock is held they do not, however old the lease is: a tab in the
 * background hardly gets to renew it. A tab that hangs for good thus keeps its jobs, but those with
 * a `timeout_ms`. Without Web Locks (outside of secure contexts) the lease alone decides.
 */
// biome-ignore lint/suspicious/noExplicitAny: the published type leaves inputs and outputs open
export class IndexedDbQueueStorage<Input = any, Output = any> extends BaseQueueStorage<
  Input,
  Output
> {
  public readonly capabilities = indexedDbCapabilities;
  private readonly database: IndexedDbDatabase;
  private readonly wanted: JobStores;
  private readonly table: JobTable;
  private readonly changes: TableChanges;
  private readonly instance = new LivingInstance();
  private readonly heard: Pick<
    IndexedDbQueueStorageOptions,
    "useBroadcastChannel" | "backupPollingIntervalMs"
  >;
  private readonly access: StoresAccess;
  private readonly calls: JobCalls;
  private readonly leave: () => Promise<void>;

  /** @throws StorageValidationError for a name or an option that cannot be */
  public constructor(queueName = "default", options: IndexedDbQueueStorageOptions = {}) {
    super(queueName, options);
    checkIndexedDbOptions(options);
    const { useBroadcastChannel, backupPollingIntervalMs } = options;
    this.heard = { useBroadcastChannel, backupPollingIntervalMs };
    this.database = IndexedDbDatabase.named(options.database ?? "jobs");
    this.wanted = jobStores(this.prefixes);
    this.table = {
      store: this.wanted.jobs,
      entries: new JobEntries(queueName, this.prefixes),
      deletesCompleted: this.deletesCompleted,
    };
    this.changes = this.database.changes.table(this.wanted.jobs);
    this.access = new StoresAccess(this.database, this.wanted, this.changes, () =>
      this.instance.whenShown(),
    );
    this.calls = new JobCalls(this.access, this.table, this.instance.locks);
    this.leave = this.database.retain();
  }

  protected override databaseIdentity(): object {
    return this.database;
  }

  protected override classifyError(error: unknown): unknown {
    return classifyIndexedDbError(error);
  }

  protected override async freeResources(): Promise<void> {
    await super.freeResources();
    await this.instance.end(this.access);
    await this.leave();
  }

  // ——— driver methods

  protected override async _setup(_o: CallOptions | undefined): Promise<void> {
    if (this.scope !== undefined) {
      throw new StorageTransactionError("a queue cannot be set up inside a transaction");
    }
    await setUpStores(this.database, this.wanted);
    void this.changes.sweep();
  }

  protected override _add(
    jobs: readonly NewJob[],
    o: CallOptions | undefined,
  ): Promise<readonly unknown[]> {
    const kind: CallKind =
      jobs.length > 1 ? "alone" : (tx) => (this.access.writerOf(tx)?.logs ? "turn" : "prompt");
    return this.write(kind, o, (work) =>
      work.add(
        jobs.map((job) => addedJob(undefined, this.queueName, this.prefixes, job, work.nowMs)),
      ),
    );
  }

  protected override async _claim(
    request: ClaimRequest,
    terms: ClaimTerms,
    o: CallOptions | undefined,
  ): Promise<ClaimResult<Input, Output>> {
    const { claimed } = await this.endThenClaim([], request, terms, o);
    return claimed as ClaimResult<Input, Output>;
  }

  protected override async _end(
    endings: readonly JobEnding[],
    o: CallOptions | undefined,
  ): Promise<readonly FencedOutcome[]> {
    return (await this.calls.endAndClaim({ endings }, this.scope, o)).outcomes;
  }

  protected override _endAndClaim(
    endings: readonly JobEnding[],
    request: ClaimRequest,
    terms: ClaimTerms,
    o: CallOptions | undefined,
  ): Promise<EndAndClaimResult<Input, Output>> {
    return this.endThenClaim(endings, request, terms, o);
  }

  protected override _release(
    { id, token }: { readonly id: unknown; readonly token: string },
    o: CallOptions | undefined,
  ): Promise<FencedOutcome> {
    return this.write("turn", o, async (work) => {
      const job = await work.read(id);
      return work.take(job, releaseStep(job, token, work.nowMs));
    });
  }

  protected override _saveProgress(
    saved: JobProgress,
    o: CallOptions | undefined,
  ): Promise<FencedOutcome> {
    return this.write("turn", o, async (work) => {
      const job = await work.read(saved.id);
      return work.take(job, progressStep(job, saved));
    });
  }

  protected override _get(
    id: unknown,
    o: CallOptions | undefined,
  ): Promise<StoredJob<Input, Output> | undefined> {
    return this.read("prompt", o, async (work) => {
      const job = await work.read(id);
      return job && shown<Input, Output>(job);
    });
  }

  protected override _peek(
    status: JobStatus,
    limit: number,
    o: CallOptions | undefined,
  ): Promise<StoredJob<Input, Output>[]> {
    return this.read("turn", o, async (work) => {
      const jobs = await peekJobs(work, this.table.entries, status, limit);
      return jobs.map((job) => shown<Input, Output>(job));
    });
  }

  protected override _size(status: JobStatus, o: CallOptions | undefined): Promise<number> {
    const { entries } = this.table;
    const range = status === JobStatus.PENDING ? entries.pending : entries.of(status);
    return this.read("prompt", o, (work) => request(work.index("place").count(range)));
  }

  protected override _getByRunId(
    runId: string,
    o: CallOptions | undefined,
  ): Promise<StoredJob<Input, Output>[]> {
    return this.read("prompt", o, async (work) => {
      const jobs = await work.records("run", this.table.entries.named(runId));
      return jobs.map((job) => shown<Input, Output>(job));
    });
  }

  protected override _outputFor(
    fingerprint: string,
    o: CallOptions | undefined,
  ): Promise<Output | null> {
    const range = this.table.entries.named(fingerprint);
    return this.read("prompt", o, async (work) => {
      const newest = await request(work.index("done").openCursor(range, "prev"));
      return newest === null ? null : shown<Input, Output>(newest.value as JobRecord).output;
    });
  }

  protected override _abort(id: unknown, o: CallOptions | undefined): Promise<boolean> {
    return this.write("turn", o, async (work) => {
      const job = await work.read(id);
      const aborted = job && abortedJob(job, work.nowMs);
      if (job === undefined || aborted === undefined) return false;
      work.replace(job, aborted);
      return true;
    });
  }

  protected override _delete(id: unknown, o: CallOptions | undefined): Promise<boolean> {
    return this.write("turn", o, async (work) => {
      const job = await work.read(id);
      if (job !== undefined) work.replace(job, null);
      return job !== undefined;
    });
  }

  /** In batches, so that a running drain is not held up. */
  protected override async _deleteFinished(
    status: FinalJobStatus,
    olderThanMs: number,
    o: CallOptions | undefined,
  ): Promise<void> {
    const range = this.table.entries.endedBy(status, Date.now() - olderThanMs);
    const deletePage = () => this.write("alone", o, (work) => deleteFirst(work, range));
    while ((await deletePage()) === PAGE) o?.signal?.throwIfAborted();
  }

  protected override _deleteAll(o: CallOptions | undefined): Promise<void> {
    const { all } = this.table.entries;
    return this.write("alone", o, async (work) => {
      while ((await deleteFirst(work, all)) === PAGE);
    });
  }

  protected override _renew(
    terms: Pick<ClaimTerms, "instance" | "leaseMs">,
    known: (token: string) => boolean,
    o: CallOptions | undefined,
  ): Promise<readonly { readonly id: unknown; readonly token: string }[]> {
    this.instance.begin(terms);
    return this.write("turn", o, (work) =>
      this.instance.renew(work, this.table.entries, terms, known),
    );
  }

  protected override async _dropLease(instance: string): Promise<void> {
    await this.access.run("prompt", "readwrite", undefined, undefined, async (tx) => {
      tx.sendDelete(LEASES_STORE, instance);
    });
  }

  protected override _subscribe(
    filter: readonly Prefix[],
    callback: (change: QueueChange<Input, Output>) => void | Promise<void>,
    options: { readonly pollingIntervalMs?: number },
  ): Unsubscribe {
    const isWanted = (job: Readonly<Record<string, unknown>>): boolean =>
      job.queue === this.queueName && filter.every(({ name, value }) => job[name] === value);
    return this.changes.subscribe<StoredJob<Input, Output>>(
      {
        accepts: ({ o, n }) => isWanted((n ?? o) as Readonly<Record<string, unknown>>),
        decode: (job) => job as StoredJob<Input, Output>,
      },
      ({ position: _, ...change }) => callback(change),
      { ...options, ...this.heard },
    );
  }

  // ——— helpers

  private read<T>(
    kind: CallKind,
    o: CallOptions | undefined,
    act: (work: JobWork) => Promise<T>,
  ): Promise<T> {
    this.calls.seal();
    return this.access.run(kind, "readonly", this.scope, o, (tx) =>
      act(new JobWork(tx, this.table, undefined)),
    );
  }

  private write<T>(
    kind: CallKind,
    o: CallOptions | undefined,
    act: (work: JobWork) => Promise<T>,
  ): Promise<T> {
    this.calls.seal();
    const { scope } = this;
    return this.access.run(kind, "readwrite", scope, o, async (tx) => {
      const work = new JobWork(tx, this.table, this.access.writerOf(tx));
      if (scope === undefined) return work.whole(() => act(work));
      const result = await act(work);
      // Where it fails the user's transaction undoes what has been written.
      work.keep();
      return result;
    });
  }

  private endThenClaim(
    endings: readonly JobEnding[],
    wanted: ClaimRequest,
    terms: ClaimTerms,
    o: CallOptions | undefined,
  ): Promise<EndAndClaimResult<Input, Output>> {
    this.instance.begin(terms);
    const call = { endings, claim: { request: wanted, terms } };
    const done = async () =>
      (await this.calls.endAndClaim(call, this.scope, o)) as EndAndClaimResult<Input, Output>;
    const shown = this.scope && this.instance.whenShown();
    return shown === undefined ? done() : shown.then(done);
  }
}

/** Every read makes objects of its own. */
function shown<Input, Output>({ stored }: JobRecord): StoredJob<Input, Output> {
  return stored as StoredJob<Input, Output>;
}

/** Deletes a page of jobs; gives how many. */
async function deleteFirst(work: JobWork, range: IDBKeyRange): Promise<number> {
  if (work.logs) {
    const jobs = await work.records("place", range, PAGE);
    for (const job of jobs) work.replace(job, null);
    work.keep();
    return jobs.length;
  }
  const numbers = await work.numbers(range, PAGE);
  for (const number of numbers) work.deleteNumber(number);
  return numbers.length;
}
