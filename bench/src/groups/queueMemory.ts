import { InMemoryQueueStorage, JobStatus } from "@workglow/job-queue";
import type { Contender, Group } from "../measure.ts";

const OPERATIONS = 2_000;
const completion = {
  status: JobStatus.COMPLETED,
  output: true,
  completed_at: new Date().toISOString(),
};

/** next + complete + add, so that the number of pending jobs stays what it is. */
async function withPending(name: string, pending: number): Promise<Contender> {
  const storage = new InMemoryQueueStorage<number, boolean>(name);
  await storage.setupDatabase();
  const job = (input: number) => ({ input, run_after: null, completed_at: null });
  for (let at = 0; at < pending; at += 10_000) {
    const count = Math.min(10_000, pending - at);
    await storage.addMany(Array.from({ length: count }, (_, i) => job(at + i)));
  }
  return {
    name,
    operations: {
      "next + complete": {
        run: async () => {
          for (let i = 0; i < OPERATIONS; i++) {
            const claimed = await storage.next("worker");
            if (claimed === undefined) throw new Error("a job is missing");
            await storage.complete({ ...claimed, ...completion });
            await storage.add(job(i));
          }
          return OPERATIONS;
        },
      },
    },
    close: () => storage.destroy(),
  };
}

export const queueMemory: Group = {
  name: "Queue, memory",
  // A million pending jobs cost at most three times what a thousand cost.
  goals: [{ operation: "next + complete", peer: "1,000 pending", atLeast: 1 / 3 }],
  open: async () => [
    await withPending("1,000,000 pending", 1_000_000),
    await withPending("1,000 pending", 1_000),
  ],
};
