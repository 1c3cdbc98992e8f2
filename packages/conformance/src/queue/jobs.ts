import type { QueueStorageOptions } from "@workglow/job-queue";
import { fail } from "../assert.ts";
import type { CaseContext, Connection } from "../harness.ts";
import { show } from "../show.ts";
import type { StoredTestJob, TestJob, TestQueue } from "./QueueSpec.ts";

const HOUR_MS = 3_600_000;

/** A job as callers write one. */
export function job(input: unknown = { n: 1 }, more: Partial<TestJob> = {}): TestJob {
  return { input, run_after: null, completed_at: null, ...more };
}

/** Jobs whose inputs are 0, 1, 2, … */
export function jobs(count: number, more: Partial<TestJob> = {}): TestJob[] {
  return Array.from({ length: count }, (_, i) => job(i, more));
}

export function anHourAgo(): string {
  return new Date(Date.now() - HOUR_MS).toISOString();
}

export function inAnHour(): string {
  return new Date(Date.now() + HOUR_MS).toISOString();
}

export function inputsOf(stored: readonly StoredTestJob[]): unknown[] {
  return stored.map(({ input }) => input);
}

export function idsOf(stored: readonly StoredTestJob[]): unknown[] {
  return stored.map(({ id }) => id);
}

/** The next job; fails where there is none. */
export async function claim(queue: TestQueue, workerId = "worker"): Promise<StoredTestJob> {
  return (await queue.next(workerId)) ?? fail("next() gave no job, though one is due");
}

/** Claims until nothing is left. */
export async function claimAll(queue: TestQueue, workerId = "worker"): Promise<StoredTestJob[]> {
  const claimed: StoredTestJob[] = [];
  for (;;) {
    const next = await queue.next(workerId);
    if (next === undefined) return claimed;
    claimed.push(next);
  }
}

/** The job as it is stored; fails where it is not. */
export async function stored(queue: TestQueue, id: unknown): Promise<StoredTestJob> {
  return (await queue.get(id)) ?? fail(`get(${show(id)}) gave no job`);
}

/** A queue with one job that has been claimed from it. */
export async function withClaimed(
  c: CaseContext,
  more: Partial<TestJob> = {},
  options: QueueStorageOptions = {},
): Promise<{ queue: TestQueue; claimed: StoredTestJob }> {
  const queue = await c.queue({ options });
  await queue.add(job({ n: 1 }, more));
  return { queue, claimed: await claim(queue) };
}

export function completed(claimed: TestJob, output: unknown = "done"): TestJob {
  return { ...claimed, status: "COMPLETED", output };
}

export function failed(claimed: TestJob, error = "it broke"): TestJob {
  return { ...claimed, status: "FAILED", error };
}

/** To be run again: at once unless told when. */
export function retried(claimed: TestJob, runAfter: string | null = null): TestJob {
  return { ...claimed, status: "PENDING", run_after: runAfter };
}

/** Two workers of one queue, each a storage instance of its own. */
export async function twoWorkers(
  c: Connection,
  options: QueueStorageOptions = {},
): Promise<[TestQueue, TestQueue]> {
  const spec = { queueName: "shared", options };
  return [await c.queue(spec), await c.queue(spec)];
}

export const FINAL = ["COMPLETED", "FAILED", "DISABLED"] as const;

export const STALE = { name: "StaleLeaseError", kind: "invalid" } as const;
