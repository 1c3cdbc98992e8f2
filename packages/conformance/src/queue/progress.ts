import { assertEqual, assertInvalid, assertRejects } from "../assert.ts";
import type { Case } from "../harness.ts";
import { sharedTables } from "../requirements.ts";
import { nonJsonValues } from "../samples.ts";
import { show } from "../show.ts";
import { withSilentLogger } from "../silentLogger.ts";
import { claim, completed, job, STALE, stored, twoWorkers, withClaimed } from "./jobs.ts";
import type { TestQueue } from "./QueueSpec.ts";

async function progressOf(queue: TestQueue, id: unknown): Promise<unknown[]> {
  const { progress, progress_message, progress_details } = await stored(queue, id);
  return [progress, progress_message, progress_details];
}

export const progressCases: readonly Case[] = [
  {
    name: "saveProgress() keeps progress, message and details, and nothing else changes",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      const details = { page: 7, of: [1, { a: null }] };
      await queue.saveProgress(claimed.id, 12.5, "reading", details);
      const read = await stored(queue, claimed.id);
      assertEqual(read, {
        ...claimed,
        progress: 12.5,
        progress_message: "reading",
        progress_details: details,
      });
      await queue.saveProgress(claimed.id, 100, "", null);
      assertEqual(await progressOf(queue, claimed.id), [100, "", null]);
      await queue.saveProgress(claimed.id, 0, "from the start", {});
      assertEqual(await progressOf(queue, claimed.id), [0, "from the start", {}]);
    },
  },
  {
    name: "saveProgress() does not change the status of a job that is to be aborted",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      await queue.abort(claimed.id);
      await queue.saveProgress(claimed.id, 40, "stopping", null);
      assertEqual((await stored(queue, claimed.id)).status, "ABORTING");
      assertEqual(await progressOf(queue, claimed.id), [40, "stopping", null]);
    },
  },
  {
    name: "only the holder of the attempt saves progress",
    requires: [sharedTables],
    run: async (c) => {
      const [holder, other] = await twoWorkers(c);
      await holder.add(job());
      const { id, lease_token } = await claim(holder);
      const save = (queue: TestQueue, leaseToken?: string) => () =>
        queue.saveProgress(id, 50, "mine", null, leaseToken === undefined ? {} : { leaseToken });
      await assertRejects(save(other), STALE, "another instance");
      await assertRejects(save(holder, "made up"), STALE, "a made-up token");
      await assertRejects(save(holder, ""), { kind: "invalid" }, "an empty token");
      const noText = save(holder, 5 as unknown as string);
      await assertRejects(noText, { kind: "invalid" }, "a token that is no text");
      assertEqual((await stored(holder, id)).progress, 0, "the progress");
      await save(holder)();
      await save(other, lease_token as string)();
      assertEqual(await progressOf(holder, id), [50, "mine", null]);
    },
  },
  {
    name: "nobody saves progress of a job that has ended",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      await queue.saveProgress(claimed.id, 50, "half", null);
      await queue.complete(completed(claimed));
      const before = await stored(queue, claimed.id);
      const leaseToken = claimed.lease_token as string;
      const late = () => queue.saveProgress(claimed.id, 60, "late", null, { leaseToken });
      await assertRejects(late, STALE, "saveProgress");
      assertEqual(await stored(queue, claimed.id), before);
    },
  },
  {
    name: "saveProgress() of a job that does not exist changes nothing",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      await queue.delete(claimed.id);
      await withSilentLogger(() => queue.saveProgress(claimed.id, 50, "late", null));
      assertEqual(await queue.get(claimed.id), undefined);
    },
  },
  {
    name: "refuses progress that is none, and saves nothing",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      for (const progress of [
        -1,
        100.1,
        Number.NaN,
        Number.POSITIVE_INFINITY,
        "5",
        null,
        undefined,
      ]) {
        const call = () => queue.saveProgress(claimed.id, progress as number, "", null);
        await assertInvalid(call, `progress ${show(progress)}`);
      }
      for (const message of [5, {}, "a\0b", "\ud800"]) {
        const call = () => queue.saveProgress(claimed.id, 1, message as string, null);
        await assertInvalid(call, `message ${show(message)}`);
      }
      for (const details of [5, "x", [1], true]) {
        const call = () => queue.saveProgress(claimed.id, 1, "", details as never);
        await assertInvalid(call, `details ${show(details)}`);
      }
      for (const [what, value] of nonJsonValues()) {
        await assertInvalid(() => queue.saveProgress(claimed.id, 1, "", { value }), what);
      }
      assertEqual(await stored(queue, claimed.id), claimed);
    },
  },
  {
    name: "keeps a copy of the details",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      const details = { list: [1] };
      const saving = queue.saveProgress(claimed.id, 1, "", details);
      details.list.push(2);
      await saving;
      assertEqual((await stored(queue, claimed.id)).progress_details, { list: [1] });
    },
  },
  {
    name: "of progress saved at once the last call counts",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      const calls = Array.from({ length: 50 }, (_, i) =>
        queue.saveProgress(claimed.id, i, `step ${i}`, { i }),
      );
      await Promise.all(calls);
      assertEqual(await progressOf(queue, claimed.id), [49, "step 49", { i: 49 }]);
    },
  },
  {
    name: "progress saved beside an abort and before the completion never changes the status",
    requires: [sharedTables],
    run: async (c) => {
      const [holder, other] = await twoWorkers(c);
      for (let i = 0; i < 10; i++) {
        await holder.add(job(i));
        const claimed = await claim(holder);
        await Promise.all([
          holder.saveProgress(claimed.id, 30, "before", null),
          other.abort(claimed.id),
          holder.saveProgress(claimed.id, 60, "after", null),
          holder.complete(completed(claimed)),
        ]);
        const read = await stored(holder, claimed.id);
        assertEqual([read.status, read.progress_message], ["COMPLETED", "after"]);
      }
    },
  },
];
