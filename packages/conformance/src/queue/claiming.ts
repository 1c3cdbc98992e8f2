import { assert, assertEqual, assertInvalid, eventually } from "../assert.ts";
import { shuffled } from "../collect.ts";
import type { Case } from "../harness.ts";
import { secondConnection, sharedTables } from "../requirements.ts";
import { seededRandom, UNSTORABLE_TEXTS } from "../samples.ts";
import { show } from "../show.ts";
import {
  claim,
  claimAll,
  completed,
  idsOf,
  inAnHour,
  inputsOf,
  job,
  jobs,
  stored,
  twoWorkers,
} from "./jobs.ts";
import type { StoredTestJob, TestJob, TestQueue } from "./QueueSpec.ts";

/** Jobs in the order in which they are to be claimed. */
function jobsInOrder(): TestJob[] {
  const at = (day: number) => `2020-01-0${day}T00:00:00.000Z`;
  return [
    job("high, late", { priority: 2_000_000_000, run_after: at(9) }),
    job("raised, early", { priority: 1, run_after: at(1) }),
    job("raised, middle", { priority: 1, run_after: at(2) }),
    job("raised, late", { priority: 1, run_after: at(3) }),
    job("plain, early", { run_after: at(1) }),
    job("plain, late", { run_after: at(8) }),
    job("plain, later by a millisecond", { run_after: "2020-01-08T00:00:00.001Z" }),
    job("plain, now"),
    job("lowered, early", { priority: -1, run_after: at(1) }),
    job("lowest", { priority: -2_000_000_000, run_after: at(1) }),
  ];
}

/** Claims with several instances at once until nothing is left. */
async function drain(
  workers: readonly TestQueue[],
  take: (worker: TestQueue, name: string) => Promise<StoredTestJob[]>,
): Promise<StoredTestJob[]> {
  const loops = workers.map(async (worker, i) => {
    const mine: StoredTestJob[] = [];
    for (;;) {
      const claimed = await take(worker, `worker ${i}`);
      if (claimed.length === 0) return mine;
      mine.push(...claimed);
      await worker.completeMany(claimed.map((one) => completed(one, i)));
    }
  });
  return (await Promise.all(loops)).flat();
}

/** One by one, several at once and in batches. */
const WAYS_TO_CLAIM: readonly ((w: TestQueue, name: string) => Promise<StoredTestJob[]>)[] = [
  async (worker, name) => {
    const one = await worker.next(name);
    return one === undefined ? [] : [one];
  },
  async (worker, name) => {
    const some = await Promise.all([worker.next(name), worker.next(name), worker.next(name)]);
    return some.filter((one) => one !== undefined);
  },
  (worker, name) => worker.nextMany(name, 7),
];

async function assertDrained(queue: TestQueue, workers: readonly TestQueue[]): Promise<void> {
  for (const take of WAYS_TO_CLAIM) {
    await queue.deleteAll();
    const ids = await queue.addMany(jobs(100));
    const claimed = idsOf(await drain(workers, take)).map(String);
    assertEqual(claimed.length, 100, "the number of claims");
    assertEqual(new Set(claimed), new Set(ids.map(String)), "the claimed ids");
    assertEqual(await queue.size("COMPLETED"), 100, "the completed jobs");
  }
}

