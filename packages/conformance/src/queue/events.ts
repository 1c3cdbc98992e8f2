import { assertEqual, assertRejects } from "../assert.ts";
import type { Case } from "../harness.ts";
import { drain, recordEvents } from "../recordEvents.ts";
import { withSilentLogger } from "../silentLogger.ts";
import { claim, completed, failed, job, jobs, retried, STALE, stored } from "./jobs.ts";

const NAMES = ["add", "next", "complete", "progress", "abort", "delete", "deleteall"];

export const eventCases: readonly Case[] = [
  {
    name: "emits what this instance did, with its arguments",
    run: async (c) => {
      const queue = await c.queue();
      const log = recordEvents(queue, NAMES);
      const id = await queue.add(job("a"));
      assertEqual(drain(log), [["add", id]]);
      const claimed = await claim(queue);
      assertEqual(drain(log), [["next", claimed]]);
      await queue.saveProgress(id, 25, "reading", null);
      assertEqual(drain(log), [["progress", id, 25]]);
      await queue.abort(id);
      assertEqual(drain(log), [["abort", id]]);
      await queue.complete(completed(claimed));
      assertEqual(drain(log), [["complete", id, "COMPLETED"]]);
      await queue.delete(id);
      assertEqual(drain(log), [["delete", id]]);
      await queue.deleteAll();
      assertEqual(drain(log), [["deleteall"]]);
    },
  },
  {
    name: "emits once for each of many jobs, in their order, with what became of them",
    run: async (c) => {
      const queue = await c.queue();
      const log = recordEvents(queue, NAMES);
      const ids = await queue.addMany(jobs(3, { max_retries: 0 }));
      assertEqual(
        drain(log),
        ids.map((id) => ["add", id]),
      );
      const [a, b, d] = await queue.nextMany("worker", 3);
      assertEqual(
        drain(log),
        [a, b, d].map((one) => ["next", one]),
      );
      await queue.completeMany([completed(a ?? job()), failed(b ?? job()), retried(d ?? job())]);
      assertEqual(drain(log), [
        ["complete", a?.id, "COMPLETED"],
        ["complete", b?.id, "FAILED"],
        ["complete", d?.id, "FAILED"],
      ]);
    },
  },
  {
    name: "emits what completeMany() ended, also where it rejects for the others",
    run: async (c) => {
      const queue = await c.queue();
      await queue.addMany(jobs(4));
      const claimed = await queue.nextMany("worker", 4);
      const [a, lost, b, gone] = claimed;
      await queue.release(lost ?? job());
      await queue.delete(gone?.id);
      const log = recordEvents(queue, NAMES);
      await withSilentLogger(async () => {
        const call = () => queue.completeMany(claimed.map((one) => completed(one)));
        await assertRejects(call, STALE, "completeMany");
      });
      assertEqual(drain(log), [
        ["complete", a?.id, "COMPLETED"],
        ["complete", b?.id, "COMPLETED"],
      ]);
    },
  },
  {
    name: "emits nothing for calls that fail or change nothing",
    run: async (c) => {
      const queue = await c.queue();
      const id = await queue.add(job());
      const claimed = await claim(queue);
      await queue.complete(completed(claimed));
      const log = recordEvents(queue, NAMES);
      await withSilentLogger(async () => {
        await queue.add({} as never).catch(() => {});
        await queue.addMany([]);
        await queue.next("worker");
        await queue.abort(id);
        await queue.complete(completed(claimed));
        await queue.complete(completed({ ...claimed, lease_token: "x" })).catch(() => {});
        await queue.saveProgress(id, 5, "", null, { leaseToken: "x" }).catch(() => {});
        await queue.get(id);
        await queue.peek();
        await queue.size();
        await queue.delete(id);
        assertEqual(drain(log), [["delete", id]]);
        await queue.delete(id);
        await queue.abort(id);
        await queue.complete(completed(claimed));
      });
      assertEqual(drain(log), []);
    },
  },
  {
    name: "on, once, off, emit and waitOn do what they say",
    run: async (c) => {
      const queue = await c.queue();
      const heard: unknown[] = [];
      const listener = (id: unknown): void => void heard.push(["on", id]);
      queue.on("add", listener);
      queue.once("add", (id) => void heard.push(["once", id]));
      const waited = queue.waitOn("add");
      const [a, b] = [await queue.add(job()), await queue.add(job())];
      queue.off("add", listener);
      await queue.add(job());
      assertEqual(heard, [
        ["on", a],
        ["once", a],
        ["on", b],
      ]);
      assertEqual(await waited, [a], "what waitOn resolves to");
      queue.on("abort", listener);
      queue.emit("abort", "own");
      assertEqual(heard.at(-1), ["on", "own"]);
    },
  },
  {
    name: "a listener that throws fails neither the call nor other listeners",
    run: async (c) => {
      const queue = await c.queue();
      let heard = 0;
      const reported = await withSilentLogger(async () => {
        queue.on("add", () => {
          throw new Error("from a listener");
        });
        queue.on("add", () => void heard++);
        await queue.add(job("a"));
        await queue.addMany([job("b"), job("c")]);
      });
      assertEqual([heard, reported], [3, 3], "what was heard and what was reported");
      assertEqual(await queue.size(), 3, "the size");
    },
  },
  {
    name: "emits after the job can be read, and gives listeners copies",
    run: async (c) => {
      const queue = await c.queue();
      const read = new Promise((resolve) => {
        queue.once("add", (id) => resolve(queue.get(id)));
      });
      const id = await queue.add(job({ list: [1] }));
      assertEqual(((await read) as { id: unknown }).id, id, "the job read by the listener");
      queue.on("next", (claimed) => void (claimed.input as { list: number[] }).list.push(2));
      await claim(queue);
      assertEqual((await stored(queue, id)).input, { list: [1] }, "the stored input");
    },
  },
];
