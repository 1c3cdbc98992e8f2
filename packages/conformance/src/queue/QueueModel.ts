import type { JobStatus } from "@workglow/job-queue";
import { assert } from "../assert.ts";
import { show } from "../show.ts";

export interface ModelJob {
  /** Counts the jobs as they were added. */
  readonly number: number;
  readonly priority: number;
  readonly maxRetries: number;
  runAfterMs: number;
  /** It was due when it was stored, by the queue's own clock. */
  dueAtOnce: boolean;
  status: JobStatus;
  attempts: number;
  progress: number;
  output: unknown;
  error: string | null;
}

export type Ending =
  | { readonly status: "COMPLETED"; readonly output: unknown }
  | { readonly status: "FAILED" | "DISABLED"; readonly error: string }
  | { readonly status: "PENDING"; readonly runAfterMs: number; readonly dueAtOnce: boolean };

const FINAL: ReadonlySet<JobStatus> = new Set(["COMPLETED", "FAILED", "DISABLED"]);

/** How far the queue's clock may be from the test's. */
const CLOCK_SLACK_MS = 20;

/** What a queue is, without I/O, leases or indexes: a list that is searched from end to end. */
export class QueueModel {
  public jobs: ModelJob[] = [];
  private added = 0;

  public add(
    job: Pick<ModelJob, "priority" | "maxRetries" | "runAfterMs" | "dueAtOnce">,
  ): ModelJob {
    const added: ModelJob = {
      ...job,
      number: this.added++,
      status: "PENDING",
      attempts: 0,
      progress: 0,
      output: null,
      error: null,
    };
    this.jobs.push(added);
    return added;
  }

  public get(number: number): ModelJob | undefined {
    return this.jobs.find((job) => job.number === number);
  }

  public size(status: JobStatus): number {
    return this.jobs.filter((job) => job.status === status).length;
  }

  /**
   * Checks what a queue claimed between two points in time, and claims it here. Jobs that came due
   * in between may have been seen as due or not.
   */
  public claim(claimed: readonly number[], limit: number, fromMs: number, toMs: number): void {
    for (const number of claimed) {
      const job = this.get(number);
      assert(job !== undefined, "a job was claimed that there is not");
      assert(job.status === "PENDING", `a job was claimed that is ${job.status}`);
      assert(
        job.dueAtOnce || job.runAfterMs <= toMs + CLOCK_SLACK_MS,
        `a job was claimed ${job.runAfterMs - toMs} ms before it was due`,
      );
      const [first] = this.dueFor(fromMs);
      assert(
        first === undefined || byClaim(job, first) <= 0,
        `${show(job)} was claimed before ${show(first)}`,
      );
      job.status = "PROCESSING";
      job.attempts++;
    }
    if (claimed.length === limit) return;
    const left = this.dueFor(fromMs);
    assert(left.length === 0, `${show(left[0])} was due and not claimed`);
  }

  public end(job: ModelJob, ending: Ending): void {
    if (ending.status !== "PENDING") {
      job.status = ending.status;
      job.output = ending.status === "COMPLETED" ? ending.output : null;
      job.error = ending.status === "COMPLETED" ? null : ending.error;
    } else if (job.status === "ABORTING") {
      job.status = "FAILED";
    } else if (job.attempts > job.maxRetries) {
      job.status = "FAILED";
      job.error = "Max retries reached";
    } else {
      job.status = "PENDING";
      job.runAfterMs = ending.runAfterMs;
      job.dueAtOnce = ending.dueAtOnce;
      job.progress = 0;
    }
  }

  public release(job: ModelJob): void {
    if (job.status === "ABORTING") {
      job.status = "FAILED";
      return;
    }
    job.status = "PENDING";
    job.attempts--;
    job.progress = 0;
  }

  public abort(job: ModelJob): void {
    if (job.status === "PENDING") job.status = "FAILED";
    else if (job.status === "PROCESSING") job.status = "ABORTING";
  }

  public delete(number: number): void {
    this.jobs = this.jobs.filter((job) => job.number !== number);
  }

  public deleteFinished(status: JobStatus): void {
    this.jobs = this.jobs.filter((job) => job.status !== status);
  }

  public deleteAll(): void {
    this.jobs = [];
  }

  /** Jobs that have been due for a while, in the order in which they are to be claimed. */
  private dueFor(nowMs: number): ModelJob[] {
    return this.jobs
      .filter(({ status }) => status === "PENDING")
      .filter(({ dueAtOnce, runAfterMs }) => dueAtOnce || runAfterMs <= nowMs - CLOCK_SLACK_MS)
      .sort(byClaim);
  }
}

export function isFinal(status: JobStatus): boolean {
  return FINAL.has(status);
}

function byClaim(a: ModelJob, b: ModelJob): number {
  return b.priority - a.priority || a.runAfterMs - b.runAfterMs || a.number - b.number;
}
