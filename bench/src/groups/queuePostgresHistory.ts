import { JobStatus } from "@workglow/job-queue";
import { PostgresQueueStorage } from "@workglow/postgres/job-queue";
import pg from "pg";
import { type BenchInput, benchInputs } from "../jobs.ts";
import type { Contender, Timed } from "../measure.ts";
import { onServer } from "../postgres/onServer.ts";
import { tidy } from "../postgres/tidy.ts";

const CLAIMS = 1_000;
const FINISHED = 1_000_000;
const DELAYED = 100_000;
const SEED = 10_000;
const A_DAY_MS = 86_400_000;

const EMPTY = "empty table";
const P99 = "claim, 1 s / p99";
const MEDIAN = "claim, 1 s / median";

type Storage = PostgresQueueStorage<BenchInput, unknown>;
type Job = Awaited<ReturnType<Storage["nextMany"]>>[number];

const ending = {
  status: JobStatus.COMPLETED,
  output: { done: true },
  completed_at: new Date().toISOString(),
};
const complete = (storage: Storage, jobs: readonly Job[]) =>
  storage.completeMany(jobs.map((job) => ({ ...job, ...ending })));

const added = (jobs: readonly BenchInput[], more: object = {}) =>
  jobs.map((input) => ({ input, run_after: null, completed_at: null, ...more }));

/** Jobs that are ended, and jobs of a high priority that are not due before tomorrow. */
async function fillWithHistory(storage: Storage, pool: pg.Pool): Promise<void> {
  await storage.addMany(added(benchInputs(SEED)));
  await complete(storage, await storage.nextMany("worker", SEED));
  await copyJobs(pool, FINISHED / SEED - 1);
  const run_after = new Date(Date.now() + A_DAY_MS).toISOString();
  for (let done = 0; done < DELAYED; done += SEED) {
    await storage.addMany(added(benchInputs(SEED), { run_after, priority: 9 }));
  }
  const counts = [await storage.size(JobStatus.COMPLETED), await storage.size(JobStatus.PENDING)];
  if (counts[0] !== FINISHED || counts[1] !== DELAYED) throw new Error(`there are ${counts}`);
}

/** Writes the rows of the job table some times more, with ids of their own: in seconds. */
async function copyJobs(pool: pg.Pool, times: number): Promise<void> {
  const { rows } = await pool.query<{ column: string }>(
    `SELECT quote_ident(column_name) AS column FROM information_schema.columns
     WHERE table_name = 'job_queue' AND column_name <> 'id'`,
  );
  const columns = rows.map(({ column }) => column).join(", ");
  await pool.query(
    `INSERT INTO job_queue (${columns})
     SELECT ${columns} FROM job_queue, generate_series(1, ${times})`,
  );
}

async function contender(name: string, url: string, history: boolean): Promise<Contender> {
  const pool = new pg.Pool({ connectionString: url });
  const storage: Storage = new PostgresQueueStorage(pool, "bench");
  await storage.setupDatabase();
  if (history) await fillWithHistory(storage, pool);
  await tidy(url);
  const jobs = added(benchInputs(CLAIMS));
  /** Claims one job after the other; gives the milliseconds at a quantile. */
  const claims = (quantile: number) => {
    let claimed: Job[] = [];
    return {
      prepare: () => storage.addMany(jobs),
      run: async (): Promise<Timed> => {
        const samples: number[] = [];
        for (let i = 0; i < CLAIMS; i++) {
          const from = performance.now();
          const job = await storage.next("worker");
          samples.push(performance.now() - from);
          if (job === undefined) throw new Error("a job is missing");
          claimed.push(job);
        }
        samples.sort((a, b) => a - b);
        return { count: 1, ms: samples[Math.floor(CLAIMS * quantile)] as number };
      },
      finish: async () => {
        await complete(storage, claimed);
        claimed = [];
        if (!history) await storage.deleteAll();
      },
    };
  };
  return {
    name,
    operations: { [P99]: claims(0.99), [MEDIAN]: claims(0.5) },
    close: async () => {
      await storage[Symbol.asyncDispose]();
      await pool.end();
    },
  };
}

export const queuePostgresHistory = onServer({
  name: "Queue with much history, PostgreSQL",
  // At most twice the time of an empty table.
  goals: [{ operation: P99, peer: EMPTY, atLeast: 0.5 }],
  open: async (database) => [
    await contender("1M finished", await database("history"), true),
    await contender(EMPTY, await database("empty"), false),
  ],
});
