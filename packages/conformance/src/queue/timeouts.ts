import { assert, assertEqual, assertRejects, pause } from "../assert.ts";
import type { Case } from "../harness.ts";
import { sharedTables } from "../requirements.ts";
import { claim, completed, job, retried, STALE, stored, twoWorkers, withClaimed } from "./jobs.ts";
import { claimSoon, NO_ATTEMPTS_LEFT, untilStatus } from "./survivor.ts";

/** A worker looks for overdue jobs from half a lease after its start on, and now and then. */
const QUICK = { leaseMs: 400 };
/** An attempt that is meant to take too long. */
const TIMEOUT_MS = 60;

/** What happens when attempts take too long. */
export const timeoutCases: readonly Case[] = [
  {
    name: "an attempt past its timeout_ms goes to another worker, and the late one is refused",
    requires: [sharedTables],
    run: async (c) => {
      const [slow, other] = await twoWorkers(c, QUICK);
      await slow.add(job("slow", { timeout_ms: TIMEOUT_MS }));
      await slow.add(job("no hurry"));
      const late = await claim(slow);
      const unhurried = await claim(slow);
      const held = await claimSoon(other, "the attempt was never given up");
      assertEqual([held.id, held.run_attempts], [late.id, 2]);
      await assertRejects(() => slow.complete(completed(late, "late")), STALE, "complete");
      const saving = () => slow.saveProgress(late.id, 99, "late", null);
      await assertRejects(saving, STALE, "saveProgress");
      await assertRejects(() => slow.release(late), STALE, "release");
      assertEqual((await stored(slow, late.id)).lease_token, held.lease_token, "the token");
      await other.complete(completed(held, "in time"));
      await assertRejects(() => slow.complete(completed(late, "late")), STALE, "complete");
      assertEqual((await stored(slow, held.id)).output, "in time");
      await slow.complete(completed(unhurried));
    },
  },
  {
    name: "a worker gets its own job again that took too long, and holds the new attempt only",
    run: async (c) => {
      const { queue, claimed: late } = await withClaimed(c, { timeout_ms: TIMEOUT_MS }, QUICK);
      const again = await claimSoon(queue, "the attempt was never given up");
      assertEqual([again.id, again.run_attempts], [late.id, 2]);
      await assertRejects(() => queue.complete(completed(late)), STALE, "the late attempt");
      await queue.complete(completed(again, "second attempt"));
      assertEqual((await stored(queue, again.id)).output, "second attempt");
    },
  },
  {
    name: "a worker with two claims of one job has to say which it means",
    requires: [sharedTables],
    run: async (c) => {
      const [slow, other] = await twoWorkers(c, QUICK);
      await slow.add(job("slow", { timeout_ms: TIMEOUT_MS }));
      await claim(slow);
      await other.release(await claimSoon(other, "the attempt was never given up"));
      const again = await claim(slow);
      const bare = { ...again, lease_token: null };
      await assertRejects(() => slow.complete(completed(bare)), STALE, "complete without a token");
      await assertRejects(() => slow.release(bare), STALE, "release without a token");
      assertEqual(await stored(slow, again.id), again, "the stored job");
      await slow.complete(completed(again));
    },
  },
  {
    name: "a job past its timeout_ms on its last attempt is FAILED: Max retries reached",
    run: async (c) => {
      const more = { timeout_ms: TIMEOUT_MS, max_retries: 0 };
      const { queue, claimed } = await withClaimed(c, more, QUICK);
      const { status, error } = await untilStatus(queue, claimed.id, "FAILED");
      assertEqual([status, error], NO_ATTEMPTS_LEFT);
      await assertRejects(() => queue.complete(completed(claimed)), STALE, "the late attempt");
    },
  },
  {
    name: "an attempt that ends within its timeout_ms is left alone",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c, { timeout_ms: 60_000 });
      await pause(50);
      assertEqual(await queue.next("another"), undefined, "next()");
      await queue.complete(completed(claimed));
    },
  },
  {
    name: "after the first crash a job runs at once, from the second on after its backoff",
    run: async (c) => {
      const backoff = { baseMs: 600_000, factor: 2, jitter: 0 };
      const more = { timeout_ms: TIMEOUT_MS, backoff };
      const { queue, claimed } = await withClaimed(c, more, QUICK);
      const second = await claimSoon(queue, "the job did not run again after its first crash");
      assertEqual([second.id, second.run_attempts], [claimed.id, 2]);
      const read = await untilStatus(queue, claimed.id, "PENDING");
      const delay = Date.parse(read.run_after) - Date.parse(second.last_ran_at as string);
      assert(delay >= 600_000 && delay < 630_000, `it is to run again after ${delay} ms`);
      assertEqual(read.run_attempts, 2, "run_attempts");
    },
  },
  {
    name: "a retry is no crash: the first crash after retries has no backoff",
    run: async (c) => {
      const more = { timeout_ms: 400, backoff: { baseMs: 600_000, jitter: 0 } };
      const { queue, claimed } = await withClaimed(c, more, QUICK);
      await queue.complete(retried(claimed));
      await queue.complete(retried(await claim(queue)));
      const crashing = await claim(queue);
      const again = await claimSoon(queue, "the job did not run again after its first crash");
      assertEqual([again.id, again.run_attempts], [crashing.id, 4]);
    },
  },
];
