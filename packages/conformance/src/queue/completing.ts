import { assert, assertEqual, assertInvalid } from "../assert.ts";
import type { Case } from "../harness.ts";
import { jsonValues, nonJsonValues } from "../samples.ts";
import { show } from "../show.ts";
import { withSilentLogger } from "../silentLogger.ts";
import {
  anHourAgo,
  claim,
  completed,
  FINAL,
  failed,
  inAnHour,
  job,
  jobs,
  retried,
  stored,
  withClaimed,
} from "./jobs.ts";
import type { TestJob } from "./QueueSpec.ts";

/** Does what may or may not be refused; only what it leaves behind counts. */
async function attempt(action: () => Promise<unknown>): Promise<void> {
  await withSilentLogger(() =>
    action().then(
      () => undefined,
      () => undefined,
    ),
  );
}

const endingCases: readonly Case[] = [
  {
    name: "COMPLETED keeps the output and the time, and ends the job",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      await queue.complete(completed(claimed, { pages: [1, 2] }));
      const read = await stored(queue, claimed.id);
      assertEqual(read.status, "COMPLETED");
      assertEqual(read.output, { pages: [1, 2] }, "the output");
      assertEqual(read.error, null, "the error");
      assertEqual(read.run_attempts, 1, "run_attempts");
      assertEqual(read.input, { n: 1 }, "the input");
      const { completed_at, last_ran_at } = read;
      assert((completed_at ?? "") >= (last_ran_at ?? "x"), `completed_at is ${show(completed_at)}`);
      assertEqual(await queue.next("worker"), undefined, "next()");
      assertEqual(await queue.size("COMPLETED"), 1, "the completed jobs");
    },
  },
  {
    name: "FAILED and DISABLED keep the error and its code, and end the job",
    run: async (c) => {
      for (const status of ["FAILED", "DISABLED"] as const) {
        const { queue, claimed } = await withClaimed(c);
        await queue.complete({ ...claimed, status, error: "no paper", error_code: "PAPER" });
        const read = await stored(queue, claimed.id);
        assertEqual([read.status, read.error, read.error_code], [status, "no paper", "PAPER"]);
        assert(read.completed_at !== null, "completed_at is not set");
        assertEqual(await queue.next("worker"), undefined, "next()");
      }
    },
  },
  {
    name: "keeps an error's details",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      const error_details = { name: "TypeError", stack: "at line 1", cause: { code: 7 } };
      await queue.complete({ ...failed(claimed), error_details });
      assertEqual((await stored(queue, claimed.id)).error_details, error_details);
    },
  },
  {
    name: "gives back every JSON value as output, as it was",
    run: async (c) => {
      const queue = await c.queue();
      const outputs = jsonValues();
      await queue.addMany(jobs(outputs.length));
      const claimed = await queue.nextMany("worker", outputs.length);
      await queue.completeMany(claimed.map((one, i) => completed(one, outputs[i])));
      for (const [i, one] of claimed.entries()) {
        const { output } = await stored(queue, one.id);
        assertEqual(output, outputs[i], `the output ${show(outputs[i])}`);
      }
    },
  },
  {
    name: "keeps a copy of the output",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      const output = [1];
      const completing = queue.complete(completed(claimed, output));
      output.push(2);
      await completing;
      ((await stored(queue, claimed.id)).output as number[]).push(3);
      assertEqual((await stored(queue, claimed.id)).output, [1]);
    },
  },
  {
    name: "never changes the job it is given",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      const given = completed(claimed, { a: 1 });
      const before = structuredClone(given);
      await queue.complete(Object.freeze(given));
      assertEqual(given, before);
    },
  },
  {
    name: "refuses a status in which no attempt ends, and what cannot be stored",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      for (const status of ["PROCESSING", "ABORTING", "DONE", "completed", undefined, null, 5]) {
        const given = { ...claimed, status } as TestJob;
        await assertInvalid(() => queue.complete(given), `the status ${show(status)}`);
      }
      for (const [what, value] of nonJsonValues()) {
        await assertInvalid(() => queue.complete(completed(claimed, value)), `the output ${what}`);
        await assertInvalid(() => queue.completeMany([completed(claimed, [value])]), what);
      }
      const errors = [{ error: 5 }, { error_code: {} }, { error: "a\0b" }, { error_details: 5 }];
      for (const more of errors) {
        const given = { ...failed(claimed), ...more } as TestJob;
        await assertInvalid(() => queue.complete(given), show(more));
      }
      for (const runAfter of ["soon", 5]) {
        const given = retried(claimed, runAfter as string);
        await assertInvalid(() => queue.complete(given), `run_after ${show(runAfter)}`);
      }
      for (const given of [undefined, null, 5, "x"]) {
        await assertInvalid(() => queue.complete(given as never), `complete(${show(given)})`);
        await assertInvalid(
          () => queue.completeMany(given as never),
          `completeMany(${show(given)})`,
        );
      }
      assertEqual(await stored(queue, claimed.id), claimed, "the stored job");
      await queue.complete(completed(claimed));
    },
  },
  {
    name: "complete() of a job that does not exist warns and changes nothing",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      const other = await queue.add(job("other"));
      await queue.delete(claimed.id);
      const warnings = await withSilentLogger(() => queue.complete(completed(claimed)));
      assert(warnings > 0, "nothing was logged");
      assertEqual(await queue.get(claimed.id), undefined, "the deleted job");
      assertEqual((await stored(queue, other)).status, "PENDING");
      assertEqual(await queue.size("COMPLETED"), 0, "the completed jobs");
    },
  },
  {
    name: "nothing brings a finished job back",
    run: async (c) => {
      for (const status of FINAL) {
        const { queue, claimed } = await withClaimed(c);
        await queue.complete({ ...claimed, status, output: "first", error: "first" });
        const before = await stored(queue, claimed.id);
        await attempt(() => queue.complete(retried(claimed)));
        await attempt(() => queue.complete(completed(claimed, "second")));
        await attempt(() => queue.complete(failed(claimed, "second")));
        await attempt(() => queue.completeMany([retried(claimed)]));
        await attempt(() => queue.release(claimed));
        await attempt(() => queue.abort(claimed.id));
        await attempt(() => queue.saveProgress(claimed.id, 50, "half", null));
        assertEqual(await stored(queue, claimed.id), before, `the ${status} job`);
        assertEqual(await queue.next("worker"), undefined, "next()");
      }
    },
  },
];

