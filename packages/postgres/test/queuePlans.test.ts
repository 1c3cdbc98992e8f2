import { JobStatus, type JobStorageFormat, type StoredJob } from "@workglow/job-queue";
import { PostgresQueueStorage, PostgresRateLimiterStorage } from "@workglow/postgres/job-queue";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { type Fresh, freshSchema } from "./servers/fresh.ts";

const { embedded } = servers();
const FINISHED = 150_000;
const DELAYED = 40_000;
const WAITING = 10_000;

const job = (more: Partial<JobStorageFormat> = {}): JobStorageFormat => ({
  input: 1,
  run_after: null,
  completed_at: null,
  ...more,
});
const completed = (one: StoredJob): JobStorageFormat => ({ ...one, status: JobStatus.COMPLETED });

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly "Rows Removed by Index Recheck"?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Rows that a plan's scans have read of tables, those that a filter dropped included. */
function rowsRead(node: PlanNode): number {
  const inner = (node.Plans ?? []).reduce((sum, plan) => sum + rowsRead(plan), 0);
  if (node["Relation Name"] === undefined || !node["Node Type"].includes("Scan")) return inner;
  const dropped =
    (node["Rows Removed by Filter"] ?? 0) + (node["Rows Removed by Index Recheck"] ?? 0);
  return inner + Math.round((node["Actual Rows"] + dropped) * node["Actual Loops"]);
}

let fresh: Fresh;
let pool: pg.Pool;
let queue: PostgresQueueStorage;
const plans: PlanNode[] = [];

/** Runs a call; gives the rows that its statements read, by the plans that the server used. */
async function read(call: () => Promise<unknown>): Promise<number> {
  plans.length = 0;
  await call();
  // The server writes the plan before the answer, on the same connection.
  expect(plans.length).toBeGreaterThan(0);
  return plans.reduce((sum, plan) => sum + rowsRead(plan), 0);
}

beforeAll(async () => {
  fresh = await freshSchema(embedded.url);
  const settings = [
    "session_preload_libraries=auto_explain",
    "auto_explain.log_min_duration=0",
    "auto_explain.log_analyze=on",
    "auto_explain.log_timing=off",
    "auto_explain.log_format=json",
    "client_min_messages=log",
  ];
  pool = new pg.Pool({
    connectionString: embedded.url,
    max: 2,
    options: settings.map((setting) => `-c ${setting}`).join(" "),
  });
  pool.on("connect", (client) => {
    client.on("notice", ({ message = "" }) => {
      const json = /^duration: .* plan:\n([\s\S]*)$/.exec(message)?.[1];
      if (json !== undefined) plans.push((JSON.parse(json) as { Plan: PlanNode }).Plan);
    });
  });
  queue = new PostgresQueueStorage(pool, "mail", { schema: fresh.name });
  await queue.setupDatabase();
  const table = `"${fresh.name}"."job_queue"`;
  await pool.query(`INSERT INTO ${table} ("queue", "status", "run_after", "input", "fingerprint",
      "fingerprint_hash", "created_at", "completed_at", "output", "job_run_id")
    SELECT 'mail', CASE WHEN i % 10 = 0 THEN 'FAILED' ELSE 'COMPLETED' END, now(), '1', md5(i::text),
      i, now(), now() - i * interval '1 second', '1', 'run ' || i % 5000
    FROM generate_series(1, ${FINISHED}) AS i`);
  await pool.query(`INSERT INTO ${table} ("queue", "ready", "priority", "run_after", "input",
      "fingerprint", "fingerprint_hash", "created_at")
    SELECT 'mail', 0, 9, now() + interval '1 hour', '1', md5(i::text), i, now()
    FROM generate_series(1, ${DELAYED}) AS i`);
  await queue.addMany(
    Array.from({ length: WAITING }, (_, i) => job({ priority: i % 3, input: i })),
  );
  await pool.query(`VACUUM (ANALYZE) ${table}`);
}, 120_000);

afterAll(async () => {
  await queue?.[Symbol.asyncDispose]();
  await pool?.end();
  await fresh?.drop();
});

