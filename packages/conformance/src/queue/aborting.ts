import { assert, assertEqual, eventually } from "../assert.ts";
import type { Case } from "../harness.ts";
import { sharedTables } from "../requirements.ts";
import {
  claim,
  completed,
  failed,
  inAnHour,
  job,
  jobs,
  retried,
  stored,
  twoWorkers,
  withClaimed,
} from "./jobs.ts";

export const abortingCases: readonly Case[] = [
  {
    name: "abort() of a PENDING job makes it FAILED, due or not",
    run: async (c) => {
      const queue = await c.queue();
      const ids = await queue.addMany([job("now"), job("later", { run_after: inAnHour() })]);
      for (const id of ids) {
        await queue.abort(id);
        const read = await stored(queue, id);
        assertEqual([read.status, read.run_attempts], ["FAILED", 0]);
        assert(read.completed_at !== null, "completed_at is not set");
      }
      assertEqual(await queue.next("worker"), undefined, "next()");
      assertEqual(await queue.size("PENDING"), 0, "the pending jobs");
    },
  },
  {
    name: "abort() of a job being processed makes it ABORTING, and the holder sees it",
    requires: [sharedTables],
    run: async (c) => {
      const [holder, other] = await twoWorkers(c);
      await other.add(job());
      const claimed = await claim(holder);
      await other.abort(claimed.id);
      const read = await stored(holder, claimed.id);
      assertEqual(read.status, "ABORTING");
      assertEqual([read.lease_token, read.completed_at], [claimed.lease_token, null]);
      assertEqual(await other.next("worker"), undefined, "next()");
      assertEqual([await other.size("ABORTING"), await other.size("PROCESSING")], [1, 0]);
      await holder.complete(failed(claimed, "aborted"));
      assertEqual((await stored(other, claimed.id)).status, "FAILED");
    },
  },
  {
    name: "a job that is to be aborted may complete all the same",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      await queue.abort(claimed.id);
      await queue.complete(completed(claimed, "in time"));
      const read = await stored(queue, claimed.id);
      assertEqual([read.status, read.output], ["COMPLETED", "in time"]);
    },
  },
  {
    name: "a retry of a job that is to be aborted is FAILED",
    run: async (c) => {
      for (const runAfter of [null, inAnHour()]) {
        const { queue, claimed } = await withClaimed(c);
        await queue.abort(claimed.id);
        await queue.complete(retried(claimed, runAfter));
        const read = await stored(queue, claimed.id);
        assertEqual(read.status, "FAILED");
        assert(read.completed_at !== null, "completed_at is not set");
        assertEqual(await queue.next("worker"), undefined, "next()");
      }
    },
  },
  {
    name: "abort() leaves a finished job alone",
    run: async (c) => {
      for (const status of ["COMPLETED", "FAILED", "DISABLED"] as const) {
        const { queue, claimed } = await withClaimed(c);
        await queue.complete({ ...claimed, status, output: 1, error: "x" });
        const before = await stored(queue, claimed.id);
        await queue.abort(claimed.id);
        assertEqual(await stored(queue, claimed.id), before, `the ${status} job`);
      }
    },
  },
  {
    name: "abort() twice is as once, and of a missing job nothing",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      await queue.abort(claimed.id);
      const before = await stored(queue, claimed.id);
      await queue.abort(claimed.id);
      assertEqual(await stored(queue, claimed.id), before);
      await queue.delete(claimed.id);
      await queue.abort(claimed.id);
      assertEqual(await queue.get(claimed.id), undefined);
    },
  },
  {
    name: "a job is either aborted before its claim or told after it, never both or neither",
    requires: [sharedTables],
    run: async (c) => {
      const [claimer, aborter] = await twoWorkers(c);
      const ids = await aborter.addMany(jobs(60));
      const aborting = Promise.all(ids.map((id) => aborter.abort(id)));
      const claims = await Promise.all(ids.map(() => claimer.next("worker")));
      await aborting;
      const claimed = new Set(claims.flatMap((one) => (one === undefined ? [] : [one.id])));
      for (const id of ids) {
        const { status } = await stored(aborter, id);
        assertEqual(status, claimed.has(id) ? "ABORTING" : "FAILED", "the status");
      }
    },
  },
  {
    name: "abort() and complete() made at once leave the job completed",
    requires: [sharedTables],
    run: async (c) => {
      const [claimer, aborter] = await twoWorkers(c);
      await aborter.addMany(jobs(40));
      const claimed = await claimer.nextMany("worker", 40);
      await Promise.all(
        claimed.flatMap((one, i) => {
          const calls = [() => aborter.abort(one.id), () => claimer.complete(completed(one))];
          return (i % 2 === 0 ? calls : calls.reverse()).map((call) => call());
        }),
      );
      assertEqual(await claimer.size("COMPLETED"), 40, "the completed jobs");
    },
  },
  {
    name: "the holder sees an abort while it saves progress",
    requires: [sharedTables],
    run: async (c) => {
      const [holder, other] = await twoWorkers(c);
      await other.add(job());
      const { id } = await claim(holder);
      let progress = 0;
      let aborted = false;
      await eventually(async () => {
        await holder.saveProgress(id, ++progress % 100, "working", null);
        if (progress === 3) aborted = await other.abort(id).then(() => true);
        return (await stored(holder, id)).status === "ABORTING";
      }, "the job was never to be aborted");
      assert(aborted && progress >= 3, "the job was to be aborted before anyone asked for it");
    },
  },
];
