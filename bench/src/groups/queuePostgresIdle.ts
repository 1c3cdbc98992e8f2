import { setTimeout as pause } from "node:timers/promises";
import { JobStatus } from "@workglow/job-queue";
import { PostgresQueueStorage } from "@workglow/postgres/job-queue";
import pg from "pg";
import type { BenchInput } from "../jobs.ts";
import type { Contender, Operation, Timed } from "../measure.ts";
import { GraphileQueue } from "../peers/queueGraphile.ts";
import { onServer } from "../postgres/onServer.ts";
import { tidy } from "../postgres/tidy.ts";

const SAMPLES = 100;
/** Between two samples, so that everybody is idle again; also whoever notifies at most every 20 ms. */
const QUIET_MS = 30;
const POLLING_MS = 2;
const NOTIFIED = "enqueue to start, notified";
const POLLED = "enqueue to start, polling every 2 ms";

/** Median milliseconds of `enqueue`, which resolves when the job has started. */
async function latency(enqueue: (input: BenchInput) => Promise<unknown>): Promise<Timed> {
  const samples: number[] = [];
  for (let n = 0; n < SAMPLES; n++) {
    await pause(QUIET_MS);
    const from = performance.now();
    await enqueue({ n, text: "the work of a job" });
    samples.push(performance.now() - from);
  }
  samples.sort((a, b) => a - b);
  return { count: 1, ms: samples[SAMPLES >> 1] as number };
}

type Storage = PostgresQueueStorage<BenchInput, unknown>;
const completion = {
  status: JobStatus.COMPLETED,
  output: { done: true },
  completed_at: new Date().toISOString(),
};

/** One who adds and one who claims, with a pool each, as two processes would have. */
async function workglow(url: string): Promise<Contender> {
  const pools = [1, 2].map(() => new pg.Pool({ connectionString: url }));
  const [producer, consumer] = pools.map(
    (pool): Storage => new PostgresQueueStorage(pool, "bench"),
  ) as [Storage, Storage];
  await producer.setupDatabase();
  let onStart: (n: number) => void = () => undefined;
  const claim = async (): Promise<boolean> => {
    const job = await consumer.next("worker");
    if (job === undefined) return false;
    onStart(job.input.n);
    await consumer.complete({ ...job, ...completion });
    return true;
  };
  const enqueue = async (input: BenchInput): Promise<void> => {
    const started = new Promise<void>((resolve, reject) => {
      onStart = (n) => (n === input.n ? resolve() : reject(new Error(`job ${n} started`)));
    });
    await producer.add({ input, run_after: null, completed_at: null });
    await started;
  };
  let stop: () => Promise<unknown> | unknown = () => undefined;
  const measured = (begin: () => Promise<() => unknown>): Operation => ({
    prepare: async () => {
      await producer.deleteAll();
      await tidy(url);
      stop = await begin();
    },
    run: () => latency(enqueue),
    finish: async () => stop(),
  });
  return {
    name: "workglow",
    operations: {
      [NOTIFIED]: measured(async () => {
        const unsubscribe = consumer.subscribeToChanges(({ type }) => {
          if (type === "INSERT") void claim();
        });
        await unsubscribe.ready;
        return unsubscribe;
      }),
      [POLLED]: measured(async () => {
        const state = { live: true };
        const polling = (async () => {
          while (state.live) if (!(await claim())) await pause(POLLING_MS);
        })();
        return () => {
          state.live = false;
          return polling;
        };
      }),
    },
    close: async () => {
      await producer[Symbol.asyncDispose]();
      await consumer[Symbol.asyncDispose]();
      for (const pool of pools) await pool.end();
    },
  };
}

/** Its runner waits for a notification. */
async function graphile(url: string): Promise<Contender> {
  const queue = await GraphileQueue.open(url);
  let onStart: () => void = () => undefined;
  let stop: () => Promise<void> = async () => undefined;
  return {
    name: "graphile-worker",
    operations: {
      [NOTIFIED]: {
        prepare: async () => {
          await queue.clear();
          await tidy(url);
          const runner = await queue.start(() => onStart(), true);
          stop = () => runner.stop();
          await pause(200);
        },
        run: () =>
          latency(async (input) => {
            const started = new Promise<void>((resolve) => {
              onStart = resolve;
            });
            await queue.add(input);
            await started;
          }),
        finish: () => stop(),
      },
    },
    close: () => queue.close(),
  };
}

export const queuePostgresIdle = onServer({
  name: "Queue when idle, PostgreSQL (1 s / median latency)",
  goals: [
    { operation: NOTIFIED, peer: "graphile-worker", atLeast: 1 },
    { operation: NOTIFIED, ourOperation: POLLED, peer: "graphile-worker" },
  ],
  open: async (database) => [
    await workglow(await database("workglow")),
    await graphile(await database("graphile")),
  ],
});
