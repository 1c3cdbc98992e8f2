import { assertEqual, assertRejects, rejection } from "../assert.ts";
import type { Case } from "../harness.ts";
import { sharedTables } from "../requirements.ts";
import { withSilentLogger } from "../silentLogger.ts";
import {
  claim,
  completed,
  FINAL,
  failed,
  job,
  jobs,
  retried,
  STALE,
  stored,
  twoWorkers,
  withClaimed,
} from "./jobs.ts";
import type { StoredTestJob, TestJob, TestQueue } from "./QueueSpec.ts";

/** Calls that only the holder of an attempt may make. */
const HOLDERS_CALLS: readonly (readonly [
  name: string,
  call: (queue: TestQueue, held: StoredTestJob) => Promise<void>,
])[] = [
  ["complete", (queue, held) => queue.complete(completed(held, "stale"))],
  ["complete as a retry", (queue, held) => queue.complete(retried(held))],
  ["complete as failed", (queue, held) => queue.complete(failed(held))],
  ["completeMany", (queue, held) => queue.completeMany([completed(held, "stale")])],
  ["release", (queue, held) => queue.release(held)],
  [
    "saveProgress",
    (queue, { id, lease_token }) =>
      queue.saveProgress(id, 99, "stale", null, { leaseToken: lease_token as string }),
  ],
];

async function assertAllStale(
  queue: TestQueue,
  held: StoredTestJob,
  why: string,
  allowed?: string,
): Promise<void> {
  const before = await stored(queue, held.id);
  for (const [name, call] of HOLDERS_CALLS) {
    if (name === allowed) continue;
    await assertRejects(() => call(queue, held), STALE, `${name} ${why}`);
  }
  assertEqual(await stored(queue, held.id), before, `the job, ${why}`);
}

const holderCases: readonly Case[] = [
  {
    name: "who lost the job to another can neither end it nor report on it",
    requires: [sharedTables],
    run: async (c) => {
      const [first, second] = await twoWorkers(c);
      await first.add(job());
      const lost = await claim(first);
      await first.release(lost);
      const held = await claim(second);
      await assertAllStale(first, lost, "by the former holder");
      await assertAllStale(second, lost, "with the former token");
      await second.complete(completed(held, "mine"));
      assertEqual((await stored(first, held.id)).output, "mine");
    },
  },
  {
    name: "the attempt before a retry can neither end the job nor report on it",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      await queue.complete(retried(claimed));
      // Repeating the very call that ended the attempt may succeed.
      await assertAllStale(queue, claimed, "while the job waits", "complete as a retry");
      await claim(queue);
      await assertAllStale(queue, claimed, "while the job runs again");
    },
  },
  {
    name: "a made-up token holds nothing",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      for (const lease_token of ["made up", "00000000-0000-0000-0000-000000000000", "'--"]) {
        await assertAllStale(queue, { ...claimed, lease_token }, `with the token "${lease_token}"`);
      }
      await queue.complete(completed(claimed));
    },
  },
  {
    name: "an instance that did not claim the job needs the token to end it",
    requires: [sharedTables],
    run: async (c) => {
      const [first, second] = await twoWorkers(c);
      await first.addMany(jobs(2));
      const [one, two] = [await claim(first), await claim(first)];
      const withoutToken = { ...completed(one), lease_token: null };
      await assertRejects(() => second.complete(withoutToken), STALE, "complete without a token");
      await assertRejects(
        () => second.release({ ...one, lease_token: null }),
        STALE,
        "release without a token",
      );
      await assertRejects(
        () => second.saveProgress(one.id, 1, "", null),
        STALE,
        "saveProgress without a token",
      );
      await second.complete(completed(one));
      await second.completeMany([completed(two)]);
      assertEqual(await first.size("COMPLETED"), 2, "the completed jobs");
    },
  },
  {
    name: "a call without a token means the instance's own claim of the job",
    run: async (c) => {
      const queue = await c.queue();
      await queue.addMany(jobs(3));
      const [one, two, three] = await queue.nextMany("worker", 3);
      const bare = ({ id, input }: StoredTestJob): TestJob => ({ ...job(input), id });
      await queue.complete(completed(bare(one as StoredTestJob)));
      await queue.saveProgress(two?.id, 5, "here", null);
      await queue.completeMany([failed(bare(two as StoredTestJob))]);
      await queue.release(bare(three as StoredTestJob));
      assertEqual((await stored(queue, one?.id)).status, "COMPLETED");
      assertEqual((await stored(queue, two?.id)).status, "FAILED");
      assertEqual((await stored(queue, three?.id)).status, "PENDING");
    },
  },
  {
    name: "a job that waits to run again is held by nobody",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      await queue.complete(retried(claimed));
      const waiting = await stored(queue, claimed.id);
      const bare = { ...waiting, lease_token: null };
      await assertRejects(() => queue.complete(completed(bare)), STALE, "complete");
      await assertRejects(() => queue.release(bare), STALE, "release");
      await assertRejects(() => queue.saveProgress(bare.id, 1, "", null), STALE, "saveProgress");
      assertEqual(await stored(queue, claimed.id), waiting);
      const fresh = await queue.add(job("never claimed"));
      await assertRejects(() => queue.release({ ...job(), id: fresh }), STALE, "release");
    },
  },
  {
    name: "repeating complete() with the token that ended the job succeeds and changes nothing",
    run: async (c) => {
      for (const status of FINAL) {
        const { queue, claimed } = await withClaimed(c);
        const ended = { ...claimed, status, output: "out", error: "err" };
        await queue.complete(ended);
        const before = await stored(queue, claimed.id);
        await queue.complete(ended);
        await queue.completeMany([ended]);
        assertEqual(await stored(queue, claimed.id), before, "the stored job");
      }
    },
  },
  {
    name: "of completions of one attempt made at once, the first is kept",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      await Promise.all(
        Array.from({ length: 10 }, (_, i) => queue.complete(completed(claimed, `call ${i}`))),
      );
      assertEqual((await stored(queue, claimed.id)).output, "call 0");
    },
  },
];

