import { assert, assertEqual, assertInvalid } from "../assert.ts";
import type { Case } from "../harness.ts";
import { jointTransactions, readsBesideTransactions, secondConnection } from "../requirements.ts";
import { HOSTILE_TEXTS } from "../samples.ts";
import { show } from "../show.ts";
import { withSilentLogger } from "../silentLogger.ts";
import {
  claim,
  completed,
  idsOf,
  inAnHour,
  inputsOf,
  job,
  jobs,
  stored,
  withClaimed,
} from "./jobs.ts";
import type { TestQueue } from "./QueueSpec.ts";

/** Ids that this queue never gave: no job is found by them, and nothing breaks. */
const STRANGE_IDS: readonly unknown[] = [
  0,
  -1,
  1.5,
  1e9,
  Number.MAX_SAFE_INTEGER,
  2 ** 60,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  9_999_999n,
  -1n,
  2n ** 70n,
  "",
  "1 OR 1=1",
  "01",
  "1.0",
  "0x1",
  ...HOSTILE_TEXTS,
  "a\0b",
  "\ud800",
  null,
  undefined,
  true,
  {},
  [],
  [1],
  Symbol("id"),
  new Date(0),
];

/** A call by a strange id either finds nothing or is refused as bad input. */
async function findsNothing(call: () => Promise<unknown>, what: string): Promise<void> {
  let value: unknown;
  try {
    value = await call();
  } catch (error) {
    if ((error as { name?: unknown }).name === "StaleLeaseError") return;
    await assertInvalid(() => Promise.reject(error), what);
    return;
  }
  assert(value === undefined, `${what} gives ${show(value)}`);
}

/** All that reads without claiming. */
async function readAll(queue: TestQueue, id: unknown): Promise<unknown[]> {
  return Promise.all([
    queue.get(id).then((read) => read?.status),
    queue.peek().then((list) => list.length),
    queue.size(),
    queue.getByRunId("run").then((list) => list.length),
    queue.outputForInput("done"),
  ]);
}