const orderCases: readonly Case[] = [
  {
    name: "claims in the order in which jobs were added",
    run: async (c) => {
      const queue = await c.queue();
      for (const one of jobs(20)) await queue.add(one);
      assertEqual(inputsOf(await claimAll(queue)), inputsOf(jobs(20) as StoredTestJob[]));
    },
  },
  {
    name: "claims by priority, higher first, then by run_after, then by id",
    run: async (c) => {
      const expected = jobsInOrder();
      for (const seed of [1, 2, 3]) {
        const queue = await c.queue();
        // "now" is by the queue's clock, later than all others whenever it is added.
        for (const one of shuffled(expected, seededRandom(seed))) await queue.add(one);
        const inputs = expected.map(({ input }) => input);
        assertEqual(inputsOf(await queue.peek()), inputs, "peek()");
        if (seed === 1) assertEqual(inputsOf(await claimAll(queue)), inputs, "next()");
        else assertEqual(inputsOf(await queue.nextMany("worker", 100)), inputs, "nextMany()");
      }
    },
  },
  {
    name: "claims jobs of equal priority and time in the order of their ids",
    run: async (c) => {
      const queue = await c.queue();
      const more = { priority: 3, run_after: "2021-01-01T00:00:00.000Z" };
      const ids = await queue.addMany(jobs(30, more));
      ids.push(await queue.add(job("last", more)));
      assertEqual(idsOf(await claimAll(queue)), ids);
    },
  },
  {
    name: "leaves a job alone until its run_after",
    run: async (c) => {
      const queue = await c.queue();
      const later = await queue.add(job("later", { run_after: inAnHour(), priority: 9 }));
      await queue.addMany([job("past", { run_after: "1999-01-01T00:00:00Z" }), job("now")]);
      assertEqual(inputsOf(await claimAll(queue)), ["past", "now"]);
      assertEqual(await queue.nextMany("worker", 10), [], "nextMany()");
      assertEqual((await stored(queue, later)).status, "PENDING");
    },
  },
  {
    name: "claims a delayed job once it is due, and not before",
    run: async (c) => {
      const queue = await c.queue();
      const runAfter = new Date(Date.now() + 400).toISOString();
      await queue.add(job("delayed", { run_after: runAfter, priority: -1 }));
      await queue.add(job("now"));
      assertEqual((await claim(queue)).input, "now");
      let claimed: StoredTestJob | undefined;
      await eventually(async () => {
        claimed = await queue.next("worker");
        return claimed !== undefined;
      }, "the delayed job was never claimed");
      const ranAt = claimed?.last_ran_at ?? "";
      assert(ranAt >= runAfter, `it was claimed at ${ranAt}, before ${runAfter}`);
      assertEqual(claimed?.run_after, runAfter, "run_after");
    },
  },
  {
    name: "a delayed job that has come due takes its place by priority",
    run: async (c) => {
      const queue = await c.queue();
      const runAfter = new Date(Date.now() + 150).toISOString();
      const id = await queue.add(job("delayed", { run_after: runAfter, priority: 5 }));
      await queue.addMany(jobs(2_000));
      // Each claim may be the first after the job has come due: from there on it is the next.
      let before = await claim(queue);
      while (before.id !== id) {
        const next = await claim(queue);
        assert(
          (before.last_ran_at as string) <= runAfter || next.id === id,
          `${show(before.input)} was claimed at ${before.last_ran_at}, after ${runAfter}`,
        );
        before = next;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
  },
];

export const claimingCases: readonly Case[] = [
  {
    name: "next() makes the job PROCESSING, counts the attempt and records the worker",
    run: async (c) => {
      const queue = await c.queue();
      const id = await queue.add(job({ n: 1 }));
      const claimed = await claim(queue, "worker 7");
      assertEqual(claimed.id, id, "the id");
      assertEqual(claimed.input, { n: 1 }, "the input");
      assertEqual(claimed.status, "PROCESSING", "the status");
      assertEqual(claimed.run_attempts, 1, "run_attempts");
      assertEqual(claimed.worker_id, "worker 7", "worker_id");
      assert(claimed.last_ran_at !== null, "last_ran_at is not set");
      assert((claimed.last_ran_at as string) >= claimed.created_at, "last_ran_at is too early");
      assert(Boolean(claimed.lease_token), "there is no lease_token");
      assertEqual(await stored(queue, id), claimed, "the stored job");
    },
  },
  {
    name: "next() gives nothing where nothing is left, and no job twice",
    run: async (c) => {
      const queue = await c.queue();
      await queue.add(job());
      await claim(queue);
      assertEqual(await queue.next("worker"), undefined);
      assertEqual(await queue.next("another"), undefined);
      assertEqual(await queue.size("PENDING"), 0, "the pending jobs");
      assertEqual(await queue.size("PROCESSING"), 1, "the jobs being processed");
    },
  },
  {
    name: "nextMany() claims up to its limit, each as an attempt of its own",
    run: async (c) => {
      const queue = await c.queue();
      await queue.addMany(jobs(10));
      const first = await queue.nextMany("worker", 4);
      assertEqual(inputsOf(first), [0, 1, 2, 3]);
      assertEqual(
        first.map(({ run_attempts }) => run_attempts),
        [1, 1, 1, 1],
        "run_attempts",
      );
      for (const one of first) assertEqual(await stored(queue, one.id), one, "the stored job");
      assertEqual(inputsOf(await queue.nextMany("worker", 100)), [4, 5, 6, 7, 8, 9]);
      assertEqual(await queue.nextMany("worker", 1), []);
    },
  },
  {
    name: "refuses limits and workers that are none, and claims nothing",
    run: async (c) => {
      const queue = await c.queue();
      await queue.add(job());
      for (const limit of [
        0,
        -1,
        1.5,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        "2",
        null,
        undefined,
      ]) {
        const call = () => queue.nextMany("worker", limit as number);
        await assertInvalid(call, `nextMany() with the limit ${show(limit)}`);
      }
      for (const workerId of [undefined, null, 5, {}, ...UNSTORABLE_TEXTS]) {
        const what = `the worker ${show(workerId)}`;
        await assertInvalid(() => queue.next(workerId as string), `next() for ${what}`);
        await assertInvalid(() => queue.nextMany(workerId as string, 1), `nextMany() for ${what}`);
      }
      assertEqual(await queue.size(), 1, "the size");
    },
  },
  {
    name: "claims made at once give the jobs in order, each to one call",
    run: async (c) => {
      const queue = await c.queue();
      await queue.addMany(jobs(10));
      const [one, many, two, rest, none] = await Promise.all([
        queue.next("a"),
        queue.nextMany("b", 3),
        queue.next("c"),
        queue.nextMany("d", 50),
        queue.next("e"),
      ]);
      assertEqual([one?.input, inputsOf(many), two?.input], [0, [1, 2, 3], 4]);
      assertEqual(inputsOf(rest), [5, 6, 7, 8, 9]);
      assertEqual(none, undefined);
      assertEqual([one?.worker_id, many[2]?.worker_id, two?.worker_id], ["a", "b", "c"]);
    },
  },
  ...orderCases,
  {
    name: "four instances drain a queue: no job twice, none lost",
    requires: [sharedTables],
    run: async (c) => {
      const [first, second] = await twoWorkers(c);
      const [third, fourth] = await twoWorkers(c);
      await assertDrained(first, [first, second, third, fourth]);
    },
  },
  {
    name: "instances on two connections drain a queue: no job twice, none lost",
    requires: [secondConnection],
    timeoutMs: 20_000,
    run: async (c) => {
      const here = await twoWorkers(c);
      const there = await twoWorkers(await c.connect());
      await assertDrained(here[0], [...here, ...there]);
    },
  },
  {
    name: "workers of the same name hold attempts of their own",
    requires: [sharedTables],
    run: async (c) => {
      const [first, second] = await twoWorkers(c);
      await first.addMany(jobs(2));
      const [a, b] = [await claim(first, "same"), await claim(second, "same")];
      assert(a.id !== b.id, "both hold the same job");
      assert(a.lease_token !== b.lease_token, "both hold the same token");
      await second.complete(completed(b, "second"));
      await first.complete(completed(a, "first"));
      assertEqual((await stored(first, a.id)).output, "first");
      assertEqual((await stored(first, b.id)).output, "second");
    },
  },
];