const manyCases: readonly Case[] = [
  {
    name: "completeMany() ends each attempt as it says",
    run: async (c) => {
      const queue = await c.queue();
      await queue.addMany(jobs(4, { max_retries: 0 }));
      await queue.add(job("five"));
      const [a, b, d, e, f] = (await queue.nextMany("worker", 5)) as [
        StoredTestJob,
        StoredTestJob,
        StoredTestJob,
        StoredTestJob,
        StoredTestJob,
      ];
      await queue.abort(f.id);
      const ends = [
        completed(a, 0),
        failed(b),
        { ...d, status: "DISABLED" as const },
        retried(e),
        retried(f),
      ];
      await queue.completeMany(ends);
      const read = await Promise.all([a, b, d, e, f].map(({ id }) => stored(queue, id)));
      assertEqual(read.map(({ status, output, error }) => [status, output, error]).slice(0, 4), [
        ["COMPLETED", 0, null],
        ["FAILED", null, "it broke"],
        ["DISABLED", null, null],
        ["FAILED", null, "Max retries reached"],
      ]);
      assertEqual(read[4]?.status, "FAILED", "the status of the retry that was to be aborted");
      await queue.completeMany([]);
    },
  },
  {
    name: "completeMany() ends what is held even where some is not, and tells",
    run: async (c) => {
      const queue = await c.queue();
      await queue.addMany(jobs(5));
      const claimed = await queue.nextMany("worker", 5);
      const lost = [claimed[1], claimed[3]] as StoredTestJob[];
      for (const one of lost) await queue.release(one);
      const gone = claimed[4] as StoredTestJob;
      await queue.delete(gone.id);
      await withSilentLogger(async () => {
        const call = () => queue.completeMany(claimed.map((one) => completed(one)));
        const error = (await rejection(call, "completeMany")) as Error & { ids?: unknown };
        assertEqual(error.name, "StaleLeaseError", "the error's name");
        assertEqual(
          error.ids,
          lost.map(({ id }) => id),
          "the ids in the error",
        );
      });
      assertEqual(await queue.size("COMPLETED"), 2, "the completed jobs");
      for (const { id } of lost) assertEqual((await stored(queue, id)).status, "PENDING");
    },
  },
  {
    name: "completeMany() ends a thousand attempts",
    run: async (c) => {
      const queue = await c.queue();
      await queue.addMany(jobs(1000));
      const claimed = await queue.nextMany("worker", 1000);
      await queue.completeMany(claimed.map((one) => completed(one, one.input)));
      assertEqual(await queue.size("COMPLETED"), 1000, "the completed jobs");
      const last = claimed[999] as StoredTestJob;
      assertEqual((await stored(queue, last.id)).output, last.input, "the last output");
    },
  },
];

/** Who may end an attempt, alone and together with others. */
export const fencingCases: readonly Case[] = [...holderCases, ...manyCases];
