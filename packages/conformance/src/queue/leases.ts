import { assert, assertEqual, eventually, pause } from "../assert.ts";
import type { Case, CaseContext } from "../harness.ts";
import { persistence, sharedTables } from "../requirements.ts";
import { show } from "../show.ts";
import { anHourAgo, claim, completed, job, jobs, stored } from "./jobs.ts";
import type { StoredTestJob, TestJob, TestQueue } from "./QueueSpec.ts";
import { claimSoon, NO_ATTEMPTS_LEFT, untilStatus } from "./survivor.ts";

/** Short enough to wait for, long enough for a busy machine to renew. */
const SHORT_LEASE_MS = 150;
const SURVIVOR_LEASE_MS = 600;

/** A survivor and a job that a worker claimed which then died. */
async function afterCrash(
  c: CaseContext,
  more: Partial<TestJob> = {},
): Promise<{ survivor: TestQueue; crashed: StoredTestJob }> {
  const survivor = await c.queue({
    queueName: "shared",
    options: { leaseMs: SURVIVOR_LEASE_MS },
  });
  // It is at work before the other one dies, as one that has just started waits before it judges.
  await survivor.next("survivor");
  await survivor.add(job("the job", more));
  const crashed = await claimAndDie(c);
  return { survivor, crashed };
}

async function claimAndDie(c: CaseContext): Promise<StoredTestJob> {
  const dying = await c.queue({ queueName: "shared", options: { leaseMs: SHORT_LEASE_MS } });
  const claimed = await claim(dying, "dying");
  // Nothing renews its lease from here on, and nothing gives back what it holds.
  dying.destroy();
  return claimed;
}

const crashCases: readonly Case[] = [
  {
    name: "the job of a worker that died goes to another, and the lost attempt counts",
    requires: [sharedTables],
    run: async (c) => {
      const { survivor, crashed } = await afterCrash(c);
      const again = await claimSoon(survivor, "nobody got the dead worker's job");
      assertEqual([again.id, again.run_attempts], [crashed.id, 2]);
      assert(again.lease_token !== crashed.lease_token, "both attempts have the same token");
      assert(again.worker_id === "survivor", `the worker is ${show(again.worker_id)}`);
      await survivor.complete(completed(again));
      const read = await stored(survivor, again.id);
      assertEqual([read.status, read.run_attempts], ["COMPLETED", 2]);
    },
  },
  {
    name: "a job that came back keeps its place in the order",
    requires: [sharedTables],
    run: async (c) => {
      const { survivor, crashed } = await afterCrash(c, { run_after: anHourAgo() });
      const later = await survivor.add(job("added later"));
      // While the lease runs, the later job is the only one to be had.
      assertEqual(
        (await survivor.peek()).map(({ id }) => id),
        [later],
      );
      await eventually(async () => {
        const [first] = await survivor.peek();
        if (first?.id === crashed.id) return true;
        // A look for expired leases is part of next(); what it claims here is given back.
        const other = await survivor.next("survivor");
        if (other === undefined) return false;
        await survivor.release(other);
        return other.id === crashed.id;
      }, "nobody got the dead worker's job");
      assertEqual((await claim(survivor)).id, crashed.id, "the next job");
    },
  },
  {
    name: "what a dead worker held stays held until its lease has run out",
    requires: [sharedTables],
    run: async (c) => {
      const [dying, survivor] = [
        await c.queue({ queueName: "shared", options: { leaseMs: 60_000 } }),
        await c.queue({ queueName: "shared", options: { leaseMs: SHORT_LEASE_MS } }),
      ];
      await survivor.add(job());
      const held = await claim(dying);
      dying.destroy();
      for (let i = 0; i < 20; i++) {
        assertEqual(await survivor.next("survivor"), undefined, "next()");
        await pause(30);
      }
      assertEqual((await stored(survivor, held.id)).lease_token, held.lease_token, "the token");
    },
  },
  {
    name: "a job on its last attempt whose worker dies is FAILED: Max retries reached",
    requires: [sharedTables],
    run: async (c) => {
      const { survivor, crashed } = await afterCrash(c, { max_retries: 0 });
      const { status, error, completed_at, run_attempts } = await untilStatus(
        survivor,
        crashed.id,
        "FAILED",
      );
      assertEqual([status, error], NO_ATTEMPTS_LEFT);
      assertEqual(run_attempts, 1, "run_attempts");
      assert(completed_at !== null, "completed_at is not set");
    },
  },
  {
    name: "a job that kills every worker ends FAILED: Max retries reached",
    requires: [sharedTables],
    timeoutMs: 30_000,
    run: async (c) => {
      const backoff = { baseMs: 0, jitter: 0 };
      const { survivor, crashed } = await afterCrash(c, { max_retries: 2, backoff });
      let runs = 1;
      while ((await stored(survivor, crashed.id)).status !== "FAILED") {
        const again = await claimOrEnd(survivor, crashed.id);
        if (again === undefined) break;
        runs++;
        assertEqual(again.run_attempts, runs, "run_attempts");
        // The survivor hands it to another worker, which dies of it.
        await survivor.release(again);
        await claimAndDie(c);
      }
      const { status, error, run_attempts } = await stored(survivor, crashed.id);
      assertEqual([status, error], NO_ATTEMPTS_LEFT);
      assertEqual([runs, run_attempts], [3, 3], "the number of runs");
    },
  },
  {
    name: "a job that was to be aborted and whose worker dies is FAILED",
    requires: [sharedTables],
    run: async (c) => {
      const { survivor, crashed } = await afterCrash(c);
      await survivor.abort(crashed.id);
      const { completed_at } = await untilStatus(survivor, crashed.id, "FAILED");
      assert(completed_at !== null, "completed_at is not set");
    },
  },
  {
    name: "claimed jobs outlive a restart, and go to another once the lease has run out",
    requires: [persistence],
    run: async (c) => {
      const spec = { queueName: "kept", options: { leaseMs: SHORT_LEASE_MS } };
      const before = await c.queue(spec);
      await before.addMany(jobs(2));
      const claimed = await claim(before);
      await c.reopen();
      const after = await c.queue(spec);
      assertEqual((await stored(after, claimed.id)).status, "PROCESSING");
      assertEqual((await claim(after)).input, 1, "the job that waited");
      const again = await claimSoon(after, "the claimed job never came back");
      assertEqual([again.id, again.run_attempts], [claimed.id, 2]);
    },
  },
];

