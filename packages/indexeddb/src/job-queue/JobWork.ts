import {
  type ClaimRequest,
  type FencedOutcome,
  type JobEnding,
  JobStatus,
  jobNumber,
  type StoredJob,
} from "@workglow/job-queue";
import {
  byClaim,
  claimedJob,
  endingStep,
  type JobRecord,
  type JobStep,
  numberOf,
  promotedJob,
} from "@workglow/job-queue/records";
import type { ChangeWriter } from "../changes/TableChanges.ts";
import { request } from "../connection/request.ts";
import type { StoreTransaction } from "../connection/StoreTransaction.ts";
import type { JobEntries, StoredRecord } from "./JobEntries.ts";

/** Most records that one request reads. */
export const PAGE = 500;

/** What jobs are read and written through. */
export interface JobTable {
  readonly store: string;
  readonly entries: JobEntries;
  readonly deletesCompleted: boolean;
}

/** The next jobs to be claimed, in their order. */
interface Claimable {
  readonly jobs: JobRecord[];
  /** Whether there are no others. */
  readonly all: boolean;
}

/** Jobs in one transaction: what several calls do with them, one after the other. */
export class JobWork {
  public readonly tx: StoreTransaction;
  public readonly nowMs = Date.now();
  private readonly table: JobTable;
  private readonly writer: ChangeWriter | undefined;
  private readonly loaded = new Map<number, JobRecord | undefined>();
  private claimable: Claimable | undefined;

  public constructor(tx: StoreTransaction, table: JobTable, writer: ChangeWriter | undefined) {
    this.tx = tx;
    this.table = table;
    this.writer = writer;
  }

  // ——— reading

  /** Reads what calls are about to need, in one go: jobs by id, and so many to claim. */
  public async prepare(ids: readonly unknown[], claims: number): Promise<void> {
    const numbers = new Set<number>();
    for (const id of ids) {
      const number = jobNumber(id);
      if (number !== undefined && !this.loaded.has(number)) numbers.add(number);
    }
    const wanted = [...numbers];
    const reading = wanted.map((number) => this.tx.get<StoredRecord>(this.table.store, number));
    const [found] = await Promise.all([
      Promise.all(reading),
      claims > 0 ? this.loadClaimable(claims) : undefined,
    ]);
    for (const [at, number] of wanted.entries()) this.loaded.set(number, this.own(found[at]));
  }

  /** A job of this queue and tenant that was read before. */
  public job(id: unknown): JobRecord | undefined {
    const number = jobNumber(id);
    return number === undefined ? undefined : this.loaded.get(number);
  }

  public async read(id: unknown): Promise<JobRecord | undefined> {
    await this.prepare([id], 0);
    return this.job(id);
  }

  public records(
    index: "place" | "timeout" | "run",
    range: IDBKeyRange,
    count?: number,
  ): Promise<JobRecord[]> {
    return request<JobRecord[]>(this.index(index).getAll(range, count));
  }

  public numbers(range: IDBKeyRange, count: number): Promise<IDBValidKey[]> {
    return request(this.index("place").getAllKeys(range, count));
  }

  public index(name: "place" | "timeout" | "run" | "done"): IDBIndex {
    return this.tx.store(this.table.store).index(name);
  }

  // ——— writing

  /** Whether changes are told, so that what goes has to be read. */
  public get logs(): boolean {
    return this.writer?.logs ?? false;
  }

  /** Puts `next` in the place of `old`, or leaves nothing there. */
  public replace(old: JobRecord, next: JobRecord | null): void {
    const number = numberOf(old);
    if (next === null) this.tx.sendDelete(this.table.store, number);
    else this.put(next);
    this.loaded.set(number, next ?? undefined);
    if (old.stored.status === JobStatus.PENDING || next?.stored.status === JobStatus.PENDING) {
      this.claimable = undefined;
    }
    this.writer?.append(old.stored, next?.stored);
  }

  public take(job: JobRecord | undefined, { outcome, next }: JobStep): FencedOutcome {
    if (job !== undefined && next !== undefined) this.replace(job, next);
    return outcome;
  }

  /** Adds new jobs; gives their ids. */
  public async add(jobs: readonly JobRecord[]): Promise<readonly IDBValidKey[]> {
    const { store, entries } = this.table;
    const records = jobs.map((job) => entries.record(job));
    const [first] = records;
    const ids =
      records.length > 1
        ? await this.tx.addCounted(store, records)
        : [await this.tx.add(store, first)];
    if (this.logs) {
      for (const [at, { stored }] of jobs.entries()) {
        this.writer?.append(undefined, { ...stored, id: ids[at] });
      }
    }
    return ids;
  }

  /** Deletes a job of which nobody is told. */
  public deleteNumber(number: IDBValidKey): void {
    this.tx.sendDelete(this.table.store, number);
  }

  // ——— calls

  public end(endings: readonly JobEnding[]): readonly FencedOutcome[] {
    return endings.map((ending) => {
      const job = this.job(ending.id);
      return this.take(job, endingStep(job, ending, this.table.deletesCompleted, this.nowMs));
    });
  }

  /** Claims the first jobs that are due. */
  public async claim({ limit, ...wanted }: ClaimRequest, instance: string): Promise<StoredJob[]> {
    const { claimable } = this;
    const suffices = claimable !== undefined && (claimable.all || claimable.jobs.length >= limit);
    const { jobs } = suffices ? claimable : await this.loadClaimable(limit);
    return jobs.splice(0, limit).map((job) => {
      const claimed = claimedJob(job, { limit, ...wanted }, instance, this.nowMs);
      this.put(claimed);
      this.loaded.set(numberOf(job), claimed);
      this.writer?.append(job.stored, claimed.stored);
      return claimed.stored;
    });
  }

  /** Reads so many jobs to claim; what has come due and is not among them becomes ready. */
  private async loadClaimable(count: number): Promise<Claimable> {
    const { entries } = this.table;
    for (;;) {
      const [due, ready] = await Promise.all([
        this.records("place", entries.due(this.nowMs), PAGE),
        this.records("place", entries.ready, count),
      ]);
      // Where more have come due than a page holds, all of this page go to where they have an order.
      const isLast = due.length < PAGE;
      const jobs = due.length === 0 ? ready : [...ready, ...due].sort(byClaim);
      const kept = isLast ? jobs.slice(0, count) : [];
      const first = new Set(kept);
      for (const job of due) if (!first.has(job)) this.put(promotedJob(job));
      if (!isLast) continue;
      this.claimable = { jobs: kept, all: jobs.length < count };
      return this.claimable;
    }
  }

  private own(job: JobRecord | undefined): JobRecord | undefined {
    return job !== undefined && this.table.entries.has(job) ? job : undefined;
  }

  private put(job: JobRecord): void {
    this.tx.send(this.table.store, this.table.entries.record(job));
  }
}
