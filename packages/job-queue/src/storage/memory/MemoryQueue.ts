import { type FinalJobStatus, isFinalStatus, JobStatus } from "../JobStatus.ts";
import { byClaim, byCompletion, byRunAfter, type MemoryJob } from "./MemoryJob.ts";
import { NewestByFingerprint } from "./NewestByFingerprint.ts";
import { OrderedSet } from "./OrderedSet.ts";

/** The jobs of one queue of one tenant, by what is asked of them. */
export class MemoryQueue {
  public readonly ready = new OrderedSet(byClaim);
  public readonly delayed = new OrderedSet(byRunAfter);
  /** PROCESSING and ABORTING. */
  public readonly active = new Set<MemoryJob>();
  public readonly final: Readonly<Record<FinalJobStatus, OrderedSet<MemoryJob>>> = {
    COMPLETED: new OrderedSet(byCompletion),
    FAILED: new OrderedSet(byCompletion),
    DISABLED: new OrderedSet(byCompletion),
  };
  /** COMPLETED. */
  private readonly completed = new NewestByFingerprint();
  private readonly jobs = new Map<number, MemoryJob>();
  private readonly runs = new Map<string, Set<MemoryJob>>();

  public get(number: number): MemoryJob | undefined {
    return this.jobs.get(number);
  }

  public add(job: MemoryJob): void {
    const { status, job_run_id: run } = job.stored;
    this.jobs.set(job.number, job);
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

  public remove(job: MemoryJob): void {
    const { status, job_run_id: run } = job.stored;
    this.jobs.delete(job.number);
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

  public run(id: string): readonly MemoryJob[] {
    return [...(this.runs.get(id) ?? [])].sort((a, b) => a.number - b.number);
  }

  public size(status: JobStatus): number {
    if (status === JobStatus.PENDING) return this.ready.size + this.delayed.size;
    if (isFinalStatus(status)) return this.final[status].size;
    return this.activeOf(status).length;
  }

  /** In the order of `BaseQueueStorage._peek`. */
  public peek(status: JobStatus, limit: number, nowMs: number): readonly MemoryJob[] {
    if (isFinalStatus(status)) return firstOf(this.final[status], limit);
    if (status !== JobStatus.PENDING) return this.activeOf(status).sort(byClaim).slice(0, limit);
    const due: MemoryJob[] = [];
    const later: MemoryJob[] = [];
    for (const job of this.delayed) {
      if (job.runAfterMs <= nowMs) due.push(job);
      else if (later.length < limit) later.push(job);
      else break;
    }
    const ready = firstOf(this.ready, limit);
    const claimable = due.length === 0 ? ready : [...ready, ...due].sort(byClaim);
    return [...claimable, ...later].slice(0, limit);
  }

  /** The COMPLETED job of that fingerprint which was added last. */
  public newestWith(fingerprint: string): MemoryJob | undefined {
    return this.completed.get(fingerprint);
  }

  public all(): readonly MemoryJob[] {
    return [...this.jobs.values()];
  }

  private activeOf(status: JobStatus): MemoryJob[] {
    return [...this.active].filter((job) => job.stored.status === status);
  }
}

function firstOf<T>(items: Iterable<T>, limit: number): readonly T[] {
  const first: T[] = [];
  for (const item of items) {
    if (first.length === limit) break;
    first.push(item);
  }
  return first;
}
