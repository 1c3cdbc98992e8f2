// The page of queueTabs.test.ts: a worker of a queue that all tabs share.
import { IndexedDbQueueStorage } from "@workglow/indexeddb/job-queue";
import type { JobStorageFormat, StoredJob } from "@workglow/job-queue";

/** Given by the test: writes down, outside of the browser, that a job ran. */
declare const ran: (input: number, attempt: number) => Promise<void>;
/** The same of jobs whose end was acknowledged. */
declare const ended: (inputs: readonly number[]) => Promise<void>;

let queue: IndexedDbQueueStorage<number>;
let held: StoredJob | undefined;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export async function open(name: string, leaseMs = 30_000): Promise<void> {
  queue = new IndexedDbQueueStorage(name, { leaseMs });
  await queue.setupDatabase();
}

export async function addMany(count: number, timeout_ms?: number): Promise<void> {
  const rest = { run_after: null, completed_at: null, timeout_ms };
  await queue.addMany(Array.from({ length: count }, (_, input) => ({ input, ...rest })));
}

const completed = (job: StoredJob): JobStorageFormat => ({
  ...job,
  status: "COMPLETED",
  output: true,
});

/** Works until there is nothing left, in so many loops; gives how many jobs this tab ran. */
export async function drain(loops: number, batch: number): Promise<number> {
  let count = 0;
  const loop = async (): Promise<void> => {
    let jobs = await queue.nextMany("worker", batch);
    while (jobs.length > 0) {
      count += jobs.length;
      await Promise.all(jobs.map((job) => ran(job.input, job.run_attempts)));
      const next = await queue.completeAndNext(jobs.map(completed), "worker", batch);
      await ended(jobs.map(({ input }) => input));
      jobs = next;
    }
  };
  await Promise.all(Array.from({ length: loops }, loop));
  return count;
}

/** Claims a job and keeps it. */
export async function hold(): Promise<number | undefined> {
  held = await queue.next("holder");
  return held?.input;
}

/** Ends the job that was kept. */
export const finish = () => queue.complete(completed(held as StoredJob));

/** As a page that computes: nothing else runs meanwhile, no timer either. */
export function block(ms: number): void {
  for (const start = performance.now(); performance.now() - start < ms; );
}

/** Asks for a job every 50 ms, as an idle worker does; gives the first, and after how long. */
export async function poll(
  forMs: number,
): Promise<{ input: number; attempt: number; afterMs: number } | undefined> {
  for (const start = performance.now(); performance.now() - start < forMs; await pause(50)) {
    const job = await queue.next("poller");
    if (job === undefined) continue;
    const afterMs = performance.now() - start;
    await queue.complete(completed(job));
    return { input: job.input, attempt: job.run_attempts, afterMs };
  }
  return undefined;
}

export async function statuses(): Promise<Record<string, number>> {
  const counted = (["PENDING", "PROCESSING", "COMPLETED", "FAILED"] as const).map(
    async (status) => [status, await queue.size(status)] as const,
  );
  return Object.fromEntries(await Promise.all(counted));
}

/** Has a worker of this page claim a job, and ends the worker while it has it. */
export async function holdInWorkerThatEnds(name: string): Promise<unknown> {
  const worker = new Worker(new URL("./queueHolder.worker.ts", import.meta.url), {
    type: "module",
  });
  const claimed = await new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = () => reject(new Error("the worker failed"));
    worker.postMessage(name);
  });
  // Long enough for this page to have seen it at work.
  await queue.next("page");
  worker.terminate();
  return claimed;
}
