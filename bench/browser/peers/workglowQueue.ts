import { IndexedDbQueueStorage } from "@workglow/indexeddb/job-queue";
import { JobStatus } from "@workglow/job-queue";
import type { BenchInput } from "../../src/jobs.ts";
import type { BrowserQueue } from "../queueContender.ts";
import { discard } from "../raw.ts";

const ending = () => ({
  status: JobStatus.COMPLETED,
  output: true,
  completed_at: new Date().toISOString(),
});

export async function workglowQueue(database: string): Promise<BrowserQueue> {
  const queue = new IndexedDbQueueStorage<BenchInput, boolean>("bench", { database });
  await queue.setupDatabase();
  return {
    clear: () => queue.deleteAll(),
    fill: (inputs) =>
      queue.addMany(inputs.map((input) => ({ input, run_after: null, completed_at: null }))),
    nextAndComplete: async () => {
      const job = await queue.next("worker");
      if (job !== undefined) await queue.complete({ ...job, ...ending() });
      return job?.input;
    },
    nextAndCompleteMany: async (most) => {
      const claimed = await queue.nextMany("worker", most);
      await queue.completeMany(claimed.map((job) => ({ ...job, ...ending() })));
      return claimed.length;
    },
    unfinished: async () =>
      (await queue.size(JobStatus.PENDING)) + (await queue.size(JobStatus.PROCESSING)),
    close: async () => {
      await queue[Symbol.asyncDispose]();
      await discard(database);
    },
  };
}
