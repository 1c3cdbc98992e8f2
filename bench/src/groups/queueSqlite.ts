import { JobStatus } from "@workglow/job-queue";
import { SqliteQueueStorage } from "@workglow/sqlite/job-queue";
import { better, defineQueue, defineWorker, type Queue, type Worker } from "plainjob";
import { openDatabase } from "../files.ts";
import { type Contender, concurrently, type Group } from "../measure.ts";

const JOBS = 5_000;
const WIDTH = 32;
const BATCH = 64;
const silent = { error() {}, warn() {}, info() {}, debug() {} };

const inputs = Array.from({ length: JOBS }, (_, n) => ({ n, text: `the work of job ${n}` }));
const jobs = inputs.map((input) => ({ input, run_after: null, completed_at: null }));
const completion = {
  status: JobStatus.COMPLETED,
  output: true,
  completed_at: new Date().toISOString(),
};

type Storage = SqliteQueueStorage<unknown, unknown>;

async function workglow(): Promise<Contender> {
  const handle = openDatabase("queue-workglow");
  const storage: Storage = new SqliteQueueStorage(handle, "bench");
  await storage.setupDatabase();
  const fill = async (): Promise<number> => (await storage.addMany(jobs)).length;
  const refill = async (): Promise<void> => {
    await storage.deleteAll();
    await fill();
  };
  const drainSingly = (): Promise<number> =>
    concurrently(JOBS, WIDTH, async () => {
      const job = await storage.next("worker");
      if (job === undefined) throw new Error("a job is missing");
      await storage.complete({ ...job, ...completion });
    });
  const drainInBatches = async (): Promise<number> => {
    let done = 0;
    for (;;) {
      const claimed = await storage.nextMany("worker", BATCH);
      if (claimed.length === 0) return done;
      await storage.completeMany(claimed.map((job) => ({ ...job, ...completion })));
      done += claimed.length;
    }
  };
  return {
    name: "workglow",
    operations: {
      "add in bulk": { prepare: () => storage.deleteAll(), run: fill },
      "next + complete, 32 at once": { prepare: refill, run: drainSingly },
      "next + complete, batches of 64": { prepare: refill, run: drainInBatches },
    },
    close: async () => {
      await storage[Symbol.asyncDispose]();
      handle.close();
    },
  };
}

async function plainjob(): Promise<Contender> {
  const handle = openDatabase("queue-plainjob");
  const queue: Queue = defineQueue({ connection: better(handle), logger: silent });
  const clear = async (): Promise<void> => {
    handle.exec("DELETE FROM plainjob_jobs");
  };
  const fill = async (): Promise<number> => queue.addMany("bench", inputs).ids.length;
  const refill = async (): Promise<void> => {
    await clear();
    await fill();
  };
  const drain = async (): Promise<number> => {
    let done = 0;
    let stopped: Promise<void> | undefined;
    const worker: Worker = defineWorker(
      "bench",
      () => {
        if (++done === JOBS) stopped = worker.stop();
      },
      { queue, logger: silent, pollIntervall: 1 },
    );
    await worker.start();
    await stopped;
    return done;
  };
  return {
    name: "plainjob",
    operations: {
      "add in bulk": { prepare: clear, run: fill },
      "next + complete, 32 at once": { prepare: refill, run: drain },
      "next + complete, batches of 64": { prepare: refill, run: drain },
    },
    close: () => {
      queue.close();
    },
  };
}

export const queueSqlite: Group = {
  name: "Queue, SQLite",
  goals: [
    { operation: "add in bulk", peer: "plainjob", atLeast: 0.6 },
    { operation: "next + complete, 32 at once", peer: "plainjob", atLeast: 3 },
    { operation: "next + complete, batches of 64", peer: "plainjob", atLeast: 4 },
  ],
  open: async () => [await workglow(), await plainjob()],
};