const retryCases: readonly Case[] = [
  {
    name: "PENDING is a retry: the job runs again, and the next claim counts the attempt",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      await queue.complete(retried({ ...claimed, error: "no answer" }));
      const waiting = await stored(queue, claimed.id);
      assertEqual([waiting.status, waiting.run_attempts], ["PENDING", 1]);
      assertEqual([waiting.error, waiting.completed_at], ["no answer", null]);
      assertEqual([waiting.worker_id, waiting.output], [null, null]);
      const again = await claim(queue, "another");
      assertEqual([again.id, again.run_attempts, again.worker_id], [claimed.id, 2, "another"]);
      assert(again.lease_token !== claimed.lease_token, "both attempts have the same token");
    },
  },
  {
    name: "a retry keeps the given run_after",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      const later = inAnHour();
      await queue.complete(retried(claimed, later));
      assertEqual((await stored(queue, claimed.id)).run_after, later, "run_after");
      assertEqual(await queue.next("worker"), undefined, "next()");
    },
  },
  {
    name: "a retry takes its place by its new run_after",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      await queue.add(job("other", { run_after: anHourAgo() }));
      await queue.complete(retried(claimed, "2020-01-01T00:00:00.000Z"));
      const again = await claim(queue);
      assertEqual(again.id, claimed.id, "the next job");
      await queue.complete(retried(again));
      assertEqual((await claim(queue)).input, "other", "the next job's input");
    },
  },
  {
    name: "a job runs at most 1 + max_retries times, then it is FAILED: Max retries reached",
    run: async (c) => {
      for (const max_retries of [0, 1, 3]) {
        const queue = await c.queue();
        const id = await queue.add(job("again", { max_retries }));
        for (let run = 1; run <= 1 + max_retries; run++) {
          const claimed = await claim(queue);
          assertEqual(claimed.run_attempts, run, "run_attempts");
          await queue.complete(retried({ ...claimed, error: "no answer" }));
        }
        const read = await stored(queue, id);
        assertEqual([read.status, read.error], ["FAILED", "Max retries reached"]);
        assertEqual(read.run_attempts, 1 + max_retries, "run_attempts");
        assert(read.completed_at !== null, "completed_at is not set");
        assertEqual(await queue.next("worker"), undefined, "next()");
      }
    },
  },
  {
    name: "a job runs at most 11 times unless told otherwise",
    run: async (c) => {
      const queue = await c.queue();
      const id = await queue.add(job());
      let runs = 0;
      for (;;) {
        const claimed = await queue.next("worker");
        if (claimed === undefined) break;
        runs++;
        await queue.complete(retried(claimed));
      }
      assertEqual(runs, 11, "the number of runs");
      assertEqual((await stored(queue, id)).error, "Max retries reached");
    },
  },
  {
    name: "a job may complete on its last attempt",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c, { max_retries: 0 });
      await queue.complete(completed(claimed));
      assertEqual((await stored(queue, claimed.id)).status, "COMPLETED");
    },
  },
];

export const completingCases: readonly Case[] = [...endingCases, ...retryCases];
