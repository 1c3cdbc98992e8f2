import { createPostgresBackend, Queue, Worker } from "bullmq";
import type { BenchInput } from "../jobs.ts";
import type { Contender } from "../measure.ts";
import { drained, type QueueApi } from "./queueJobs.ts";

const NAME = "bench";

/** bullmq on its PostgreSQL backend; ended jobs stay, as they do unless its user says otherwise. */
export async function bullmq(
  url: string,
  operation: string,
  inputs: readonly BenchInput[],
  concurrency: number,
): Promise<Contender> {
  // More connections than pg's own 10 make it slower.
  const connection = { connectionString: url, migrate: true };
  const queue = new Queue(NAME, { connection }, createPostgresBackend);
  await queue.waitUntilReady();
  const api: QueueApi = {
    clear: () => queue.obliterate({ force: true }),
    fill: (jobs) => queue.addBulk(jobs.map((data) => ({ name: "job", data }))),
    unfinished: async () => inputs.length - (await queue.getCompletedCount()),
  };
  const openWorker = async () => {
    const options = { connection, concurrency, autorun: false };
    const worker = new Worker(NAME, async () => true, options, createPostgresBackend);
    // Closing it ends a wait for jobs.
    worker.on("error", () => undefined);
    await worker.waitUntilReady();
    return worker;
  };
  let worker = await openWorker();
  const steps = drained(api, url, inputs, () => {
    let done = 0;
    return new Promise((resolve, reject) => {
      worker.on("failed", (_, error) => reject(error));
      worker.on("completed", () => {
        if (++done === inputs.length) resolve(done);
      });
      worker.run().catch(reject);
    });
  });
  return {
    name: "bullmq",
    operations: {
      [operation]: {
        ...steps,
        finish: async () => {
          await worker.close();
          await steps.finish();
          worker = await openWorker();
        },
      },
    },
    close: async () => {
      await worker.close();
      await queue.close();
    },
  };
}