/** The next claim of the job, or nothing once it has ended. */
async function claimOrEnd(queue: TestQueue, id: unknown): Promise<StoredTestJob | undefined> {
  let claimed: StoredTestJob | undefined;
  await eventually(async () => {
    claimed = await queue.next("survivor");
    return claimed !== undefined || (await stored(queue, id)).status === "FAILED";
  }, "the job neither came back nor ended");
  return claimed;
}

const livingCases: readonly Case[] = [
  {
    name: "a living worker keeps its jobs for many times its lease",
    requires: [sharedTables],
    run: async (c) => {
      const options = { leaseMs: 300 };
      const holder = await c.queue({ queueName: "shared", options });
      const other = await c.queue({ queueName: "shared", options });
      await other.next("other");
      await holder.addMany(jobs(2));
      const [one, two] = await holder.nextMany("holder", 2);
      for (let i = 0; i < 40; i++) {
        assertEqual(await other.next("other"), undefined, "what another worker gets");
        await pause(30);
      }
      await holder.saveProgress(one?.id, 50, "alive", null);
      await holder.completeMany([completed(one as TestJob), completed(two as TestJob)]);
      assertEqual(await other.size("COMPLETED"), 2, "the completed jobs");
    },
  },
  {
    name: "a worker that starts takes nothing from those at work",
    requires: [sharedTables],
    run: async (c) => {
      const options = { leaseMs: SURVIVOR_LEASE_MS };
      const holder = await c.queue({ queueName: "shared", options });
      await holder.addMany(jobs(3));
      const held = await holder.nextMany("same name", 3);
      for (let i = 0; i < 3; i++) {
        const starting = await c.queue({ queueName: "shared", options });
        assertEqual(await starting.next("same name"), undefined, "what it gets");
        assertEqual(await starting.size("PROCESSING"), 3, "the jobs being processed");
      }
      await holder.completeMany(held.map((one) => completed(one)));
    },
  },
  {
    name: "a claim whose caller gave up on it comes back, uncounted",
    run: async (c) => {
      const queue = await c.queue({ options: { leaseMs: SHORT_LEASE_MS } });
      await queue.addMany(jobs(3, { max_retries: 0 }));
      const reason = new Error("the caller left");
      for (let i = 0; i < 3; i++) {
        const controller = new AbortController();
        const claiming = queue.next("worker", { signal: controller.signal });
        controller.abort(reason);
        await claiming.then(
          (claimed) => claimed && queue.release(claimed),
          (error) => assert(error === reason, `it rejects with ${show(error)}`),
        );
      }
      for (let i = 0; i < 3; i++) {
        const claimed = await claimSoon(queue, "a job that nobody has never came back");
        assertEqual(claimed.run_attempts, 1, "run_attempts");
        await queue.complete(completed(claimed));
      }
    },
  },
];

/** What happens when workers die, start or stall. */
export const leaseCases: readonly Case[] = [...crashCases, ...livingCases];
