import type { Transaction } from "@workglow/storage";
import { assertEqual, assertRejects, rejection } from "../assert.ts";
import type { Case, CaseContext } from "../harness.ts";
import { drain, recordEvents } from "../recordEvents.ts";
import {
  changes,
  jointTransactions,
  secondConnection,
  tabularStorage,
  trackedCalls,
} from "../requirements.ts";
import { claim, completed, inputsOf, job, jobs, stored, withClaimed } from "./jobs.ts";
import { summary, watchJobs } from "./watchJobs.ts";

const EVENTS = ["add", "next", "complete", "progress", "abort", "delete", "deleteall"];

const documents = {
  schema: {
    type: "object",
    properties: { id: { type: "string" }, text: { type: "string" } },
    required: ["id"],
  },
  primaryKey: ["id"],
} as const;

/** Runs `fn` in a transaction that is then given up. */
async function abandoned(c: CaseContext, fn: (tx: Transaction) => Promise<unknown>): Promise<void> {
  const reason = new Error("abandoned");
  const failing = () =>
    c.withTransaction(async (tx) => {
      await fn(tx);
      throw reason;
    });
  const error = await rejection(failing, "the transaction");
  if (error !== reason) throw error;
}

const cases: readonly Case[] = [
  {
    name: "jobs added inside a transaction appear with its commit",
    run: async (c) => {
      const queue = await c.queue();
      const ids = await c.withTransaction(async (tx) => {
        const inside = queue.with(tx);
        const added = [await inside.add(job(1)), ...(await inside.addMany([job(2), job(3)]))];
        added.push(await queue.add(job(4), { tx }));
        added.push(...(await queue.addMany([job(5)], { tx })));
        assertEqual(await inside.size(), 5, "the size inside");
        assertEqual((await inside.get(added[0]))?.input, 1, "a job inside");
        return added;
      });
      assertEqual(
        (await queue.peek()).map(({ id }) => id),
        ids,
        "the ids",
      );
      assertEqual(inputsOf(await queue.nextMany("worker", 9)), [1, 2, 3, 4, 5]);
    },
  },
  {
    name: "a transaction that is given up leaves no job and no event",
    run: async (c) => {
      const queue = await c.queue();
      await queue.addMany(jobs(2));
      const claimed = await claim(queue);
      const before = [await queue.peek(), await queue.peek("PROCESSING")];
      const log = recordEvents(queue, EVENTS);
      await abandoned(c, async (tx) => {
        const inside = queue.with(tx);
        const id = await inside.add(job("never"));
        await queue.add(job("never"), { tx });
        await inside.saveProgress(claimed.id, 50, "never", null);
        await inside.complete(completed(claimed, "never"));
        await inside.next("worker");
        await inside.abort(id);
        await inside.delete(id);
        await inside.deleteJobsByStatusAndAge("COMPLETED", 0);
        assertEqual(await inside.size("COMPLETED"), 0, "the completed jobs inside");
      });
      assertEqual([await queue.peek(), await queue.peek("PROCESSING")], before, "the jobs");
      assertEqual(drain(log), [], "the events");
      await abandoned(c, (tx) => queue.with(tx).deleteAll());
      assertEqual([await queue.peek(), await queue.peek("PROCESSING")], before, "the jobs");
      assertEqual(drain(log), [], "the events");
    },
  },
  {
    name: "a completion that was undone can be made again",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      const bare = { ...completed(claimed), lease_token: null };
      await abandoned(c, (tx) => queue.with(tx).complete(completed(claimed)));
      assertEqual((await stored(queue, claimed.id)).status, "PROCESSING");
      await abandoned(c, (tx) => queue.with(tx).complete(bare));
      await abandoned(c, (tx) => queue.with(tx).release(claimed));
      await queue.saveProgress(claimed.id, 50, "still mine", null);
      await c.withTransaction((tx) => queue.with(tx).complete(bare));
      assertEqual((await stored(queue, claimed.id)).status, "COMPLETED");
    },
  },
  {
    name: "a claim that was undone is no claim",
    run: async (c) => {
      const queue = await c.queue();
      const id = await queue.add(job());
      await abandoned(c, async (tx) => {
        assertEqual((await queue.with(tx).next("worker"))?.run_attempts, 1, "run_attempts");
      });
      const { status, run_attempts } = await stored(queue, id);
      assertEqual([status, run_attempts], ["PENDING", 0]);
      const claimed = await claim(queue);
      assertEqual(claimed.run_attempts, 1, "run_attempts");
      // Without a token: the instance has this one claim of the job, and not the other one too.
      await queue.complete({ ...completed(claimed), lease_token: null });
    },
  },
  {
    name: "a claim made inside a transaction is held after its commit",
    run: async (c) => {
      const queue = await c.queue();
      await queue.add(job());
      const claimed = await c.withTransaction((tx) => queue.with(tx).next("worker"));
      await queue.complete({ ...job(), id: claimed?.id, status: "COMPLETED", output: 1 });
      assertEqual((await stored(queue, claimed?.id)).output, 1);
    },
  },
  {
    name: "a row, a job for it and the end of another job commit together or not at all",
    requires: [tabularStorage],
    run: async (c) => {
      const table = await c.tabular(documents);
      const { queue, claimed } = await withClaimed(c);
      const work = async (tx: Transaction): Promise<void> => {
        await table.with(tx).put({ id: "a", text: "x" });
        await queue.with(tx).add(job("next step"));
        await queue.with(tx).complete(completed(claimed));
      };
      await abandoned(c, work);
      assertEqual(await table.size(), 0, "the rows");
      assertEqual([await queue.size(), await queue.size("COMPLETED")], [0, 0], "the jobs");
      await c.withTransaction(work);
      assertEqual(await table.size(), 1, "the rows");
      assertEqual([await queue.size(), await queue.size("COMPLETED")], [1, 1], "the jobs");
    },
  },
  {
    name: "a stale completion inside a transaction is refused there, and undoes nothing else",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      await queue.release(claimed);
      await c.withTransaction(async (tx) => {
        const inside = queue.with(tx);
        await inside.add(job("kept"));
        const stale = { name: "StaleLeaseError" };
        await assertRejects(() => inside.complete(completed(claimed)), stale, "complete");
      });
      assertEqual(await queue.size(), 2, "the size");
    },
  },
  {
    name: "events of what completeMany() ended beside a stale job follow the commit",
    run: async (c) => {
      const queue = await c.queue();
      await queue.addMany(jobs(2));
      const claimed = await queue.nextMany("worker", 2);
      await queue.release(claimed[0] ?? job());
      const log = recordEvents(queue, EVENTS);
      const complete = async (tx: Transaction): Promise<void> => {
        const call = () => queue.with(tx).completeMany(claimed.map((one) => completed(one)));
        await assertRejects(call, { name: "StaleLeaseError" }, "completeMany");
        assertEqual(drain(log), [], "the events before the end");
      };
      await abandoned(c, complete);
      assertEqual(drain(log), [], "the events of what was undone");
      await c.withTransaction(complete);
      assertEqual(drain(log), [["complete", claimed[1]?.id, "COMPLETED"]]);
    },
  },
  {
    name: "events and changes follow the commit",
    requires: [changes],
    run: async (c) => {
      const queue = await c.queue();
      const log = recordEvents(queue, EVENTS);
      const watched = await watchJobs(queue);
      let id: unknown;
      await c.withTransaction(async (tx) => {
        const inside = queue.with(tx);
        id = await inside.add(job("a"));
        const claimed = await inside.next("worker");
        await inside.complete(completed(claimed ?? job()));
        assertEqual(drain(log), [], "the events before the commit");
        assertEqual(watched.seen(), [], "the changes before the commit");
      });
      const names = drain(log).map(([name, what]) =>
        name === "next" ? [name, (what as { id: unknown }).id] : [name, what],
      );
      assertEqual(names, [
        ["add", id],
        ["next", id],
        ["complete", id],
      ]);
      assertEqual(summary(await watched.next(3)), [
        "INSERT a:PENDING",
        "UPDATE a:PENDING a:PROCESSING",
        "UPDATE a:PROCESSING a:COMPLETED",
      ]);
      await abandoned(c, async (tx) => {
        await queue.with(tx).add(job("never"));
        await queue.with(tx).delete(id);
      });
      await queue.add(job("last"));
      assertEqual(summary(await watched.next(1)), ["INSERT last:PENDING"]);
      watched.stop();
    },
  },
  {
    name: "a call that goes past the transaction's handle is refused",
    requires: [trackedCalls],
    run: async (c) => {
      const queue = await c.queue();
      await queue.add(job());
      const refused = { name: "StorageTransactionError" };
      await c.withTransaction(async () => {
        await assertRejects(() => queue.add(job()), refused, "add");
        await assertRejects(() => queue.next("worker"), refused, "next");
        await assertRejects(() => queue.size(), refused, "size");
      });
      assertEqual(await queue.size(), 1, "the size");
    },
  },
  {
    name: "a queue refuses a transaction that has ended or belongs to another connection",
    run: async (c) => {
      const queue = await c.queue();
      let ended: Transaction | undefined;
      await c.withTransaction(async (tx) => {
        ended = tx;
      });
      const refused = { name: "StorageTransactionError" };
      await assertRejects(async () => queue.with(ended as Transaction), refused, "with");
      await assertRejects(() => queue.add(job(), { tx: ended as Transaction }), refused, "add");
      assertEqual(await queue.size(), 0, "the size");
    },
  },
  {
    name: "jobs of an open transaction are claimed by nobody else",
    requires: [secondConnection],
    run: async (c) => {
      const queue = await c.queue({ queueName: "shared" });
      const elsewhere = await (await c.connect()).queue({ queueName: "shared" });
      let waiting: Promise<unknown> | undefined;
      await c.withTransaction(async (tx) => {
        await queue.with(tx).add(job("inside"));
        if (c.capabilities.readsWait !== true) {
          assertEqual(await elsewhere.size(), 0, "the size elsewhere");
        }
        waiting = elsewhere.next("worker");
      });
      const early = (await waiting) as { input: unknown } | undefined;
      const claimed = early ?? (await claim(elsewhere));
      assertEqual(claimed.input, "inside", "the job claimed after the commit");
    },
  },
];

export const transactionCases: readonly Case[] = cases.map((one) => ({
  ...one,
  requires: [jointTransactions, ...(one.requires ?? [])],
}));
