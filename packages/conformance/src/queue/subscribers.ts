import { assertEqual, assertThrowsInvalid, eventually, pause } from "../assert.ts";
import type { Case } from "../harness.ts";
import { changes, sharedTables } from "../requirements.ts";
import { show } from "../show.ts";
import { withSilentLogger } from "../silentLogger.ts";
import { claimAll, completed, job, jobs, stored, twoWorkers } from "./jobs.ts";
import type { StoredTestJob } from "./QueueSpec.ts";
import { summary, watchJobs } from "./watchJobs.ts";

function listOf(job: StoredTestJob | undefined): string[] {
  const { list } = (job as StoredTestJob).input as { list: string[] };
  return list;
}

const cases: readonly Case[] = [
  {
    name: "two subscribers with different intervals both hear everything, in one order",
    run: async (c) => {
      const queue = await c.queue();
      const quick = await watchJobs(queue, { pollingIntervalMs: 5 });
      const slow = await watchJobs(queue, { pollingIntervalMs: 50 });
      const add = (i: number) => queue.add(job(i));
      await Promise.all(Array.from({ length: 50 }, (_, i) => add(i)));
      await claimAll(queue);
      const heard = await quick.next(100);
      assertEqual(heard.length, 100, "the number of changes");
      assertEqual(await slow.next(100), heard, "what the second subscriber heard");
      quick.stop();
      slow.stop();
    },
  },
  {
    name: "a subscriber that unsubscribes hears no more, the others go on",
    run: async (c) => {
      const queue = await c.queue();
      const [first, second] = [await watchJobs(queue), await watchJobs(queue)];
      await queue.add(job("a"));
      await Promise.all([first.next(1), second.next(1)]);
      first.stop();
      first.stop();
      await queue.add(job("b"));
      assertEqual(summary(await second.next(1)), ["INSERT b:PENDING"]);
      assertEqual(first.seen(), [], "what the first heard afterwards");
      second.stop();
    },
  },
  {
    name: "subscribers get copies of their own",
    run: async (c) => {
      const queue = await c.queue();
      const seen: string[] = [];
      const spoil = queue.subscribeToChanges((change) => {
        const list = listOf(change.new);
        seen.push(list.join());
        list.push("spoilt");
      });
      const second = queue.subscribeToChanges((change) => {
        seen.push(listOf(change.new).join());
      });
      await Promise.all([spoil.ready, second.ready]);
      const id = await queue.add(job({ list: ["a"] }));
      await eventually(() => seen.length === 2, "the changes did not come");
      assertEqual(seen, ["a", "a"], "the inputs seen");
      assertEqual((await stored(queue, id)).input, { list: ["a"] }, "the stored input");
      spoil();
      second();
    },
  },
  {
    name: "a callback's promise is awaited before the next change",
    run: async (c) => {
      const queue = await c.queue();
      let running = 0;
      let most = 0;
      let heard = 0;
      const unsubscribe = queue.subscribeToChanges(async () => {
        most = Math.max(most, ++running);
        await pause(2);
        running--;
        heard++;
      });
      await unsubscribe.ready;
      await queue.addMany(jobs(20));
      await eventually(
        () => heard === 20,
        () => `${heard} changes were heard`,
      );
      assertEqual(most, 1, "the callbacks that ran at once");
      unsubscribe();
    },
  },
  {
    name: "a callback that throws or rejects is reported, fails no call, and hears the next change",
    run: async (c) => {
      const queue = await c.queue();
      const reported = await withSilentLogger(async () => {
        let calls = 0;
        const thrower = queue.subscribeToChanges(() => {
          calls++;
          throw new Error("from a subscriber");
        });
        const rejecter = queue.subscribeToChanges(async () => {
          calls++;
          throw new Error("from a subscriber");
        });
        await Promise.all([thrower.ready, rejecter.ready]);
        await queue.addMany(jobs(2));
        await eventually(
          () => calls === 4,
          () => `the callbacks were called ${calls} times`,
        );
        await pause(5);
        thrower();
        rejecter();
      });
      assertEqual(reported, 4, "the errors that the logger was told");
      assertEqual(await queue.size(), 2, "the size");
    },
  },
  {
    name: "a callback may use the queue",
    run: async (c) => {
      const queue = await c.queue();
      const done: unknown[] = [];
      const unsubscribe = queue.subscribeToChanges(async (change) => {
        if (change.type !== "INSERT") return;
        const claimed = await queue.next("callback");
        if (claimed !== undefined) await queue.complete(completed(claimed));
        done.push(claimed?.input);
      });
      await unsubscribe.ready;
      await queue.addMany(jobs(3));
      await eventually(
        () => done.length === 3,
        () => `these were done: ${show(done)}`,
      );
      assertEqual(done, [0, 1, 2], "the jobs done");
      unsubscribe();
    },
  },
  {
    name: "refuses callbacks, intervals and filters that are none",
    run: async (c) => {
      const queue = await c.queue();
      for (const callback of [undefined, null, 5, {}]) {
        const call = () => queue.subscribeToChanges(callback as never);
        assertThrowsInvalid(call, `the callback ${show(callback)}`);
      }
      for (const pollingIntervalMs of [0, -1, Number.NaN, "5", Number.POSITIVE_INFINITY]) {
        const options = { pollingIntervalMs: pollingIntervalMs as number };
        const call = () => queue.subscribeToChanges(() => {}, options);
        assertThrowsInvalid(call, `the interval ${show(pollingIntervalMs)}`);
      }
      for (const prefixFilter of [{ tenant: "a" }, { input: 1 }, 5, "x", null]) {
        const options = { prefixFilter: prefixFilter as never };
        const call = () => queue.subscribeToChanges(() => {}, options);
        assertThrowsInvalid(call, `the filter ${show(prefixFilter)} of a queue without prefixes`);
      }
    },
  },
  {
    name: "destroy() ends subscriptions, and later ones are refused",
    requires: [sharedTables],
    run: async (c) => {
      const [first, second] = await twoWorkers(c);
      let heard = 0;
      const unsubscribe = first.subscribeToChanges(() => void heard++);
      await unsubscribe.ready;
      await second.add(job("a"));
      await eventually(() => heard === 1, "the change did not come");
      await first[Symbol.asyncDispose]();
      await second.add(job("b"));
      await pause(25);
      assertEqual(heard, 1, "the changes heard");
      unsubscribe();
      let error: unknown;
      try {
        first.subscribeToChanges(() => {});
      } catch (thrown) {
        error = thrown;
      }
      assertEqual((error as Error | undefined)?.name, "StorageClosedError", "the error's name");
    },
  },
];

/** Those who are told of changes of jobs. */
export const subscriberCases: readonly Case[] = cases.map((one) => ({
  ...one,
  requires: [changes, ...(one.requires ?? [])],
}));
