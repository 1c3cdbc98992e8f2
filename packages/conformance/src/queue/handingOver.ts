import { assert, assertEqual, assertInvalid, assertRejects, rejection } from "../assert.ts";
import type { Case } from "../harness.ts";
import { changes, sharedTables } from "../requirements.ts";
import { withSilentLogger } from "../silentLogger.ts";
import {
  claim,
  completed,
  failed,
  idsOf,
  inputsOf,
  job,
  jobs,
  retried,
  STALE,
  stored,
  twoWorkers,
} from "./jobs.ts";
import type { StoredTestJob } from "./QueueSpec.ts";
import { summary, watchJobs } from "./watchJobs.ts";

const handingInCases: readonly Case[] = [
  {
    name: "completeAndNext() ends attempts and claims the next, as two calls would",
    run: async (c) => {
      const queue = await c.queue();
      await queue.addMany(jobs(5));
      const first = await queue.completeAndNext([], "worker", 2);
      assertEqual(inputsOf(first), [0, 1], "the first jobs");
      const [a, b] = first as [StoredTestJob, StoredTestJob];
      const next = await queue.completeAndNext([completed(a, "out"), failed(b)], "another", 2);
      assertEqual(inputsOf(next), [2, 3], "the next jobs");
      for (const one of next) {
        assertEqual(one.worker_id, "another", "worker_id");
        assertEqual(await stored(queue, one.id), one, "the stored job");
      }
      const [ended, broken] = [await stored(queue, a.id), await stored(queue, b.id)];
      assertEqual([ended.status, ended.output], ["COMPLETED", "out"]);
      assertEqual([broken.status, broken.error], ["FAILED", "it broke"]);
      const last = await queue.completeAndNext(
        next.map((one) => completed(one)),
        "worker",
        9,
      );
      assertEqual(inputsOf(last), [4], "the last job");
      const none = await queue.completeAndNext([completed(last[0] as StoredTestJob)], "worker", 9);
      assertEqual(none, [], "what is left");
      assertEqual(await queue.size("COMPLETED"), 4, "the completed jobs");
    },
  },
  {
    name: "completeAndNext() may claim again what it gave back to be retried",
    run: async (c) => {
      const queue = await c.queue();
      await queue.add(job("again"));
      const claimed = await claim(queue);
      const again = await queue.completeAndNext([retried(claimed)], "worker", 5);
      assertEqual(
        again.map(({ id, run_attempts }) => [id, run_attempts]),
        [[claimed.id, 2]],
      );
    },
  },
  {
    name: "completeAndNext() ends what is held, tells what is not, and then claims nothing",
    run: async (c) => {
      const queue = await c.queue();
      await queue.addMany(jobs(4));
      const [held, lost] = (await queue.nextMany("worker", 2)) as [StoredTestJob, StoredTestJob];
      await queue.release(lost);
      const call = () => queue.completeAndNext([completed(held), completed(lost)], "worker", 5);
      const error = (await rejection(call, "completeAndNext")) as Error & { ids?: unknown };
      assertEqual([error.name, error.ids], [STALE.name, [lost.id]], "the error");
      assertEqual((await stored(queue, held.id)).status, "COMPLETED");
      // What had been claimed by then comes back uncounted.
      let left: StoredTestJob[] = [];
      for (let tries = 0; left.length < 3 && tries < 100; tries++) {
        left = [...left, ...(await queue.nextMany("worker", 5))];
        if (left.length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assertEqual(inputsOf(left).sort(), [1, 2, 3], "the jobs that are left");
      assertEqual(
        left.map(({ run_attempts }) => run_attempts),
        [1, 1, 1],
        "run_attempts",
      );
    },
  },
  {
    name: "completeAndNext() refuses what completeMany() and nextMany() refuse, and does nothing",
    run: async (c) => {
      const queue = await c.queue();
      await queue.addMany(jobs(2));
      const claimed = await claim(queue);
      const ended = completed(claimed);
      for (const limit of [0, -1, 1.5, "2", undefined]) {
        const call = () => queue.completeAndNext([ended], "worker", limit as number);
        await assertInvalid(call, `the limit ${limit}`);
      }
      await assertInvalid(() => queue.completeAndNext([ended], 5 as never, 1), "the worker 5");
      await assertInvalid(() => queue.completeAndNext(5 as never, "worker", 1), "jobs that are 5");
      const badStatus = { ...claimed, status: "PROCESSING" as const };
      await assertInvalid(() => queue.completeAndNext([badStatus], "worker", 1), "a status");
      assertEqual(await stored(queue, claimed.id), claimed, "the claimed job");
      assertEqual(await queue.size(), 1, "the size");
    },
  },
  {
    name: "completeAndNext() is told as the end of each attempt and the claim of each job",
    requires: [changes],
    run: async (c) => {
      for (const deleteOnCompletion of [false, true]) {
        const queue = await c.queue({ options: { deleteOnCompletion } });
        await queue.addMany(jobs(4));
        const held = await queue.nextMany("worker", 2);
        const watched = await watchJobs(queue);
        await queue.completeAndNext(
          held.map((one) => completed(one)),
          "worker",
          2,
        );
        const seen = summary(await watched.next(4));
        const end = (n: number) =>
          deleteOnCompletion ? `DELETE ${n}:PROCESSING` : `UPDATE ${n}:PROCESSING ${n}:COMPLETED`;
        assertEqual(
          [...seen].sort(),
          [end(0), end(1), "UPDATE 2:PENDING 2:PROCESSING", "UPDATE 3:PENDING 3:PROCESSING"].sort(),
        );
        watched.stop();
      }
    },
  },
  {
    name: "thirty workers that hand in and take at once lose nothing and do nothing twice",
    timeoutMs: 20_000,
    run: async (c) => {
      const queue = await c.queue();
      const ids = await queue.addMany(jobs(300));
      const done: unknown[] = [];
      const work = async (_: unknown, name: number): Promise<void> => {
        let held = await queue.nextMany(`worker ${name}`, 1 + (name % 3));
        while (held.length > 0) {
          done.push(...idsOf(held));
          held = await queue.completeAndNext(
            held.map((one) => completed(one, one.input)),
            `worker ${name}`,
            1 + (name % 3),
          );
        }
      };
      await Promise.all(Array.from({ length: 30 }, work));
      assertEqual([...done].sort(), [...ids].sort(), "the jobs that were claimed");
      assertEqual(await queue.size("COMPLETED"), 300, "the completed jobs");
      const sample = await stored(queue, ids[123]);
      assertEqual(sample.output, sample.input, "an output");
    },
  },
];

const deletingCases: readonly Case[] = [
  {
    name: "with deleteOnCompletion nothing is left of a job that was COMPLETED",
    run: async (c) => {
      const queue = await c.queue({ options: { deleteOnCompletion: true } });
      const ids = await queue.addMany(jobs(6));
      const claimed = await queue.nextMany("worker", 6);
      const [a, b, d, e, f] = claimed as [
        StoredTestJob,
        StoredTestJob,
        StoredTestJob,
        StoredTestJob,
        StoredTestJob,
      ];
      await queue.complete(completed(a));
      await queue.completeMany([completed(b), failed(d), retried(e), completed(f)]);
      for (const one of [a, b, f]) assertEqual(await queue.get(one.id), undefined, "a job");
      assertEqual((await stored(queue, d.id)).status, "FAILED");
      assertEqual((await stored(queue, e.id)).status, "PENDING");
      assertEqual(await queue.outputForInput(0), null, "the output");
      const rest = claimed[5] as StoredTestJob;
      const next = await queue.completeAndNext([completed(rest)], "worker", 9);
      assertEqual(idsOf(next), [e.id], "the next jobs");
      assertEqual(await queue.get(rest.id), undefined, "the last job");
      assertEqual(await queue.size("COMPLETED"), 0, "the completed jobs");
      assertEqual(ids.length, 6);
    },
  },
  {
    name: "with deleteOnCompletion a repeated completion is a warning, and a stale one is refused",
    requires: [sharedTables],
    run: async (c) => {
      const [queue, other] = await twoWorkers(c, { deleteOnCompletion: true });
      await queue.addMany(jobs(2));
      const [one, two] = [await claim(queue), await claim(queue)];
      await queue.complete(completed(one));
      const warnings = await withSilentLogger(() => queue.complete(completed(one)));
      assert(warnings > 0, "nothing was logged");
      await queue.release(two);
      const held = await claim(other);
      await assertRejects(() => queue.complete(completed(two)), STALE, "complete");
      assertEqual(await stored(queue, held.id), held, "the job of the other");
    },
  },
  {
    name: "refuses a deleteOnCompletion that is neither true nor false",
    run: async (c) => {
      for (const deleteOnCompletion of [0, 1, "yes", null, {}]) {
        const options = { deleteOnCompletion: deleteOnCompletion as boolean };
        let error: unknown;
        try {
          c.constructQueue({ options });
        } catch (thrown) {
          error = thrown;
        }
        assertEqual((error as { kind?: unknown } | undefined)?.kind, "invalid", "the error's kind");
      }
    },
  },
];

/** Handing in the last jobs and taking the next in one call, and jobs that leave nothing. */
export const handingOverCases: readonly Case[] = [...handingInCases, ...deletingCases];