describe(`with ${FINISHED + DELAYED + WAITING} jobs`, () => {
  const held: StoredJob[] = [];
  const take = (count: number) => held.splice(0, count);

  /** Rows read, at most, by a call. More than once, as a plan may change with its sixth run. */
  it.each<[string, number, () => Promise<unknown>]>([
    ["next", 2, async () => held.push((await queue.next("w")) as StoredJob)],
    ["nextMany of 50", 100, async () => held.push(...(await queue.nextMany("w", 50)))],
    ["complete", 1, () => queue.complete(completed(take(1)[0] as StoredJob))],
    ["completeMany of 20", 20, () => queue.completeMany(take(20).map(completed))],
    [
      "completeMany of 10, in all ways",
      10,
      () =>
        queue.completeMany(
          take(10).map((one, at) => ({
            ...one,
            status: ([JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.PENDING] as const)[at % 3],
          })),
        ),
    ],
    [
      "completeAndNext of 5",
      15,
      async () => {
        const ended = take(5).map(completed);
        held.push(...(await queue.completeAndNext(ended, "w", 5)));
      },
    ],
    ["release", 1, () => queue.release(take(1)[0] as StoredJob)],
    ["saveProgress", 1, () => queue.saveProgress(held[0]?.id, 5, "", null)],
    ["get", 1, () => queue.get(7)],
    ["peek of PENDING", 10, () => queue.peek(JobStatus.PENDING, 10)],
    ["peek of COMPLETED", 10, () => queue.peek(JobStatus.COMPLETED, 10)],
    ["getByRunId", 30, () => queue.getByRunId("run 77")],
    ["outputForInput", 1, () => queue.outputForInput("never")],
    ["size of PROCESSING", 600, () => queue.size(JobStatus.PROCESSING)],
    ["abort of a finished job", 1, () => queue.abort(3)],
    ["delete", 1, async () => queue.delete(await queue.add(job()))],
    ["deleteJobsByStatusAndAge", 1, () => queue.deleteJobsByStatusAndAge("COMPLETED", 1e12)],
  ])("%s reads %d rows", async (_, rows, call) => {
    for (let run = 0; run < 8; run++) expect(await read(call)).toBeLessThanOrEqual(rows);
  });

  it("makes ready what has come due by reading what is due", async () => {
    await queue.addMany(
      Array.from({ length: 20 }, () =>
        job({ priority: 20, run_after: new Date(Date.now() + 50).toISOString() }),
      ),
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await read(() => queue.nextMany("w", 5))).toBeLessThanOrEqual(20 + 5 + 5 + 15);
  });

  it("deletes a thousand finished jobs by reading about as many", async () => {
    const rows = await read(() =>
      queue.deleteJobsByStatusAndAge("FAILED", (FINISHED - 9_995) * 1000),
    );
    expect(rows).toBeLessThanOrEqual(2 * 1000 + 10);
  });

  it("looks for the dead without reading the jobs of the living", async () => {
    const sweeping = new PostgresQueueStorage(pool, "mail", { schema: fresh.name, leaseMs: 200 });
    try {
      await queue.nextMany("w", 500);
      await sweeping.next("sweeping");
      await new Promise((resolve) => setTimeout(resolve, 150));
      plans.length = 0;
      for (let i = 0; i < 5 && plans.length < 4; i++) {
        await new Promise((resolve) => setTimeout(resolve, 60));
        plans.length = 0;
        await sweeping.next("sweeping");
      }
      expect(plans.length).toBeGreaterThanOrEqual(4);
      // Two instances, their leases, the claim.
      expect(plans.reduce((sum, plan) => sum + rowsRead(plan), 0)).toBeLessThanOrEqual(20);
    } finally {
      await sweeping[Symbol.asyncDispose]();
    }
  });
});

describe("a rate limiter with 50,000 executions", () => {
  it("reads the recent ones of one name, and no more than are allowed", async () => {
    const limiter = new PostgresRateLimiterStorage(pool, { schema: fresh.name });
    await limiter.setupDatabase();
    const table = `"${fresh.name}"."job_rate_limit_executions"`;
    await pool.query(`INSERT INTO ${table} ("queue", "executed_at")
      SELECT 'mail ' || i % 100, now() - i * interval '10 milliseconds' FROM generate_series(1, 50000) AS i`);
    await pool.query(`VACUUM (ANALYZE) ${table}`);
    for (let run = 0; run < 8; run++) {
      const rows = await read(() => limiter.tryReserveExecution("mail 7", 10, 3_600_000));
      expect(rows).toBeLessThanOrEqual(15);
      expect(await read(() => limiter.recordExecution("mail 8"))).toBeLessThanOrEqual(5);
      expect(await read(() => limiter.getOldestExecutionAtOffset("mail 9", 3))).toBeLessThanOrEqual(
        4,
      );
    }
  });
});
