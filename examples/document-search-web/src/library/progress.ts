import { JobStatus } from "@workglow/job-queue";
import type { Library } from "./library.ts";

/**
 * How many jobs there were since the queue was last empty: kept in the database, so that every tab
 * shows the same progress.
 */
export const ROUND = "round";

export interface Progress {
  readonly done: number;
  readonly total: number;
}

/** How far the queue is, or `undefined` where nothing is left to do. */
export async function progressOf(library: Library): Promise<Progress | undefined> {
  for (;;) {
    const round = await roundOf(library);
    const left = await jobsLeft(library.jobs);
    if (left === 0) return undefined;
    // Where jobs were added in between, they would count as done.
    if ((await roundOf(library)) !== round) continue;
    const total = Math.max(round, left);
    return { done: total - left, total };
  }
}

async function roundOf({ settings }: Library): Promise<number> {
  return Number((await settings.get(ROUND)) ?? 0);
}

/** Jobs that wait or run, in whatever tab. */
export async function jobsLeft(jobs: Library["jobs"]): Promise<number> {
  const [waiting, running] = await Promise.all([
    jobs.size(JobStatus.PENDING),
    jobs.size(JobStatus.PROCESSING),
  ]);
  return waiting + running;
}
