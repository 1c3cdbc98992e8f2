import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoredJob } from "@workglow/job-queue";
import { PostgresQueueStorage, PostgresRateLimiterStorage } from "@workglow/postgres/job-queue";
import pg from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { servers } from "../../../../scripts/lib/postgres/testServers.ts";
import { freshSchema } from "../servers/fresh.ts";
import { QueueProcess } from "./queueProcess.ts";

const JOBS = 10_000;
const LEASE_MS = 1_000;
const NAMES = ["a", "b", "c", "d"];

const job = (input: unknown) => ({ input, run_after: null, completed_at: null });
const completed = (claimed: StoredJob, output: unknown) =>
  ({ ...claimed, status: "COMPLETED", output }) as const;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A schema of its own, in which this process and others work. */
async function place(url: string) {
  const fresh = await freshSchema(url);
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  onTestFinished(async () => {
    await pool.end();
    await fresh.drop();
  });
  const schema = fresh.name;
  const queueOf = (leaseMs = LEASE_MS) => {
    const queue = new PostgresQueueStorage(pool, "jobs", { schema, leaseMs });
    onTestFinished(() => queue[Symbol.asyncDispose]());
    return queue;
  };
  const limiter = new PostgresRateLimiterStorage(pool, { schema });
  const server = () => QueueProcess.start("queueServer", url, schema, LEASE_MS);
  return { schema, pool, queueOf, limiter, server };
}

/** A queue in this process that has been at work for a while. */
async function survivor(url: string) {
  const here = await place(url);
  const queue = here.queueOf();
  await queue.setupDatabase();
  await queue.next("survivor");
  return { ...here, queue };
}

/** Polls as a worker does. */
async function claimed(queue: PostgresQueueStorage): Promise<StoredJob> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const found = await queue.next("survivor");
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error("nothing could be claimed");
    await pause(20);
  }
}

