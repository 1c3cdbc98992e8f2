import { assert, assertEqual, pause } from "../assert.ts";
import { anHourAgo, inAnHour, job } from "./jobs.ts";
import type { Due, Step } from "./modelSteps.ts";
import { type Ending, isFinal, type ModelJob, QueueModel } from "./QueueModel.ts";
import type { StoredTestJob, TestJob, TestQueue } from "./QueueSpec.ts";

const STATUSES = ["PENDING", "PROCESSING", "ABORTING", "COMPLETED", "FAILED", "DISABLED"] as const;
const SOON_MS = 50;
const UNTIL_SOON_MS = 90;

/** A queue and its model, driven side by side. */
export class QueueComparison {
  private readonly workers: readonly TestQueue[];
  private readonly model = new QueueModel();
  /** By the model's numbers. */
  private readonly ids: unknown[] = [];
  private readonly held: { readonly job: StoredTestJob; readonly by: TestQueue }[] = [];
  private readonly ended: StoredTestJob[] = [];

  public constructor(workers: readonly TestQueue[]) {
    this.workers = workers;
  }

  public async take(next: Step): Promise<void> {
    if (next.do === "add") await this.add(next.jobs);
    else if (next.do === "claim") await this.claim(this.worker(next.who), next.limit);
    else if (next.do === "end") await this.end(next.pick, next.how);
    else if (next.do === "wait") await pause(UNTIL_SOON_MS);
    else if (next.do === "progress") await this.progress(next.pick, next.progress);
    else if (next.do === "release") await this.release(next.pick);
    else if (next.do === "end late") await this.endLate(next.pick);
    else if (next.do === "abort" || next.do === "delete") await this.byId(next.do, next.pick);
    else await this.clean(next);
    await this.compare();
  }

  private worker(i: number): TestQueue {
    return this.workers[i % this.workers.length] as TestQueue;
  }

  private numberOf(id: unknown): number {
    return this.ids.indexOf(id);
  }

  private async add(
    given: readonly { priority: number; due: Due; maxRetries: number }[],
  ): Promise<void> {
    const runAfter = (when: Due): string | null =>
      when === "now"
        ? null
        : when === "soon"
          ? new Date(Date.now() + SOON_MS).toISOString()
          : when === "long ago"
            ? anHourAgo()
            : inAnHour();
    const jobs = given.map((one, i): TestJob => {
      const { priority, maxRetries: max_retries } = one;
      return job(i, { priority, max_retries, run_after: runAfter(one.due) });
    });
    const queue = this.worker(jobs.length);
    const ids =
      jobs.length === 1 ? [await queue.add(jobs[0] as TestJob)] : await queue.addMany(jobs);
    for (const [i, id] of ids.entries()) {
      const { priority, maxRetries, due: when } = given[i] as (typeof given)[number];
      // What "now" is the queue's clock says.
      const runAfterMs = Date.parse(
        jobs[i]?.run_after ?? ((await queue.get(id))?.run_after as string),
      );
      this.model.add({ priority, maxRetries, runAfterMs, dueAtOnce: when === "now" });
      this.ids.push(id);
    }
  }

  private async claim(queue: TestQueue, limit: number): Promise<void> {
    const fromMs = Date.now();
    const claimed =
      limit === 1
        ? [await queue.next("worker")].filter((one) => one !== undefined)
        : await queue.nextMany("worker", limit);
    const numbers = claimed.map(({ id }) => this.numberOf(id));
    this.model.claim(numbers, limit, fromMs, Date.now());
    for (const one of claimed) this.held.push({ job: one, by: queue });
  }

  /** A held claim, which is held no longer. */
  private takeHeld(at: number) {
    if (this.held.length === 0) return undefined;
    const [claimed] = this.held.splice(at % this.held.length, 1);
    if (claimed !== undefined) this.ended.push(claimed.job);
    return claimed;
  }

  private async end(at: number, kind: string): Promise<void> {
    const claimed = this.takeHeld(at);
    if (claimed === undefined) return;
    const { job: one, by } = claimed;
    const retry = kind === "again" || kind === "later";
    const run_after = kind === "later" ? inAnHour() : null;
    const ended = retry
      ? ({ ...one, status: "PENDING", run_after } as const)
      : ({
          ...one,
          status: kind,
          output: { at },
          error: kind === "COMPLETED" ? null : "x",
        } as TestJob);
    await (at % 2 === 0 ? by.complete(ended) : by.completeMany([ended]));
    const known = this.model.get(this.numberOf(one.id));
    if (known === undefined) return;
    const ending = retry ? await this.retryEnding(one.id, run_after) : finalEnding(kind, at);
    this.model.end(known, ending);
  }

