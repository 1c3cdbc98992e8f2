import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StoredJob } from "@workglow/job-queue";
import { SqliteQueueStorage } from "@workglow/sqlite/job-queue";
import { describe, expect, it } from "vitest";
import { Child } from "./Child.ts";
import { QueueServer } from "./QueueServer.ts";
import {
  expectSound,
  kept,
  opened,
  pause,
  STRESS,
  scratchFile,
  scratchFolder,
  until,
} from "./scratch.ts";

const LEASE_MS = 1_000;

type Queue = SqliteQueueStorage<unknown, unknown>;

const job = (input: unknown) => ({ input, run_after: null, completed_at: null });
const completed = (claimed: StoredJob, output: unknown) =>
  ({ ...claimed, status: "COMPLETED", output }) as const;

/** A queue in this process that has been at work for a while. */
async function survivorOf(file: string, leaseMs = LEASE_MS): Promise<Queue> {
  const queue = kept(new SqliteQueueStorage<unknown, unknown>(opened(file), "jobs", { leaseMs }));
  await queue.setupDatabase();
  await queue.next("survivor");
  return queue;
}

/** Polls as a worker does. */
async function claimed(queue: Queue): Promise<StoredJob> {
  let found: StoredJob | undefined;
  await until(async () => {
    found = await queue.next("survivor");
    return found !== undefined;
  }, "a claim");
  return found as StoredJob;
}

describe("a worker that is killed with SIGKILL in the middle of a job", () => {
  for (let round = 0; round < 2 * STRESS; round++) {
    it("loses it to another within its lease and two seconds", async () => {
      const file = scratchFile();
      const survivor = await survivorOf(file);
      const worker = await QueueServer.start(file, "jobs", LEASE_MS);
      const id = await survivor.add(job("slow"));
      const lost = await worker.call("next", "worker");
      expect(lost?.id).toBe(id);
      // Somewhere within a lease that has been renewed a few times.
      await pause(400 * (round % 4));
      await worker.child.kill();
      const killedAt = performance.now();
      const again = await claimed(survivor);
      expect(performance.now() - killedAt).toBeLessThan(LEASE_MS + 2_000);
      expect([again.id, again.run_attempts]).toEqual([id, 2]);
      await survivor.complete(completed(again, "done"));
      expect(await survivor.get(id)).toMatchObject({ status: "COMPLETED", output: "done" });
    });
  }

  it("loses all that it held, and nobody else does", async () => {
    const file = scratchFile();
    const survivor = await survivorOf(file);
    const [dying, living] = [
      await QueueServer.start(file, "jobs", LEASE_MS),
      await QueueServer.start(file, "jobs", LEASE_MS),
    ];
    await survivor.addMany(Array.from({ length: 20 }, (_, i) => job(i)));
    const lost = await dying.call("nextMany", "same name", 10);
    const held = await living.call("nextMany", "same name", 10);
    await dying.child.kill();
    const again: unknown[] = [];
    while (again.length < 10) again.push((await claimed(survivor)).id);
    expect(new Set(again)).toEqual(new Set(lost.map(({ id }) => id)));
    await pause(2 * LEASE_MS);
    expect(await survivor.next("survivor")).toBeUndefined();
    await living.call(
      "completeMany",
      held.map((one) => completed(one, "living")),
    );
    expect(await survivor.size("COMPLETED")).toBe(10);
  });
});

describe("a worker that is stopped for longer than its lease", () => {
  /** Stops a worker in the middle of a job, and lets a survivor claim that job. */
  async function stopped() {
    const file = scratchFile();
    const survivor = await survivorOf(file);
    const worker = await QueueServer.start(file, "jobs", LEASE_MS);
    await survivor.add(job("slow"));
    const late = (await worker.call("next", "worker")) as StoredJob;
    worker.child.process.kill("SIGSTOP");
    const again = await claimed(survivor);
    expect(again.id).toBe(late.id);
    return { survivor, worker, late, again };
  }

  it("is refused when it completes while another works on the job", async () => {
    const { survivor, worker, late, again } = await stopped();
    worker.child.process.kill("SIGCONT");
    await expect(worker.call("complete", completed(late, "late"))).rejects.toThrow(
      "StaleLeaseError",
    );
    await expect(worker.call("saveProgress", late.id, 99, "late", null)).rejects.toThrow(
      "StaleLeaseError",
    );
    expect(await survivor.get(late.id)).toEqual(again);
    await survivor.complete(completed(again, "in time"));
    expect(await survivor.get(late.id)).toMatchObject({ output: "in time", run_attempts: 2 });
  });

  it("is refused when it completes after another has, and exactly one completion counts", async () => {
    const { survivor, worker, late, again } = await stopped();
    const changes: unknown[] = [];
    const unsubscribe = survivor.subscribeToChanges(
      (change) => void changes.push(change.new?.status),
    );
    await unsubscribe.ready;
    await survivor.complete(completed(again, "in time"));
    const before = await survivor.get(late.id);
    worker.child.process.kill("SIGCONT");
    await expect(worker.call("complete", completed(late, "late"))).rejects.toThrow(
      "StaleLeaseError",
    );
    await expect(worker.call("release", late)).rejects.toThrow("StaleLeaseError");
    expect(await survivor.get(late.id)).toEqual(before);
    await pause(200);
    unsubscribe();
    expect(changes).toEqual(["COMPLETED"]);
  });

  it("goes on with new jobs when it is continued", async () => {
    const { survivor, worker, again } = await stopped();
    await survivor.complete(completed(again, "in time"));
    worker.child.process.kill("SIGCONT");
    await survivor.add(job("another"));
    const next = (await worker.call("next", "worker")) as StoredJob;
    await worker.call("complete", completed(next, "worker"));
    expect(await survivor.get(next.id)).toMatchObject({ status: "COMPLETED", output: "worker" });
  });
});

