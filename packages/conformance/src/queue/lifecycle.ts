import {
  assert,
  assertEqual,
  assertInvalid,
  assertRejects,
  assertThrowsInvalid,
  rejection,
} from "../assert.ts";
import type { Case } from "../harness.ts";
import { lifecycleCases } from "../lifecycleCases.ts";
import { persistence, secondConnection, setUpTables } from "../requirements.ts";
import { show } from "../show.ts";
import { claim, completed, failed, inputsOf, job, jobs, stored, withClaimed } from "./jobs.ts";
import type { StoredTestJob, TestQueue } from "./QueueSpec.ts";

type CallOptions = { readonly signal?: AbortSignal; readonly timeoutMs?: number };

/** Calls about an attempt, which need a job that is held. */
const ATTEMPT_CALLS: Readonly<
  Record<string, (queue: TestQueue, held: StoredTestJob, o?: CallOptions) => Promise<void>>
> = {
  complete: (queue, held, o) => queue.complete(completed(held), o),
  completeMany: (queue, held, o) => queue.completeMany([failed(held)], o),
  release: (queue, held, o) => queue.release(held, o),
  saveProgress: (queue, { id }, o) => queue.saveProgress(id, 50, "", null, o),
};

const attemptCases: readonly Case[] = [
  {
    name: "a call about an attempt with an aborted signal or a bad timeout does nothing",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      const reason = new Error("the caller left");
      const signal = AbortSignal.abort(reason);
      for (const [name, call] of Object.entries(ATTEMPT_CALLS)) {
        const error = await rejection(() => call(queue, claimed, { signal }), name);
        assert(error === reason, `${name} rejects with ${show(error)}`);
        await assertInvalid(() => call(queue, claimed, { timeoutMs: -1 }), name);
      }
      assertEqual(await stored(queue, claimed.id), claimed);
    },
  },
  {
    name: "a call about an attempt takes a signal and a timeout and works",
    run: async (c) => {
      const { signal } = new AbortController();
      for (const call of Object.values(ATTEMPT_CALLS)) {
        const { queue, claimed } = await withClaimed(c);
        await call(queue, claimed, { signal, timeoutMs: 10_000 });
        const { status, progress } = await stored(queue, claimed.id);
        assert(status !== "PROCESSING" || progress === 50, "nothing has happened");
      }
    },
  },
  {
    name: "after destroy() a call about an attempt is a StorageClosedError, and changes nothing",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      await queue[Symbol.asyncDispose]();
      for (const [name, call] of Object.entries(ATTEMPT_CALLS)) {
        await assertRejects(() => call(queue, claimed), { name: "StorageClosedError" }, name);
      }
    },
  },
  {
    name: "destroy() lets the completions finish that were made before it",
    run: async (c) => {
      const spec = { queueName: "shared" };
      const [queue, other] = [await c.queue(spec), await c.queue(spec)];
      await queue.addMany(jobs(20));
      const claimed = await queue.nextMany("worker", 20);
      const ending = claimed.map((one) => queue.complete(completed(one)));
      queue.destroy();
      await Promise.all(ending);
      // Where instances share nothing, the other one is empty.
      const left = (await other.size("COMPLETED")) + (await other.size("PROCESSING"));
      assert(left === 0 || left === 20, `${left} jobs are left`);
    },
  },
];

