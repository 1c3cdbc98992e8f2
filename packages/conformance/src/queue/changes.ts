import { assert, assertEqual, eventually, pause } from "../assert.ts";
import type { Case } from "../harness.ts";
import { changes, changesOfAllProcesses, secondConnection, sharedTables } from "../requirements.ts";
import { show } from "../show.ts";
import { withSilentLogger } from "../silentLogger.ts";
import {
  claim,
  claimAll,
  completed,
  failed,
  job,
  jobs,
  retried,
  stored,
  twoWorkers,
} from "./jobs.ts";
import type { TestJob } from "./QueueSpec.ts";
import { summary, watchJobs } from "./watchJobs.ts";

const cases: readonly Case[] = [
  {
    name: "every step of a job is told as INSERT, UPDATE or DELETE, with old and new",
    run: async (c) => {
      const queue = await c.queue();
      const watched = await watchJobs(queue);
      const states: unknown[] = [undefined];
      const id = await queue.add(job({ n: 1 }, { tags: ["a"] }));
      const note = async () => states.push(await queue.get(id));
      await note();
      let claimed = await claim(queue);
      await note();
      await queue.saveProgress(id, 50, "half", { page: 1 });
      await note();
      await queue.release(claimed);
      await note();
      claimed = await claim(queue);
      await note();
      await queue.complete(retried(claimed));
      await note();
      claimed = await claim(queue);
      await note();
      await queue.abort(id);
      await note();
      await queue.complete(completed(claimed, { pages: 3 }));
      await note();
      await queue.delete(id);
      await note();
      const seen = await watched.next(states.length - 1);
      assertEqual(
        seen.map(({ type }) => type),
        ["INSERT", ...Array(states.length - 3).fill("UPDATE"), "DELETE"],
        "the types",
      );
      for (const [i, change] of seen.entries()) {
        assertEqual(change.old, states[i], `old of change ${i}`);
        assertEqual(change.new, states[i + 1], `new of change ${i}`);
      }
      assert(!("old" in (seen[0] as object)), "the INSERT has an old");
      assert(!("new" in (seen.at(-1) as object)), "the DELETE has a new");
      watched.stop();
    },
  },
  {
    name: "calls for many jobs are told as one change for each, in their order",
    run: async (c) => {
      const queue = await c.queue();
      const watched = await watchJobs(queue);
      await queue.addMany(jobs(3));
      const claimed = await queue.nextMany("worker", 3);
      const [a, b, d] = claimed as [TestJob, TestJob, TestJob];
      await queue.completeMany([completed(a), failed(b), retried(d)]);
      assertEqual(summary(await watched.next(9)), [
        "INSERT 0:PENDING",
        "INSERT 1:PENDING",
        "INSERT 2:PENDING",
        "UPDATE 0:PENDING 0:PROCESSING",
        "UPDATE 1:PENDING 1:PROCESSING",
        "UPDATE 2:PENDING 2:PROCESSING",
        "UPDATE 0:PROCESSING 0:COMPLETED",
        "UPDATE 1:PROCESSING 1:FAILED",
        "UPDATE 2:PROCESSING 2:PENDING",
      ]);
      await queue.deleteJobsByStatusAndAge("COMPLETED", 0);
      assertEqual(summary(await watched.next(1)), ["DELETE 0:COMPLETED"]);
      await queue.deleteAll();
      assertEqual([...summary(await watched.next(2))].sort(), [
        "DELETE 1:FAILED",
        "DELETE 2:PENDING",
      ]);
      watched.stop();
    },
  },
  {
    name: "calls that change nothing are not told",
    run: async (c) => {
      const queue = await c.queue();
      await queue.addMany(jobs(2));
      const [one, two] = await queue.nextMany("worker", 2);
      await queue.complete(completed(one as TestJob));
      const watched = await watchJobs(queue);
      await withSilentLogger(async () => {
        await queue.next("worker");
        await queue.abort(one?.id);
        await queue.complete(completed(one as TestJob));
        await queue.complete({ ...completed(two as TestJob), lease_token: "x" }).catch(() => {});
        await queue.saveProgress(one?.id, 5, "", null, { leaseToken: "x" }).catch(() => {});
        await queue.add({} as TestJob).catch(() => {});
        await queue.addMany([job("a"), {} as TestJob]).catch(() => {});
        await queue.addMany([]);
        await queue.deleteJobsByStatusAndAge("FAILED", 0);
      });
      await queue.add(job("last"));
      assertEqual(summary(await watched.next(1)), ["INSERT last:PENDING"]);
      watched.stop();
    },
  },
  {
    name: "a delayed job that comes due is told when it is claimed, and not before",
    run: async (c) => {
      const queue = await c.queue();
      const watched = await watchJobs(queue);
      await queue.add(job("later", { run_after: new Date(Date.now() + 100).toISOString() }));
      await queue.addMany(jobs(1, { priority: 1 }));
      await claim(queue);
      await pause(150);
      // Makes the due job ready, but claims another one.
      await queue.add(job("first", { priority: 1 }));
      await claim(queue);
      await claim(queue);
      assertEqual(summary(await watched.next(6)), [
        "INSERT later:PENDING",
        "INSERT 0:PENDING",
        "UPDATE 0:PENDING 0:PROCESSING",
        "INSERT first:PENDING",
        "UPDATE first:PENDING first:PROCESSING",
        "UPDATE later:PENDING later:PROCESSING",
      ]);
      watched.stop();
    },
  },
  {
    name: "a job that its worker lost is told",
    run: async (c) => {
      const queue = await c.queue({ options: { leaseMs: 400 } });
      const watched = await watchJobs(queue);
      await queue.add(job("slow", { timeout_ms: 50, max_retries: 0 }));
      const { id } = await claim(queue);
      await eventually(async () => {
        await queue.next("worker");
        return (await stored(queue, id)).status === "FAILED";
      }, "the attempt was never given up");
      assertEqual(summary(await watched.next(3)), [
        "INSERT slow:PENDING",
        "UPDATE slow:PENDING slow:PROCESSING",
        "UPDATE slow:PROCESSING slow:FAILED",
      ]);
      watched.stop();
    },
  },
  {
    name: "calls made right after subscribing are told, those before are not",
    run: async (c) => {
      const queue = await c.queue();
      await queue.add(job("before"));
      const seen: unknown[] = [];
      const unsubscribe = queue.subscribeToChanges((change) => void seen.push(change.new?.input));
      await Promise.all([queue.add(job("a")), queue.addMany([job("b"), job("c")])]);
      await eventually(
        () => seen.length >= 3,
        () => `these changes came: ${show(seen)}`,
      );
      await pause(25);
      assertEqual(seen, ["a", "b", "c"], "the inputs of the changes");
      unsubscribe();
    },
  },
  {
    name: "a subscriber hears of its own queue only",
    run: async (c) => {
      const [queue, other] = [await c.queue(), await c.queue()];
      const watched = await watchJobs(queue);
      await other.add(job("other"));
      await claimAll(other);
      await other.deleteAll();
      await queue.add(job("own"));
      assertEqual(summary(await watched.next(1)), ["INSERT own:PENDING"]);
      watched.stop();
    },
  },
  {
    name: "a subscriber hears of the changes of other instances, each once and in order",
    requires: [sharedTables],
    run: async (c) => {
      const [first, second] = await twoWorkers(c);
      const watched = await watchJobs(first);
      await second.add(job("a"));
      const claimed = await claim(first);
      await second.abort(claimed.id);
      await first.complete(failed(claimed));
      await second.delete(claimed.id);
      assertEqual(summary(await watched.next(5)), [
        "INSERT a:PENDING",
        "UPDATE a:PENDING a:PROCESSING",
        "UPDATE a:PROCESSING a:ABORTING",
        "UPDATE a:ABORTING a:FAILED",
        "DELETE a:FAILED",
      ]);
      watched.stop();
    },
  },
  {
    name: "a subscriber hears of the changes made on another connection",
    requires: [secondConnection, changesOfAllProcesses],
    run: async (c) => {
      const here = await c.queue({ queueName: "shared" });
      const there = await (await c.connect()).queue({ queueName: "shared" });
      const watched = await watchJobs(here, { pollingIntervalMs: 20 });
      await there.addMany(jobs(2));
      const claimed = await there.nextMany("worker", 2);
      await there.completeMany(claimed.map((one) => completed(one)));
      assertEqual(summary(await watched.next(6)), [
        "INSERT 0:PENDING",
        "INSERT 1:PENDING",
        "UPDATE 0:PENDING 0:PROCESSING",
        "UPDATE 1:PENDING 1:PROCESSING",
        "UPDATE 0:PROCESSING 0:COMPLETED",
        "UPDATE 1:PROCESSING 1:COMPLETED",
      ]);
      watched.stop();
    },
  },
];

/** What is told of changes of jobs. */
export const changeCases: readonly Case[] = cases.map((one) => ({
  ...one,
  requires: [changes, ...(one.requires ?? [])],
}));
