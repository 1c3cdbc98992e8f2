import { JobStatus, type JobStorageFormat, type StoredJob } from "@workglow/job-queue";
import { SqliteQueueStorage, SqliteRateLimiterStorage } from "@workglow/sqlite/job-queue";
import { describe, expect, it } from "vitest";
import { spiedHandle } from "./drivers.ts";

const LATER = new Date(Date.now() + 3_600_000).toISOString();
const job = (more: Partial<JobStorageFormat> = {}): JobStorageFormat => ({
  input: { n: 1 },
  run_after: null,
  completed_at: null,
  ...more,
});
const completed = (one: StoredJob): JobStorageFormat => ({ ...one, status: JobStatus.COMPLETED });

/** A queue with jobs of every kind, and the plan of each statement that a call runs. */
async function planned() {
  const { handle, ran } = spiedHandle();
  const options = {
    leaseMs: 60,
    prefixes: [{ name: "tenant", type: "uuid" as const }],
    prefixValues: { tenant: "a" },
  };
  const queue = new SqliteQueueStorage(handle, "mail", options);
  await queue.setupDatabase();
  await queue.addMany(
    Array.from({ length: 300 }, (_, i) => job({ priority: i % 3, job_run_id: `run ${i % 9}` })),
  );
  await queue.addMany(Array.from({ length: 300 }, () => job({ priority: 9, run_after: LATER })));
  await queue.completeMany((await queue.nextMany("w", 60)).map(completed));
  await queue.nextMany("w", 20);
  handle.exec("ANALYZE");
  const plansOf = async (call: () => Promise<unknown>): Promise<readonly string[]> => {
    ran.length = 0;
    await call();
    return ran
      .filter((text) => /^(?:SELECT|DELETE|UPDATE|WITH)/.test(text))
      .map((text) => {
        const params = Array.from(text.matchAll(/\?/g), () => "1");
        const steps = handle.prepare(`EXPLAIN QUERY PLAN ${text}`).all(...params);
        return steps.map(({ detail }) => String(detail)).join(" | ");
      });
  };
  return { queue, handle, plansOf };
}

/** Statements that read a table from end to end, or sort. */
const SLOW = /SCAN "?job|TEMP B-TREE/;

describe("the statements of a queue", () => {
  it("claims from the index of what is ready, and finds what is due in that of the delayed", async () => {
    const { queue, plansOf } = await planned();
    const [promote, claim] = (await plansOf(() => queue.next("w"))).slice(-2);
    expect(promote).toMatch(
      /SEARCH job_queue_tenant USING INDEX \S+ \(tenant=\? AND queue=\? AND run_after<\?\)/,
    );
    expect(claim).toMatch(/SEARCH job_queue_tenant USING COVERING INDEX/);
    expect(claim).not.toMatch(SLOW);
  });

  it("reads no delayed job to claim one, however many there are and of whatever priority", async () => {
    const { queue, handle } = await planned();
    const ready = handle
      .prepare(`SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql LIKE '%"ready" = 1'`)
      .get();
    expect(ready?.sql).toContain(`"priority" DESC, "run_after", "id") WHERE "status" = 'PENDING'`);
    const claimed = await queue.nextMany("w", 1000);
    expect(claimed.every(({ priority }) => priority < 9)).toBe(true);
    expect(claimed).toHaveLength(220);
  });

  it.each<[string, (queue: SqliteQueueStorage) => Promise<unknown>]>([
    ["get", (queue) => queue.get(1)],
    ["getByRunId", (queue) => queue.getByRunId("run 1")],
    ["outputForInput", (queue) => queue.outputForInput({ n: 1 })],
    ["peek of PENDING", (queue) => queue.peek(JobStatus.PENDING, 500)],
    ["peek of COMPLETED", (queue) => queue.peek(JobStatus.COMPLETED, 5)],
    ["size of PENDING", (queue) => queue.size(JobStatus.PENDING)],
    ["size of PROCESSING", (queue) => queue.size(JobStatus.PROCESSING)],
    ["size of COMPLETED", (queue) => queue.size(JobStatus.COMPLETED)],
    ["abort", (queue) => queue.abort(500)],
    ["delete", (queue) => queue.delete(500)],
    [
      "deleteJobsByStatusAndAge",
      (queue) => queue.deleteJobsByStatusAndAge(JobStatus.COMPLETED, 1e9),
    ],
    ["deleteAll", (queue) => queue.deleteAll()],
    ["saveProgress", async (queue) => queue.saveProgress((await queue.next("w"))?.id, 1, "", null)],
    [
      "complete",
      async (queue) => queue.completeMany((await queue.nextMany("w", 2)).map(completed)),
    ],
    ["release", async (queue) => queue.release((await queue.next("w")) ?? job())],
  ])("%s searches an index, and sorts nothing that one orders", async (_, call) => {
    const { queue, plansOf } = await planned();
    const plans = await plansOf(() => call(queue));
    expect(plans.length).toBeGreaterThan(0);
    // Due jobs that no claim has promoted are few, and lie in the other order.
    const sorted = plans.filter((plan) => !/run_after<\?.*USE TEMP B-TREE FOR ORDER BY/.test(plan));
    for (const plan of sorted) expect(plan).not.toMatch(SLOW);
  });

  it("looks for the dead through the index of what is worked on", async () => {
    const { queue, plansOf } = await planned();
    let plans: readonly string[] = [];
    let crashed: string | undefined;
    // A machine that was busy for longer than the lease looks no sooner than half a lease later.
    for (let tries = 0; crashed === undefined && tries < 100; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      plans = await plansOf(() => queue.next("w"));
      crashed = plans.find((plan) => plan.includes("RECURSIVE"));
    }
    expect(crashed).toMatch(/SEARCH job_queue_tenant USING COVERING INDEX/);
    expect(crashed).toMatch(
      /SCAN dead \| SEARCH job USING INDEX \S+ \(\S+ AND \S+ AND lease_instance=\?\)/,
    );
    for (const plan of plans) expect(plan).not.toMatch(SLOW);
  });
});

describe("the statements of a rate limiter", () => {
  it("read the recent executions of one queue only", async () => {
    const { handle, ran } = spiedHandle();
    const limiter = new SqliteRateLimiterStorage(handle);
    await limiter.setupDatabase();
    for (let i = 0; i < 20; i++) await limiter.recordExecution(i % 2 === 0 ? "mail" : "other");
    ran.length = 0;
    await limiter.recordExecution("mail");
    await limiter.tryReserveExecution("mail", 100, 60_000);
    await limiter.getExecutionCount("mail", "2020-01-01T00:00:00Z");
    await limiter.getOldestExecutionAtOffset("mail", 3);
    await limiter.releaseExecution("mail", "1");
    for (const text of ran.filter((one) => /^(?:SELECT|DELETE)/.test(one))) {
      const params = Array.from(text.matchAll(/\?/g), () => "1");
      const plan = handle.prepare(`EXPLAIN QUERY PLAN ${text}`).all(...params);
      const steps = plan.map(({ detail }) => String(detail)).join(" | ");
      expect(steps).toMatch(/SEARCH/);
      expect(steps).not.toMatch(SLOW);
    }
  });
});