const setupCases: readonly Case[] = [
  {
    name: "can be set up again without losing anything, also eight times at once",
    run: async (c) => {
      const { queue, claimed } = await withClaimed(c);
      await queue.add(job("waits"));
      await queue.setupDatabase();
      await Promise.all(Array.from({ length: 8 }, () => queue.setupDatabase()));
      assertEqual(await stored(queue, claimed.id), claimed);
      assertEqual(inputsOf(await queue.peek()), ["waits"]);
    },
  },
  {
    name: "can be set up by eight instances at once",
    run: async (c) => {
      const queues = Array.from({ length: 8 }, () => c.constructQueue({ queueName: "shared" }));
      await Promise.all(queues.map((queue) => queue.setupDatabase()));
      for (const queue of queues) await queue.add(job());
      assert((await (queues[0] as TestQueue).size()) >= 1, "the first instance has no job");
    },
  },
  {
    name: "can be set up on two connections at once",
    requires: [secondConnection],
    run: async (c) => {
      const there = await c.connect();
      const queues = [
        c.constructQueue({ queueName: "q" }),
        there.constructQueue({ queueName: "q" }),
      ];
      await Promise.all(queues.map((queue) => queue.setupDatabase()));
      for (const queue of queues) await queue.add(job());
      for (const queue of queues) assertEqual(await queue.size(), 2, "the size");
    },
  },
  {
    name: "use without set-up is a typed error that says what to do",
    requires: [setUpTables],
    run: async (c) => {
      const queue = c.constructQueue();
      for (const call of [() => queue.add(job()), () => queue.next("worker"), () => queue.size()]) {
        const error = (await rejection(call, "a call before setupDatabase()")) as Error;
        assertEqual(error.name, "StorageNotSetUpError", "the error's name");
        assert(error.message.includes("setupDatabase()"), `its message is ${show(error.message)}`);
        const tellsOfSql = error.message.includes("schemaSql()");
        assertEqual(tellsOfSql, c.capabilities.schemaSql, "whether it tells of SQL");
      }
    },
  },
  {
    name: "keeps its jobs over a restart",
    requires: [persistence],
    run: async (c) => {
      const before = await c.queue({ queueName: "kept" });
      await before.addMany([job("done", { priority: 1 }), job("waits", { tags: ["a"] })]);
      await before.complete(completed(await claim(before), { pages: 7 }));
      const jobsBefore = [await before.peek(), await before.peek("COMPLETED")];
      await c.reopen();
      const after = await c.queue({ queueName: "kept" });
      assertEqual([await after.peek(), await after.peek("COMPLETED")], jobsBefore, "the jobs");
      assertEqual(await after.outputForInput("done"), { pages: 7 }, "the output");
      const id = await after.add(job("new"));
      const ids = jobsBefore.flat().map((one) => String(one.id));
      assert(!ids.includes(String(id)), "the new job has the id of another");
      assertEqual(inputsOf(await after.nextMany("worker", 5)), ["waits", "new"]);
    },
  },
  {
    name: "refuses names and leases that are none",
    run: async (c) => {
      for (const queueName of ["", "a\0b", "\ud800", null, 5, {}]) {
        const make = () => c.constructQueue({ queueName: queueName as string });
        assertThrowsInvalid(make, `the queue name ${show(queueName)}`);
      }
      for (const leaseMs of [0, -1, 1.5, Number.NaN, "5", null, 2 ** 31]) {
        const make = () => c.constructQueue({ options: { leaseMs: leaseMs as number } });
        assertThrowsInvalid(make, `leaseMs ${show(leaseMs)}`);
      }
    },
  },
  {
    name: "any other queue name works",
    run: async (c) => {
      const names = [
        "select",
        "'; DROP TABLE job_queue; --",
        "%",
        "__proto__",
        "\u{1f600}",
        "A",
        "a",
      ];
      for (const queueName of names) await (await c.queue({ queueName })).add(job(queueName));
      for (const queueName of names) {
        const queue = await c.queue({ queueName });
        const inputs = inputsOf(await queue.peek());
        // Where instances share nothing, this one is empty.
        assert(
          inputs.length === 0 || (inputs.length === 1 && inputs[0] === queueName),
          `the queue ${show(queueName)} has the jobs ${show(inputs)}`,
        );
      }
    },
  },
];

const shared = lifecycleCases<TestQueue>((c) => c.queue({ queueName: c.freshTable() }), {
  reads: {
    get: (queue, o) => queue.get(1, o),
    peek: (queue, o) => queue.peek("PENDING", 5, o),
    size: (queue, o) => queue.size("PENDING", o),
    getByRunId: (queue, o) => queue.getByRunId("run", o),
    outputForInput: (queue, o) => queue.outputForInput("x", o),
  },
  writes: {
    add: (queue, o) => queue.add(job(), o),
    addMany: (queue, o) => queue.addMany([job()], o),
    next: (queue, o) => queue.next("worker", o),
    nextMany: (queue, o) => queue.nextMany("worker", 3, o),
    abort: (queue, o) => queue.abort(1, o),
    delete: (queue, o) => queue.delete(1, o),
    deleteJobsByStatusAndAge: (queue, o) => queue.deleteJobsByStatusAndAge("FAILED", 1, o),
    deleteAll: (queue, o) => queue.deleteAll(o),
    setupDatabase: (queue, o) => queue.setupDatabase(o),
  },
  iterations: {},
  add: (queue) => queue.add(job()),
  event: "add",
});

export const lifecycleCasesOfQueues: readonly Case[] = [...shared, ...attemptCases, ...setupCases];
