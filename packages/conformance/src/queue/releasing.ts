import { assert, assertEqual, assertRejects } from "../assert.ts";
import type { Case } from "../harness.ts";
import { withSilentLogger } from "../silentLogger.ts";
import {
  claim,
  claimAll,
  completed,
  inputsOf,
  job,
  jobs,
  STALE,
  stored,
  withClaimed,
} from "./jobs.ts";

export const releasingCases: readonly Case[] = [
  {
    name: "release() gives a job back as if it had not been claimed",
    run: async (c) => {
      const queue = await c.queue();
      await queue.addMany(jobs(3, { run_after: "2020-01-01T00:00:00.000Z" }));
      const before = await queue.peek();
      await queue.release(await claim(queue));
      const [first] = await queue.peek();
      assertEqual([first?.status, first?.run_attempts], ["PENDING", 0]);
      assertEqual(
        [first?.lease_token, first?.lease_instance, first?.worker_id],
        [null, null, null],
      );
      assertEqual(first?.run_after, before[0]?.run_after, "run_after");
      assertEqual(inputsOf(await claimAll(queue)), [0, 1, 2], "the jobs in claim order");
    },
  },
  {
    name: "a released attempt is not counted, however often it is released",
    run: async (c) => {
      const queue = await c.queue();
      const id = await queue.add(job("again", { max_retries: 0 }));
      for (let i = 0; i < 15; i++) {
        const claimed = await claim(queue);
        assertEqual(claimed.run_attempts, 1, "run_attempts");
        await queue.release(claimed);
      }
      await queue.complete(completed(await claim(queue)));
      assertEqual((await stored(queue, id)).run_attempts, 1, "run_attempts");
    },
  },
  {
    name: "attempts counted before stay counted when one is released",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c, { max_retries: 1 });
      await queue.complete({ ...claimed, status: "PENDING", run_after: null });
      await queue.release(await claim(queue));
      const last = await claim(queue);
      assertEqual(last.run_attempts, 2, "run_attempts");
      await queue.complete({ ...last, status: "PENDING" });
      assertEqual((await stored(queue, last.id)).error, "Max retries reached");
    },
  },
  {
    name: "an attempt can be released once",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      await queue.release(claimed);
      await assertRejects(() => queue.release(claimed), STALE, "the second release");
      await assertRejects(() => queue.complete(completed(claimed)), STALE, "complete");
      await assertRejects(() => queue.saveProgress(claimed.id, 1, "", null), STALE, "saveProgress");
      assertEqual((await stored(queue, claimed.id)).status, "PENDING");
    },
  },
  {
    name: "a released job that was to be aborted is FAILED",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      await queue.abort(claimed.id);
      await queue.release(claimed);
      const read = await stored(queue, claimed.id);
      assertEqual(read.status, "FAILED");
      assert(read.completed_at !== null, "completed_at is not set");
      assertEqual(await queue.next("worker"), undefined, "next()");
    },
  },
  {
    name: "releasing a job that was deleted brings nothing back",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      await queue.delete(claimed.id);
      // A warning, as for complete(), or a StaleLeaseError: nobody holds what does not exist.
      await withSilentLogger(() =>
        queue.release(claimed).catch((error: Error) => {
          assertEqual(error.name, "StaleLeaseError", "the error's name");
        }),
      );
      assertEqual(await queue.get(claimed.id), undefined);
      assertEqual(await queue.size(), 0, "the size");
    },
  },
];
