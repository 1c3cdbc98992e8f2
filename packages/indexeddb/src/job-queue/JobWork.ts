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
import { abortQuietly } from "../connection/abort.ts";
import { MOST_COUNT } from "../connection/mostCount.ts";
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

type Change = readonly [old: JobRecord, next: JobRecord | null];

/** Jobs in one transaction: what several calls do with them, one after the other. */
export class JobWork {
  public readonly tx: StoreTransaction;
  public readonly nowMs = Date.now();
  private readonly table: JobTable;
  private readonly writer: ChangeWriter | undefined;
  private readonly loaded = new Map<number, JobRecord | undefined>();
  private claimable: Claimable | undefined;
  /** What has been overwritten, as it was, and what is to be told of it: see {@link keep}. */
  private readonly originals = new Map<number, JobRecord>();
  private changes: Change[] = [];

  public constructor(tx: StoreTransaction, table: JobTable, writer: ChangeWriter | undefined) {
    this.tx = tx;
    this.table = table;
    this.writer = writer;
  }

  // ——— reading

  /**
   * Reads what calls are about to need, in one go: jobs by id, and so many to claim.
   *
   * @param inSteps whether nothing can be claimed where more has come due than one transaction makes
   *   ready
   * @returns whether there may be claims now
   */
  public async prepare(ids: readonly unknown[], claims: number, inSteps = false): Promise<boolean> {
    const numbers = new Set<number>();
    for (const id of ids) {
      const number = jobNumber(id);
      if (number !== undefined && !this.loaded.has(number)) numbers.add(number);
    }
    const wanted = [...numbers];
    const reading = wanted.map((number) => this.tx.get<StoredRecord>(this.table.store, number));
    const [found, claimable] = await Promise.all([
      Promise.all(reading),
      claims > 0 ? this.loadClaimable(claims, inSteps) : true,
    ]);
    for (const [at, number] of wanted.entries()) this.loaded.set(number, this.own(found[at]));
    return claimable !== undefined;
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

  /** Those of the jobs that there are. */
  public async readAll(ids: readonly unknown[]): Promise<readonly JobRecord[]> {
    await this.prepare(ids, 0);
    return ids.flatMap((id) => this.job(id) ?? []);
  }

  public records(
    index: "place" | "timeout" | "run",
    range: IDBKeyRange,
    count?: number,
  ): Promise<JobRecord[]> {
    return request<JobRecord[]>(this.index(index).getAll(range, countOf(count)));
  }

  public numbers(range: IDBKeyRange, count: number): Promise<IDBValidKey[]> {
    return request(this.index("place").getAllKeys(range, countOf(count)));
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
    this.write(old, next);
    if (old.stored.status === JobStatus.PENDING || next?.stored.status === JobStatus.PENDING) {
      this.claimable = undefined;
    }
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
    if (!this.logs) return ids;
    try {
      for (const [at, { stored }] of jobs.entries()) {
        this.writer?.append(undefined, { ...stored, id: ids[at] });
      }
    } catch (error) {
      for (const id of ids) this.tx.sendDelete(store, id);
      throw error;
    }
    return ids;
  }

  /** Deletes a job of which nobody is told. */
  public deleteNumber(number: IDBValidKey): void {
    this.tx.sendDelete(this.table.store, number);
  }

  /**
   * Makes changes of which all are kept or none: the browser may refuse a record, as one that is too
   * large, when others have been written. What it throws then must not undo what others do in the
   * same transaction.
   */
  public async whole<T>(make: () => Promise<T>): Promise<T> {
    try {
      const result = await make();
      this.keep();
      return result;
    } catch (error) {
      this.undo();
      throw error;
    }
  }

  /** What has been written so far stays, and is told. */
  public keep(): void {
    const { changes, writer } = this;
    let told = 0;
    try {
      for (const [old, next] of changes) {
        writer?.append(old.stored, next?.stored);
        told++;
      }
    } catch (error) {
      for (const [old, next] of changes.slice(0, told).reverse()) {
        writer?.append(next?.stored, old.stored);
      }
      throw error;
    }
    this.changes = [];
    this.originals.clear();
  }

  /** Takes back what was written since the last {@link keep}. */
  private undo(): void {
    try {
      for (const job of this.originals.values()) this.put(job);
    } catch {
      // It has ended already, or has to: everything in it is undone then.
      abortQuietly(this.tx.raw);
    }
    this.originals.clear();
    this.changes = [];
    this.loaded.clear();
    this.claimable = undefined;
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
    const { jobs } = (suffices ? claimable : await this.loadClaimable(limit)) as Claimable;
    return jobs.splice(0, limit).map((job) => {
      const claimed = claimedJob(job, { limit, ...wanted }, instance, this.nowMs);
      this.write(job, claimed);
      return claimed.stored;
    });
  }

  /** Makes a page of jobs ready that have come due; gives how many. */
  public async promote(): Promise<number> {
    const due = await this.records("place", this.table.entries.due(this.nowMs), PAGE);
    for (const job of due) this.put(promotedJob(job));
    return due.length;
  }

  /**
   * Reads so many jobs to claim; what has come due and is not among them becomes ready.
   *
   * @param inSteps whether to give up where that is more than a page
   */
  private async loadClaimable(count: number, inSteps = false): Promise<Claimable | undefined> {
    const { entries } = this.table;
    for (;;) {
      const [due, ready] = await Promise.all([
        this.records("place", entries.due(this.nowMs), PAGE),
        this.records("place", entries.ready, count),
      ]);
      // Where more have come due than a page holds, all of this page go to where they have an order.
      const isLast = due.length < PAGE;
      if (!isLast && inSteps) return undefined;
      const jobs = due.length === 0 ? ready : [...ready, ...due].sort(byClaim);
      const kept = isLast ? jobs.slice(0, count) : [];
      const first = new Set(kept);
      for (const job of due) {
        if (!first.has(job)) this.put(promotedJob(job));
      }
      if (!isLast) continue;
      this.claimable = { jobs: kept, all: jobs.length < count };
      return this.claimable;
    }
  }

  private own(job: JobRecord | undefined): JobRecord | undefined {
    return job !== undefined && this.table.entries.has(job) ? job : undefined;
  }

  private write(old: JobRecord, next: JobRecord | null): void {
    const number = numberOf(old);
    if (next === null) this.tx.sendDelete(this.table.store, number);
    else this.put(next);
    if (!this.originals.has(number)) this.originals.set(number, old);
    this.loaded.set(number, next ?? undefined);
    if (this.logs) this.changes.push([old, next]);
  }

  private put(job: JobRecord): void {
    this.tx.send(this.table.store, this.table.entries.record(job));
  }
}

/** A limit that IndexedDB takes. It holds no more records than that. */
function countOf(count: number | undefined): number | undefined {
  return count === undefined ? undefined : Math.min(count, MOST_COUNT);
}