describe.each(servers().all)("on $title", ({ url }) => {
  describe("four processes drain 10,000 jobs: none twice, none lost, no process idle", () => {
    it.each(["one", "batches", "rounds"])("%s", async (way) => {
      const { schema, queueOf } = await place(url);
      const queue = queueOf(30_000);
      await queue.setupDatabase();
      const numbers = Array.from({ length: JOBS }, (_, input) => input);
      await queue.addMany(numbers.map((input) => ({ ...job(input), priority: input % 3 })));
      const folder = mkdtempSync(join(tmpdir(), "workglow-queue-"));
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
      const log = join(folder, "log.txt");
      writeFileSync(log, "");
      const workers = await Promise.all(
        NAMES.map((name) => QueueProcess.start("queueDrain", url, schema, log, name, way)),
      );
      for (const worker of workers) worker.send("go");
      expect(await Promise.all(workers.map((worker) => worker.exited()))).toEqual([0, 0, 0, 0]);

      const lines = readFileSync(log, "utf8").trimEnd().split("\n");
      const inputs = lines.map((line) => Number(line.split(" ")[0]));
      expect(inputs).toHaveLength(JOBS);
      expect(inputs.sort((x, y) => x - y)).toEqual(numbers);
      for (const name of NAMES) {
        const share = lines.filter((line) => line.endsWith(` ${name}`)).length / JOBS;
        expect(share, `the share of process ${name}`).toBeGreaterThanOrEqual(0.05);
      }
      const jobs = await queue.peek("COMPLETED", JOBS);
      expect(jobs).toHaveLength(JOBS);
      expect(jobs.every(({ run_attempts }) => run_attempts === 1)).toBe(true);
      const output = new Map(lines.map((line) => line.split(" ") as [string, string]));
      expect(jobs.every((one) => one.output === output.get(String(one.input)))).toBe(true);
    });
  });

  describe("a worker that is killed with SIGKILL in the middle of a job", () => {
    it.each([0, 700])(
      "loses it to another within its lease and two seconds, after %d ms",
      async (ms) => {
        const { queue, server } = await survivor(url);
        const worker = await server();
        const id = await queue.add(job("slow"));
        const lost = await worker.call("queue", "next", "worker");
        expect(lost?.id).toBe(id);
        // Somewhere within a lease that has been renewed a few times.
        await pause(ms);
        await worker.kill();
        const killedAt = performance.now();
        const again = await claimed(queue);
        expect(performance.now() - killedAt).toBeLessThan(LEASE_MS + 2_000);
        expect([again.id, again.run_attempts]).toEqual([id, 2]);
        await queue.complete(completed(again, "done"));
        expect(await queue.get(id)).toMatchObject({ status: "COMPLETED", output: "done" });
      },
    );

    it("loses all that it held, and nobody else does", async () => {
      const { queue, server } = await survivor(url);
      const [dying, living] = [await server(), await server()];
      await queue.addMany(Array.from({ length: 20 }, (_, i) => job(i)));
      const lost = await dying.call("queue", "nextMany", "same name", 10);
      const held = await living.call("queue", "nextMany", "same name", 10);
      await dying.kill();
      const again: unknown[] = [];
      while (again.length < 10) again.push((await claimed(queue)).id);
      expect(new Set(again)).toEqual(new Set(lost.map(({ id }) => id)));
      await pause(2 * LEASE_MS);
      expect(await queue.next("survivor")).toBeUndefined();
      await living.call(
        "queue",
        "completeMany",
        held.map((one) => completed(one, "living")),
      );
      expect(await queue.size("COMPLETED")).toBe(10);
    });
  });

  describe("a worker that is stopped for longer than its lease", () => {
    /** Stops a worker in the middle of a job, and lets a survivor claim that job. */
    async function stopped() {
      const { queue, server } = await survivor(url);
      const worker = await server();
      await queue.add(job("slow"));
      const late = (await worker.call("queue", "next", "worker")) as StoredJob;
      worker.child.kill("SIGSTOP");
      const again = await claimed(queue);
      expect(again.id).toBe(late.id);
      return { queue, worker, late, again };
    }

    it("is refused when it hands in while another works on the job", async () => {
      const { queue, worker, late, again } = await stopped();
      worker.child.kill("SIGCONT");
      const refused = "StaleLeaseError";
      await expect(worker.call("queue", "complete", completed(late, "late"))).rejects.toThrow(
        refused,
      );
      await expect(worker.call("queue", "saveProgress", late.id, 99, "late", null)).rejects.toThrow(
        refused,
      );
      expect(await queue.get(late.id)).toEqual(again);
      await queue.complete(completed(again, "in time"));
      expect(await queue.get(late.id)).toMatchObject({ output: "in time", run_attempts: 2 });
    });

    it("is refused when another has handed in, and goes on with new jobs", async () => {
      const { queue, worker, late, again } = await stopped();
      await queue.complete(completed(again, "in time"));
      const before = await queue.get(late.id);
      worker.child.kill("SIGCONT");
      for (const method of ["complete", "release"] as const) {
        await expect(worker.call("queue", method, completed(late, "late"))).rejects.toThrow(
          "StaleLeaseError",
        );
      }
      expect(await queue.get(late.id)).toEqual(before);
      await queue.add(job("another"));
      const next = (await worker.call("queue", "next", "worker")) as StoredJob;
      await worker.call("queue", "complete", completed(next, "worker"));
      expect(await queue.get(next.id)).toMatchObject({ status: "COMPLETED", output: "worker" });
    });
  });

  describe("a server that starts beside one at work", () => {
    it("takes nothing from it, under another name or the same", async () => {
      const { queue, server } = await survivor(url);
      const working = await server();
      await queue.addMany(Array.from({ length: 5 }, (_, i) => job(i)));
      const held = await working.call("queue", "nextMany", "server", 5);
      for (const name of ["server", "another"]) {
        const starting = await server();
        const deadline = Date.now() + 2 * LEASE_MS;
        while (Date.now() < deadline) {
          expect(await starting.call("queue", "next", name)).toBeUndefined();
          await pause(100);
        }
        await starting.kill();
      }
      await working.call(
        "queue",
        "completeMany",
        held.map((one) => completed(one, "mine")),
      );
      const jobs = await queue.peek("COMPLETED");
      expect(jobs.map(({ run_attempts, output }) => [run_attempts, output])).toEqual(
        Array(5).fill([1, "mine"]),
      );
    });
  });

  describe("eight processes", () => {
    it("set the queue up at once, and each works", async () => {
      const { queueOf, server, limiter } = await place(url);
      const processes = await Promise.all(Array.from({ length: 8 }, server));
      await Promise.all(
        processes.map(async (one) => {
          await one.call("queue", "setupDatabase");
          await one.call("limiter", "setupDatabase");
        }),
      );
      await Promise.all(processes.map((one, at) => one.call("queue", "add", job(at))));
      await Promise.all(processes.map((one) => one.call("limiter", "recordExecution", "api")));
      const inputs = (await queueOf().peek()).map(({ input }) => input);
      expect(inputs.sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      expect(await limiter.getExecutionCount("api", "2000-01-01T00:00:00Z")).toBe(8);
    });

    it("that reserve executions of one limit never get more than it allows, and not less", async () => {
      const max = 25;
      const { server, limiter } = await place(url);
      await limiter.setupDatabase();
      const processes = await Promise.all(Array.from({ length: 8 }, server));
      let most = 0;
      const granted = await Promise.all(
        processes.map(async (one) => {
          let mine = 0;
          for (let i = 0; i < 30; i++) {
            const token = await one.call("limiter", "tryReserveExecution", "api", max, 3_600_000);
            if (token === null) continue;
            most = Math.max(most, await limiter.getExecutionCount("api", "2000-01-01T00:00:00Z"));
            // Some places are given back, and may be taken again by anyone.
            if (i % 4 === 0) await one.call("limiter", "releaseExecution", "api", token);
            else mine++;
          }
          return mine;
        }),
      );
      expect(most).toBeLessThanOrEqual(max);
      expect(granted.reduce((sum, own) => sum + own, 0)).toBe(max);
      expect(await limiter.getExecutionCount("api", "2000-01-01T00:00:00Z")).toBe(max);
    });
  });
});
