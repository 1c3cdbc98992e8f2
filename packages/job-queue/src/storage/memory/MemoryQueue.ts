import { type FinalJobStatus, isFinalStatus, JobStatus } from "../JobStatus.ts";
import {
  byClaim,
  byCompletion,
  byNumber,
  byRunAfter,
  firstOf,
  type JobRecord,
  numberOf,
  pendingInOrder,
} from "../records/JobRecord.ts";
import { NewestByFingerprint } from "./NewestByFingerprint.ts";
import { OrderedSet } from "./OrderedSet.ts";

/** The jobs of one queue of one tenant, by what is asked of them. */
export class MemoryQueue {
  public readonly ready = new OrderedSet(byClaim);
  public readonly delayed = new OrderedSet(byRunAfter);
  /** PROCESSING and ABORTING. */
  public readonly active = new Set<JobRecord>();
  public readonly final: Readonly<Record<FinalJobStatus, OrderedSet<JobRecord>>> = {
    COMPLETED: new OrderedSet(byCompletion),
    FAILED: new OrderedSet(byCompletion),
    DISABLED: new OrderedSet(byCompletion),
  };
  /** COMPLETED. */
  private readonly completed = new NewestByFingerprint();
  private readonly jobs = new Map<number, JobRecord>();
  private readonly runs = new Map<string, Set<JobRecord>>();

  public get(number: number): JobRecord | undefined {
    return this.jobs.get(number);
  }

  public add(job: JobRecord): void {
    const { status, job_run_id: run } = job.stored;
    this.jobs.set(numberOf(job), job);
    if (status === JobStatus.PENDING) (job.ready ? this.ready : this.delayed).add(job);
    else if (!isFinalStatus(status)) this.active.add(job);
    else this.final[status].add(job);
    if (status === JobStatus.COMPLETED) this.completed.add(job);
    if (run !== undefined) {
      const jobs = this.runs.get(run);
      if (jobs === undefined) this.runs.set(run, new Set([job]));
      else jobs.add(job);
    }
  }

  public remove(job: JobRecord): void {
    const { status, job_run_id: run } = job.stored;
    this.jobs.delete(numberOf(job));
    if (status === JobStatus.PENDING) (job.ready ? this.ready : this.delayed).delete(job);
    else if (!isFinalStatus(status)) this.active.delete(job);
    else this.final[status].delete(job);
    if (status === JobStatus.COMPLETED) this.completed.remove(job);
    if (run !== undefined) {
      const jobs = this.runs.get(run);
      jobs?.delete(job);
      if (jobs?.size === 0) this.runs.delete(run);
    }
  }

  public run(id: string): readonly JobRecord[] {
    return [...(this.runs.get(id) ?? [])].sort(byNumber);
  }

  public size(status: JobStatus): number {
    if (status === JobStatus.PENDING) return this.ready.size + this.delayed.size;
    if (isFinalStatus(status)) return this.final[status].size;
    return this.activeOf(status).length;
  }

  /** In the order of `BaseQueueStorage._peek`. */
  public peek(status: JobStatus, limit: number, nowMs: number): readonly JobRecord[] {
    if (isFinalStatus(status)) return firstOf(this.final[status], limit);
    if (status !== JobStatus.PENDING) return this.activeOf(status).sort(byClaim).slice(0, limit);
    return pendingInOrder(this.ready, this.delayed, limit, nowMs);
  }

  /** The COMPLETED job of that fingerprint which was added last. */
  public newestWith(fingerprint: string): JobRecord | undefined {
    return this.completed.get(fingerprint);
  }

  public all(): readonly JobRecord[] {
    return [...this.jobs.values()];
  }

  private activeOf(status: JobStatus): JobRecord[] {
    return [...this.active].filter((job) => job.stored.status === status);
  }
}