export const readingCases: readonly Case[] = [
  {
    name: "get() gives nothing for a job that is not there",
    run: async (c) => {
      const queue = await c.queue();
      const id = await queue.add(job());
      await queue.delete(id);
      assertEqual(await queue.get(id), undefined);
    },
  },
  {
    name: "ids that no job has find nothing and change nothing",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      await queue.add(job("waits"));
      await withSilentLogger(async () => {
        for (const id of STRANGE_IDS) {
          const strange = { ...claimed, id };
          const calls: Record<string, () => Promise<unknown>> = {
            get: () => queue.get(id),
            delete: () => queue.delete(id),
            abort: () => queue.abort(id),
            complete: () => queue.complete(completed(strange)),
            completeMany: () => queue.completeMany([completed(strange)]),
            release: () => queue.release(strange),
            saveProgress: () => queue.saveProgress(id, 50, "", null),
          };
          for (const [name, call] of Object.entries(calls)) {
            await findsNothing(call, `${name} of the id ${show(id)}`);
          }
        }
      });
      assertEqual(await stored(queue, claimed.id), claimed, "the claimed job");
      assertEqual([await queue.size("PENDING"), await queue.size("PROCESSING")], [1, 1]);
    },
  },
  {
    name: "peek() gives at most 100 pending jobs unless told otherwise",
    run: async (c) => {
      const queue = await c.queue();
      const ids = await queue.addMany(jobs(150));
      assertEqual(idsOf(await queue.peek()), ids.slice(0, 100));
      assertEqual(idsOf(await queue.peek("PENDING", 3)), ids.slice(0, 3));
      assertEqual(idsOf(await queue.peek(undefined, 1000)), ids);
      assertEqual((await queue.next("worker"))?.id, ids[0], "the job claimed afterwards");
    },
  },
  {
    name: "peek() and size() tell the statuses apart",
    run: async (c) => {
      const queue = await c.queue();
      await queue.addMany([...jobs(6), job("later", { run_after: inAnHour() })]);
      const claimed = await queue.nextMany("worker", 5);
      const endings = ["COMPLETED", "FAILED", "DISABLED"] as const;
      for (const [i, status] of endings.entries()) {
        await queue.complete({ ...job(), ...claimed[i], status });
      }
      await queue.abort(claimed[3]?.id);
      const expected = {
        PENDING: [5, "later"],
        PROCESSING: [4],
        ABORTING: [3],
        COMPLETED: [0],
        FAILED: [1],
        DISABLED: [2],
      } as const;
      for (const [status, inputs] of Object.entries(expected)) {
        const key = status as keyof typeof expected;
        const list = await queue.peek(key);
        assertEqual(inputsOf(list), [...inputs], `the ${status} jobs`);
        assertEqual(
          list.map((one) => one.status),
          inputs.map(() => key),
          "their statuses",
        );
        assertEqual(await queue.size(key), inputs.length, `size("${status}")`);
        for (const one of list) assertEqual(await stored(queue, one.id), one, "the job by its id");
      }
      assertEqual(await queue.size(), 2, "size()");
    },
  },
  {
    name: "peek() claims nothing",
    run: async (c) => {
      const queue = await c.queue();
      await queue.add(job());
      const [seen] = await queue.peek();
      assertEqual(await stored(queue, seen?.id), seen);
      const claimed = await claim(queue);
      assertEqual([claimed.id, claimed.run_attempts], [seen?.id, 1]);
    },
  },
  {
    name: "refuses statuses and numbers that are none",
    run: async (c) => {
      const queue = await c.queue();
      for (const status of ["DONE", "pending", "", "constructor", "__proto__", null, 5, {}]) {
        await assertInvalid(() => queue.peek(status as never), `peek(${show(status)})`);
        await assertInvalid(() => queue.size(status as never), `size(${show(status)})`);
      }
      for (const num of [0, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY, "3", null]) {
        const call = () => queue.peek("PENDING", num as number);
        await assertInvalid(call, `peek("PENDING", ${show(num)})`);
      }
    },
  },
  {
    name: "getByRunId() gives all jobs of a run, whatever their status, as they were added",
    run: async (c) => {
      const queue = await c.queue();
      const ids = await queue.addMany(jobs(120, { job_run_id: "run" }));
      await queue.addMany([job("other", { job_run_id: "run 2" }), job("of no run")]);
      ids.push(await queue.add(job("last", { job_run_id: "run", priority: 9 })));
      const [first] = await queue.nextMany("worker", 3);
      await queue.complete(completed(first ?? job()));
      const run = await queue.getByRunId("run");
      assertEqual(idsOf(run), ids);
      assertEqual(run.at(-1)?.status, "COMPLETED", "the status of the one with priority");
      assertEqual(run[0]?.status, "PROCESSING", "the status of the first");
      assertEqual(inputsOf(await queue.getByRunId("run 2")), ["other"]);
      assertEqual(await queue.getByRunId("no run"), []);
      assertEqual(await queue.getByRunId("%"), []);
      for (const runId of [undefined, null, 5, {}, "a\0b"]) {
        const call = () => queue.getByRunId(runId as string);
        await assertInvalid(call, `getByRunId(${show(runId)})`);
      }
    },
  },
  {
    name: "reads wait for no claim and no transaction of others, and see what is committed",
    requires: [secondConnection, jointTransactions, readsBesideTransactions],
    run: async (c) => {
      const writer = await c.queue({ queueName: "shared" });
      const reader = await (await c.connect()).queue({ queueName: "shared" });
      await writer.addMany([job("done", { job_run_id: "run", priority: 1 }), job("waits")]);
      await writer.complete(completed(await claim(writer), "output"));
      await c.withTransaction(async (tx) => {
        const held = await writer.with(tx).next("worker");
        await writer.with(tx).add(job("not there yet", { job_run_id: "run" }));
        const seen = await Promise.race([
          readAll(reader, held?.id),
          new Promise<string>((resolve) => setTimeout(resolve, 5_000, "they wait")),
        ]);
        assertEqual(seen, ["PENDING", 1, 1, 1, "output"], "what reads give meanwhile");
      });
      assertEqual(await reader.size("PROCESSING"), 1, "the claims after the commit");
    },
  },
];
