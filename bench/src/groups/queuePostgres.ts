import { JobStatus } from "@workglow/job-queue";
import { PostgresQueueStorage } from "@workglow/postgres/job-queue";
import pg from "pg";
import { type BenchInput, benchInputs } from "../jobs.ts";
import { type Contender, concurrently, type Goal } from "../measure.ts";
import { bullmq } from "../peers/queueBullmq.ts";
import { GraphileQueue } from "../peers/queueGraphile.ts";
import { drained } from "../peers/queueJobs.ts";
import { PgBossQueue } from "../peers/queuePgBoss.ts";
import { onServer } from "../postgres/onServer.ts";

const FEW = benchInputs(3_000);
const SOME = benchInputs(5_000);
const MANY = benchInputs(20_000);

const WIDTH = 32;
const BATCH = 100;
const GRAPHILE_BATCH = 500;

const ONE_PROCESS = "next + complete, 32 at once";
const ONE_PROCESS_FUSED = "completeAndNext, 32 at once";
const FETCHERS = "4 fetchers, batches of 100";
const SINGLY = "8 workers, a job a call";
const SINGLY_FUSED = "8 workers, completeAndNext";
const DELETED = "batches, deleted at the end";
const ADDED = "add 20k in bulk";

const ending = {
  status: JobStatus.COMPLETED,
  output: { done: true },
  completed_at: new Date().toISOString(),
};

type Storage = PostgresQueueStorage<BenchInput, unknown>;
type Job = Awaited<ReturnType<Storage["nextMany"]>>[number];
const ended = (jobs: readonly Job[]) => jobs.map((job) => ({ ...job, ...ending }));

const jobOf = (input: BenchInput) => ({ input, run_after: null, completed_at: null });

/** `lanes` loops that end what they hold in the call that brings them the next. */
async function drainFused(storage: Storage, lanes: number, limit: number): Promise<number> {
  let done = 0;
  const lane = async (name: string): Promise<void> => {
    let jobs = await storage.nextMany(name, limit);
    while (jobs.length > 0) {
      done += jobs.length;
      jobs = await storage.completeAndNext(ended(jobs), name, limit);
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, i) => lane(`worker ${i}`)));
  return done;
}

const drainSingly = (storage: Storage, count: number, lanes: number): Promise<number> =>
  concurrently(count, lanes, async () => {
    const job = await storage.next("worker");
    if (job === undefined) throw new Error("a job is missing");
    await storage.complete({ ...job, ...ending });
  });

async function workglow(url: string): Promise<Contender> {
  const pool = new pg.Pool({ connectionString: url });
  const kept: Storage = new PostgresQueueStorage(pool, "kept");
  const deleted: Storage = new PostgresQueueStorage(pool, "deleted", {
    deleteOnCompletion: true,
  });
  await kept.setupDatabase();
  const rounds = (
    storage: Storage,
    inputs: readonly BenchInput[],
    run: () => Promise<number>,
    left: number,
  ) => {
    const api = {
      clear: () => storage.deleteAll(),
      fill: (jobs: readonly BenchInput[]) => storage.addMany(jobs.map(jobOf)),
      unfinished: async () => {
        const stored = await storage.size(JobStatus.COMPLETED);
        if (stored !== left) throw new Error(`${stored} jobs are kept, not ${left}`);
        return (await storage.size(JobStatus.PENDING)) + (await storage.size(JobStatus.PROCESSING));
      },
    };
    return drained(api, url, inputs, run);
  };
  const keeping = (inputs: readonly BenchInput[], run: () => Promise<number>) =>
    rounds(kept, inputs, run, inputs.length);
  return {
    name: "workglow",
    operations: {
      [ONE_PROCESS]: keeping(SOME, () => drainSingly(kept, SOME.length, WIDTH)),
      [ONE_PROCESS_FUSED]: keeping(SOME, () => drainFused(kept, WIDTH, 1)),
      [FETCHERS]: keeping(MANY, () => drainFused(kept, 4, BATCH)),
      [SINGLY]: keeping(FEW, () => drainSingly(kept, FEW.length, 8)),
      [SINGLY_FUSED]: keeping(FEW, () => drainFused(kept, 8, 1)),
      [DELETED]: rounds(deleted, MANY, () => drainFused(deleted, 2, GRAPHILE_BATCH), 0),
      [ADDED]: {
        prepare: () => kept.deleteAll(),
        run: async () => (await kept.addMany(MANY.map(jobOf))).length,
      },
    },
    close: async () => {
      await kept[Symbol.asyncDispose]();
      await deleted[Symbol.asyncDispose]();
      await pool.end();
    },
  };
}

async function pgBoss(url: string): Promise<Contender> {
  const queue = await PgBossQueue.open(url);
  const drain = async (lanes: number, batch: number): Promise<number> => {
    let done = 0;
    const lane = async (): Promise<void> => {
      for (let count = -1; count !== 0; done += count) count = await queue.step(batch);
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    return done;
  };
  return {
    name: "pg-boss",
    operations: {
      [FETCHERS]: drained(queue, url, MANY, () => drain(4, BATCH)),
      [SINGLY]: drained(queue, url, FEW, () => drain(8, 1)),
      [ADDED]: {
        prepare: () => queue.clear(),
        run: async () => {
          await queue.fill(MANY);
          return MANY.length;
        },
      },
    },
    close: () => queue.close(),
  };
}

function deferred() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Its runner holds the first jobs back until the clock runs: its start is not timed. */
async function graphile(url: string): Promise<Contender> {
  const queue = await GraphileQueue.open(url);
  const steps = drained(queue, url, MANY, async () => MANY.length);
  const round = { open: () => {}, done: Promise.resolve(), stop: async () => {} };
  return {
    name: "graphile-worker",
    operations: {
      [DELETED]: {
        prepare: async () => {
          await steps.prepare();
          const gate = deferred();
          const all = deferred();
          let done = 0;
          const runner = await queue.start(async () => {
            await gate.promise;
            if (++done === MANY.length) all.resolve();
          }, true);
          round.open = gate.resolve;
          round.done = all.promise;
          round.stop = () => runner.stop();
          await queue.settled();
        },
        run: async () => {
          round.open();
          await round.done;
          // The last batch of endings is under way.
          while ((await queue.unfinished()) > 0);
          return MANY.length;
        },
        finish: async () => {
          await round.stop();
          await steps.finish();
        },
      },
      [ADDED]: {
        prepare: () => queue.clear(),
        run: async () => {
          await queue.fill(MANY);
          return MANY.length;
        },
      },
    },
    close: () => queue.close(),
  };
}

const goals: Goal[] = [
  { operation: ONE_PROCESS, peer: "bullmq", atLeast: 5 },
  { operation: ONE_PROCESS, ourOperation: ONE_PROCESS_FUSED, peer: "bullmq" },
  { operation: FETCHERS, peer: "pg-boss", atLeast: 1.2 },
  { operation: SINGLY, peer: "pg-boss", atLeast: 1.3 },
  { operation: SINGLY, ourOperation: SINGLY_FUSED, peer: "pg-boss" },
  { operation: DELETED, peer: "graphile-worker", atLeast: 1.1 },
];

export const queuePostgres = onServer({
  name: "Queue, PostgreSQL",
  goals,
  open: async (database) => [
    await workglow(await database("workglow")),
    await bullmq(await database("bullmq"), ONE_PROCESS, SOME, WIDTH),
    await pgBoss(await database("pg_boss")),
    await graphile(await database("graphile")),
  ],
});
