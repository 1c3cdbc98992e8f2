import { assertEqual, assertInvalid, pause } from "../assert.ts";
import type { Case } from "../harness.ts";
import { sharedTables } from "../requirements.ts";
import { show } from "../show.ts";
import { claim, completed, idsOf, inAnHour, job, jobs, stored, twoWorkers } from "./jobs.ts";
import type { StoredTestJob, TestQueue } from "./QueueSpec.ts";

const STATUSES = ["PENDING", "PROCESSING", "ABORTING", "COMPLETED", "FAILED", "DISABLED"] as const;

/** One job in each status. */
async function oneOfEach(queue: TestQueue): Promise<void> {
  await queue.addMany(jobs(6));
  const claimed = await queue.nextMany("worker", 5);
  const final = ["COMPLETED", "FAILED", "DISABLED"] as const;
  for (const [i, status] of final.entries()) {
    await queue.complete({ ...job(), ...claimed[i], status });
  }
  await queue.abort(claimed[3]?.id);
}

async function sizes(queue: TestQueue): Promise<number[]> {
  return Promise.all(STATUSES.map((status) => queue.size(status)));
}

export const cleanupCases: readonly Case[] = [
  {
    name: "delete() removes one job, whatever its status, and a missing one is no error",
    run: async (c) => {
      const queue = await c.queue();
      await oneOfEach(queue);
      let left = 6;
      for (const status of STATUSES) {
        const [one] = await queue.peek(status);
        await queue.delete(one?.id);
        await queue.delete(one?.id);
        assertEqual(await queue.get(one?.id), undefined, `the ${status} job`);
        const total = (await sizes(queue)).reduce((sum, size) => sum + size, 0);
        assertEqual(total, --left, "the jobs left");
      }
    },
  },
  {
    name: "a deleted job is never claimed, and its id never given again",
    run: async (c) => {
      const queue = await c.queue();
      const ids = await queue.addMany(jobs(3));
      await queue.delete(ids[2]);
      await queue.delete(ids[0]);
      assertEqual((await claim(queue)).id, ids[1], "the next job");
      assertEqual(await queue.next("worker"), undefined, "next()");
      const fresh = await queue.add(job("new"));
      assertEqual(
        ids.map(String).includes(String(fresh)),
        false,
        "whether the id was given before",
      );
      await queue.deleteAll();
      const afterAll = await queue.add(job("newer"));
      const before = [...ids, fresh].map(String);
      assertEqual(before.includes(String(afterAll)), false, "whether the id was given before");
    },
  },
  {
    name: "deleteAll() removes the jobs of every status, and no other queue's",
    run: async (c) => {
      const [queue, other] = [await c.queue(), await c.queue()];
      await oneOfEach(queue);
      await oneOfEach(other);
      await queue.deleteAll();
      assertEqual(await sizes(queue), [0, 0, 0, 0, 0, 0]);
      assertEqual(await sizes(other), [1, 1, 1, 1, 1, 1], "the other queue");
      await queue.deleteAll();
      assertEqual(await queue.next("worker"), undefined, "next()");
    },
  },
  {
    name: "deleteJobsByStatusAndAge() removes jobs of that status only",
    run: async (c) => {
      for (const status of ["COMPLETED", "FAILED", "DISABLED"] as const) {
        const [queue, other] = [await c.queue(), await c.queue()];
        await oneOfEach(queue);
        await oneOfEach(other);
        await queue.deleteJobsByStatusAndAge(status, 0);
        const expected = STATUSES.map((one) => (one === status ? 0 : 1));
        assertEqual(await sizes(queue), expected, `the jobs by status after ${status}`);
        assertEqual(await sizes(other), [1, 1, 1, 1, 1, 1], "the other queue");
      }
    },
  },
  {
    name: "deleteJobsByStatusAndAge() removes what ended long enough ago, however old the job",
    run: async (c) => {
      const queue = await c.queue();
      const old = { created_at: "2001-01-01T00:00:00Z", run_after: "2001-01-01T00:00:00Z" };
      await queue.addMany(jobs(2, old));
      const [first, second] = (await queue.nextMany("worker", 2)) as StoredTestJob[];
      await queue.complete(completed(first ?? job()));
      await queue.deleteJobsByStatusAndAge("COMPLETED", 60_000);
      assertEqual(await queue.size("COMPLETED"), 1, "the jobs that ended just now");
      await pause(1_200);
      await queue.complete(completed(second ?? job()));
      await queue.deleteJobsByStatusAndAge("COMPLETED", 1_000);
      assertEqual(idsOf(await queue.peek("COMPLETED")), [second?.id], "the jobs left");
    },
  },
  {
    name: "deleteJobsByStatusAndAge() refuses statuses that are not final and ages that are none",
    run: async (c) => {
      const queue = await c.queue();
      await oneOfEach(queue);
      for (const status of ["PENDING", "PROCESSING", "ABORTING", "DONE", "", null, undefined]) {
        const call = () => queue.deleteJobsByStatusAndAge(status as never, 0);
        await assertInvalid(call, `the status ${show(status)}`);
      }
      for (const age of [-1, Number.NaN, Number.POSITIVE_INFINITY, "5", null, undefined]) {
        const call = () => queue.deleteJobsByStatusAndAge("COMPLETED", age as number);
        await assertInvalid(call, `the age ${show(age)}`);
      }
      assertEqual(await sizes(queue), [1, 1, 1, 1, 1, 1]);
    },
  },
  {
    name: "a clean-up leaves a running drain undisturbed",
    requires: [sharedTables],
    run: async (c) => {
      const [worker, cleaner] = await twoWorkers(c);
      await worker.addMany(jobs(100));
      const later = await worker.add(job("later", { run_after: inAnHour() }));
      let draining = true;
      const cleaning = (async () => {
        while (draining) {
          await cleaner.deleteJobsByStatusAndAge("COMPLETED", 0);
          await pause(1);
        }
      })();
      let done = 0;
      for (;;) {
        const batch = await worker.nextMany("worker", 5);
        if (batch.length === 0) break;
        await pause(1);
        await worker.completeMany(batch.map((one) => completed(one)));
        done += batch.length;
      }
      draining = false;
      await cleaning;
      assertEqual(done, 100, "the jobs done");
      assertEqual((await stored(worker, later)).status, "PENDING");
    },
  },
];