describe("a server that starts beside one at work", () => {
  it("takes nothing from it, under another name or the same", async () => {
    const file = scratchFile();
    const queue = await survivorOf(file);
    const working = await QueueServer.start(file, "jobs", LEASE_MS);
    await queue.addMany(Array.from({ length: 5 }, (_, i) => job(i)));
    const held = await working.call("nextMany", "server", 5);
    for (const name of ["server", "another"]) {
      const starting = await QueueServer.start(file, "jobs", LEASE_MS);
      const deadline = Date.now() + 2 * LEASE_MS;
      while (Date.now() < deadline) {
        expect(await starting.call("next", name)).toBeUndefined();
        await pause(100);
      }
      await starting.child.kill();
    }
    await working.call(
      "completeMany",
      held.map((one) => completed(one, "mine")),
    );
    const jobs = await queue.peek("COMPLETED");
    expect(jobs.map(({ run_attempts, output }) => [run_attempts, output])).toEqual(
      Array(5).fill([1, "mine"]),
    );
  });
});

describe("two processes that work under the same name", () => {
  it("hold jobs of their own, also when one of them dies", async () => {
    const file = scratchFile();
    const queue = await survivorOf(file, 60_000);
    const [first, second] = [
      await QueueServer.start(file, "jobs", LEASE_MS),
      await QueueServer.start(file, "jobs", LEASE_MS),
    ];
    await queue.addMany([job("a"), job("b")]);
    const [a, b] = [await first.call("next", "same"), await second.call("next", "same")];
    expect(a?.id).not.toBe(b?.id);
    await expect(
      second.call("complete", completed({ ...(a as StoredJob), lease_token: null }, "not mine")),
    ).rejects.toThrow("StaleLeaseError");
    await first.child.kill();
    let again: StoredJob | undefined;
    await until(async () => {
      again = await second.call("next", "same");
      return again !== undefined;
    }, "a claim");
    expect([again?.id, again?.run_attempts]).toEqual([a?.id, 2]);
    const both = [b, again] as StoredJob[];
    await second.call(
      "completeMany",
      both.map((one) => completed(one, "second")),
    );
    expect(await queue.size("COMPLETED")).toBe(2);
  });
});

describe("a job that ends the process of whoever works on it", () => {
  it("ends FAILED after as many runs as it may have, and all other jobs are done once", async () => {
    const folder = scratchFolder();
    const [file, log] = [join(folder, "data.db"), join(folder, "log.txt")];
    writeFileSync(log, "");
    const db = opened(file);
    const queue = kept(new SqliteQueueStorage<string, string>(db, "mixed"));
    await queue.setupDatabase();
    const backoff = { baseMs: 10, jitter: 0 };
    const [first] = await queue.addMany(["a", "b", "c"].map((input) => ({ ...job(input), input })));
    const poison = await queue.add({
      ...job(0),
      input: "poison",
      priority: 1,
      max_retries: 2,
      backoff,
    });
    let restarts = 0;
    let worker = new Child("poison", file, log);
    await until(async () => {
      if (!worker.running) {
        expect(await worker.exited()).toBe(3);
        restarts++;
        worker = new Child("poison", file, log);
      }
      const { status } = (await queue.get(poison)) ?? {};
      return status === "FAILED" && (await queue.size("COMPLETED")) === 3;
    }, "the end of all jobs");
    expect(restarts).toBe(3);
    expect(await queue.get(poison)).toMatchObject({
      status: "FAILED",
      error: "Max retries reached",
      run_attempts: 3,
    });
    expect(await queue.get(first)).toMatchObject({ status: "COMPLETED", output: "A" });
    const runs = readFileSync(log, "utf8").trimEnd().split("\n").sort();
    expect(runs).toEqual(["a", "b", "c", "poison", "poison", "poison"]);
    expectSound(db);
  });
});