  private async retryEnding(id: unknown, runAfter: string | null): Promise<Ending> {
    const read = await this.worker(0).get(id);
    const runAfterMs = Date.parse(runAfter ?? (read?.run_after as string));
    return { status: "PENDING", runAfterMs, dueAtOnce: runAfter === null };
  }

  private async release(at: number): Promise<void> {
    const claimed = this.takeHeld(at);
    if (claimed === undefined) return;
    const known = this.model.get(this.numberOf(claimed.job.id));
    if (known !== undefined) this.model.release(known);
    await claimed.by.release(claimed.job).catch((error: Error) => {
      // Nobody holds what has been deleted.
      if (known !== undefined) throw error;
    });
  }

  /** Ends an attempt that has ended: whatever it says, nothing may change. */
  private async endLate(at: number): Promise<void> {
    const late = this.ended[at % Math.max(1, this.ended.length)];
    if (late === undefined) return;
    const status = (["COMPLETED", "FAILED", "PENDING"] as const)[at % 3] ?? "FAILED";
    await this.worker(at)
      .complete({ ...late, status, output: "late", error: "late", run_after: anHourAgo() })
      .catch(staleOnly);
    await this.worker(at).release(late).catch(staleOnly);
  }

  private async progress(at: number, progress: number): Promise<void> {
    const claimed = this.held[at % Math.max(1, this.held.length)];
    if (claimed === undefined) return;
    await claimed.by.saveProgress(claimed.job.id, progress, "on its way", null);
    const known = this.model.get(this.numberOf(claimed.job.id));
    if (known !== undefined) known.progress = progress;
  }

  private async byId(what: "abort" | "delete", at: number): Promise<void> {
    const number = at % Math.max(1, this.ids.length);
    const known = this.model.get(number);
    await this.worker(at)[what](this.ids[number] ?? 0);
    if (known === undefined) return;
    if (what === "abort") this.model.abort(known);
    else this.model.delete(number);
  }

  private async clean(next: Step): Promise<void> {
    if (next.do === "delete all") {
      await this.worker(0).deleteAll();
      this.model.deleteAll();
    } else if (next.do === "clean") {
      await this.worker(1).deleteJobsByStatusAndAge(next.status, 0);
      this.model.deleteFinished(next.status);
    }
  }

  private async compare(): Promise<void> {
    for (const status of STATUSES) {
      const expected = this.model.jobs.filter((one) => one.status === status);
      const read = await this.worker(0).peek(status, 1_000);
      assertEqual(await this.worker(1).size(status), expected.length, `size("${status}")`);
      const found = read.map(({ id }) => this.numberOf(id)).sort((a, b) => a - b);
      assertEqual(
        found,
        expected.map(({ number }) => number),
        `the ${status} jobs`,
      );
      for (const one of read) {
        const known = this.model.get(this.numberOf(one.id)) as ModelJob;
        assertEqual(visible(one), seenBy(known), `a ${status} job`);
      }
    }
  }
}

function finalEnding(kind: string, at: number): Ending {
  if (kind === "COMPLETED") return { status: kind, output: { at } };
  return { status: kind as "FAILED" | "DISABLED", error: "x" };
}

/** The part of a stored job that the model knows too. */
function visible(one: StoredTestJob): unknown {
  const { priority, max_retries, run_attempts, status, progress, output, error } = one;
  const common = { priority, max_retries, run_attempts, runAfterMs: Date.parse(one.run_after) };
  if (!isFinal(status)) return { ...common, progress };
  return { ...common, output: status === "COMPLETED" ? output : null, error: known(error) };
}

function seenBy(job: ModelJob): unknown {
  const { priority, maxRetries, attempts, runAfterMs, progress, output, error } = job;
  const common = { priority, max_retries: maxRetries, run_attempts: attempts, runAfterMs };
  return isFinal(job.status) ? { ...common, output, error: known(error) } : { ...common, progress };
}

/** The words with which a queue fails an aborted job are its own. */
function known(error: string | null): string | null {
  return error === "x" || error === "Max retries reached" ? error : null;
}

function staleOnly(error: Error): void {
  assert(error.name === "StaleLeaseError", `a late call is a ${error.name}: ${error.message}`);
}
