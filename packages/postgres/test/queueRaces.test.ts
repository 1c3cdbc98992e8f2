import { JobStatus, type JobStorageFormat, type StoredJob } from "@workglow/job-queue";
import { withTransaction } from "@workglow/postgres";
import { PostgresQueueStorage, PostgresRateLimiterStorage } from "@workglow/postgres/job-queue";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { type Fresh, freshSchema } from "./servers/fresh.ts";

const { embedded } = servers();
let fresh: Fresh;
let pool: pg.Pool;
let other: pg.Pool;

beforeAll(async () => {
  fresh = await freshSchema(embedded.url);
  pool = new pg.Pool({ connectionString: embedded.url, max: 6 });
  other = new pg.Pool({ connectionString: embedded.url, max: 2 });
});
afterAll(async () => {
  await pool.end();
  await other.end();
  await fresh.drop();
});

const job = (input: number): JobStorageFormat<number> => ({
  input,
  run_after: null,
  completed_at: null,
});

it("a reservation by an older snapshot counts those made since", async () => {
  const schema = fresh.name;
  const limiter = new PostgresRateLimiterStorage(pool, { schema });
  await limiter.setupDatabase();
  const elsewhere = new PostgresRateLimiterStorage(other, { schema });
  let runs = 0;
  const inside = await withTransaction(
    pool,
    async (tx) => {
      runs++;
      await limiter.with(tx).getExecutionCount("q", new Date(0).toISOString());
      if (runs === 1) expect(await elsewhere.tryReserveExecution("q", 1, 60_000)).not.toBeNull();
      return limiter.with(tx).tryReserveExecution("q", 1, 60_000);
    },
    { schema },
  );
  expect([inside, runs]).toEqual([null, 2]);
  expect(await limiter.getExecutionCount("q", new Date(0).toISOString())).toBe(1);
});

it("a job that ends without having been claimed is not claimed by a later call", async () => {
  const queue = new PostgresQueueStorage<number, null>(pool, "ends", { schema: fresh.name });
  await queue.setupDatabase();
  for (let round = 0; round < 30; round++) {
    const id = await queue.add(job(round));
    const stored = (await queue.get(id)) as StoredJob<number, null>;
    const [, claimed] = await Promise.all([
      queue.complete({ ...stored, status: JobStatus.DISABLED }),
      queue.next("worker"),
    ]);
    expect(claimed).toBeUndefined();
  }
  await queue[Symbol.asyncDispose]();
});

it("a cleanup removes everything that is old, whatever others remove meanwhile", async () => {
  const queue = new PostgresQueueStorage<number, null>(pool, "cleanup", { schema: fresh.name });
  await queue.setupDatabase();
  await queue.addMany(Array.from({ length: 2_500 }, (_, input) => job(input)));
  const claimed = await queue.nextMany("worker", 2_500);
  await queue.completeMany(claimed.map((one) => ({ ...one, status: JobStatus.COMPLETED })));
  const client = await other.connect();
  await client.query("BEGIN");
  await client.query(
    `DELETE FROM "${fresh.name}"."job_queue" WHERE "id" = (SELECT min("id") FROM "${fresh.name}"."job_queue" WHERE "queue" = 'cleanup')`,
  );
  const cleanup = queue.deleteJobsByStatusAndAge(JobStatus.COMPLETED, 0);
  await new Promise((resolve) => setTimeout(resolve, 200));
  await client.query("COMMIT");
  client.release();
  await cleanup;
  expect(await queue.size(JobStatus.COMPLETED)).toBe(0);
  await queue[Symbol.asyncDispose]();
});
