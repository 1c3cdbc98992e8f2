import { assert, assertEqual } from "../assert.ts";
import type { Case } from "../harness.ts";
import { jsonValues } from "../samples.ts";
import { show } from "../show.ts";
import { claimAll, idsOf, inAnHour, inputsOf, job, jobs, stored } from "./jobs.ts";

const CANONICAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** A database's clock may be minutes away from this one. */
const CLOCK_DIFFERENCE_MS = 15 * 60_000;

function assertNow(value: unknown, what: string): void {
  assert(typeof value === "string" && CANONICAL.test(value), `${what} is ${show(value)}`);
  const away = Math.abs(Date.parse(value) - Date.now());
  assert(away < CLOCK_DIFFERENCE_MS, `${what} is ${value}, which is not now`);
}

function frozen<T>(value: T): T {
  if (typeof value === "object" && value !== null) Object.values(value).forEach(frozen);
  return Object.freeze(value);
}

export const addingCases: readonly Case[] = [
  {
    name: "starts empty",
    run: async (c) => {
      const queue = await c.queue();
      assertEqual(await queue.size(), 0, "size()");
      assertEqual(await queue.peek(), [], "peek()");
      assertEqual(await queue.next("worker"), undefined, "next()");
      assertEqual(await queue.nextMany("worker", 5), [], "nextMany()");
      assertEqual(await queue.getByRunId("run"), [], "getByRunId()");
      assertEqual(await queue.outputForInput({ n: 1 }), null, "outputForInput()");
    },
  },
  {
    name: "bears the name it was given",
    run: async (c) => {
      assertEqual((await c.queue({ queueName: "letters" })).queueName, "letters");
    },
  },
  {
    name: "a new job is PENDING, has not run, and has the documented defaults",
    run: async (c) => {
      const queue = await c.queue({ queueName: "letters" });
      const id = await queue.add(job({ to: "Ann" }));
      const { created_at, run_after, fingerprint, ...rest } = await stored(queue, id);
      assertNow(created_at, "created_at");
      assertNow(run_after, "run_after");
      assert(typeof fingerprint === "string" && fingerprint !== "", "there is no fingerprint");
      const expected = {
        id,
        queue: "letters",
        input: { to: "Ann" },
        status: "PENDING",
        run_attempts: 0,
        max_retries: 10,
        priority: 0,
        output: null,
        error: null,
        error_code: null,
        completed_at: null,
        last_ran_at: null,
        deadline_at: null,
        timeout_ms: null,
        progress: 0,
        progress_details: null,
        worker_id: null,
        lease_token: null,
        lease_instance: null,
      };
      for (const [field, value] of Object.entries(expected)) {
        assertEqual(rest[field as keyof typeof rest], value, field);
      }
    },
  },
  {
    name: "keeps what a new job may bring",
    run: async (c) => {
      const queue = await c.queue();
      const brought = {
        job_run_id: "run 7",
        fingerprint: "by hand",
        max_retries: 0,
        created_at: "2020-01-02T03:04:05.678Z",
        run_after: "2020-02-02T03:04:05.678Z",
        deadline_at: "2999-12-31T23:59:59.999Z",
        priority: -2147483648,
        timeout_ms: 1234,
        backoff: { baseMs: 5, factor: 1.5, maxMs: 50, jitter: 0 },
        tags: ["a", "b"],
        trace_context: { traceparent: "00-1-2-01" },
      };
      const read = await stored(queue, await queue.add(job("x", brought)));
      for (const [field, value] of Object.entries(brought)) {
        assertEqual(read[field as keyof typeof read], value, field);
      }
      const again = await stored(queue, await queue.add(job("x", { priority: 2147483647 })));
      assertEqual(again.priority, 2147483647, "the priority");
    },
  },
  {
    name: "gives points in time back in one form, whatever form they came in",
    run: async (c) => {
      const queue = await c.queue();
      const times = {
        created_at: "2024-05-06T07:08:09+02:00",
        run_after: "2024-05-06T07:08:09.1Z",
        deadline_at: "2024-12-31T23:59:59-01:00",
      };
      const { created_at, run_after, deadline_at } = await stored(
        queue,
        await queue.add(job(1, times)),
      );
      assertEqual(
        [created_at, run_after, deadline_at],
        ["2024-05-06T05:08:09.000Z", "2024-05-06T07:08:09.100Z", "2025-01-01T00:59:59.000Z"],
      );
    },
  },
  {
    name: "takes a stored job's empty fields, as a copy of a job has them",
    run: async (c) => {
      const queue = await c.queue();
      const id = await queue.add(
        job(1, {
          status: "PENDING",
          output: null,
          error: null,
          run_attempts: 0,
          progress: 0,
          worker_id: null,
          lease_token: null,
          group_key: null,
          dedupe_key: null,
          timeout_ms: null,
        }),
      );
      assertEqual((await stored(queue, id)).status, "PENDING");
    },
  },
  {
    name: "add and addMany never change their arguments",
    run: async (c) => {
      const queue = await c.queue();
      const make = () => job({ deep: { list: [1, { a: 2 }] } }, { tags: ["x"], run_after: null });
      const given = frozen(make());
      await queue.add(given);
      assertEqual(given, make(), "the job that was given to add()");
      const list = frozen([make(), make()]);
      await queue.addMany(list);
      assertEqual(list, [make(), make()], "the jobs that were given to addMany()");
    },
  },
  {
    name: "stores a copy: later changes of the argument or of results change nothing",
    run: async (c) => {
      const queue = await c.queue();
      const input = { list: [1] };
      const given = job(input, { tags: ["a"] });
      const adding = queue.add(given);
      input.list.push(2);
      given.priority = 9;
      const id = await adding;
      input.list.push(3);
      for (const read of [await stored(queue, id), ...(await queue.peek())]) {
        assertEqual(read.input, { list: [1] }, "the input");
        assertEqual(read.priority, 0, "the priority");
        (read.input as typeof input).list.push(9);
        (read.tags as string[]).push("b");
      }
      const read = await stored(queue, id);
      assertEqual(read.input, { list: [1] }, "the input");
      assertEqual(read.tags, ["a"], "the tags");
    },
  },
  {
    name: "gives back every JSON value as input, as it was",
    run: async (c) => {
      const queue = await c.queue();
      const inputs = jsonValues();
      const ids = await queue.addMany(inputs.map((input) => job(input)));
      for (const [i, input] of inputs.entries()) {
        assertEqual((await stored(queue, ids[i])).input, input, `the input ${show(input)}`);
      }
      assertEqual(inputsOf(await claimAll(queue)), inputs, "the inputs of the claimed jobs");
    },
  },
  {
    name: "gives back an input of a million characters",
    run: async (c) => {
      const queue = await c.queue();
      const text = "a\u00e9\u{1f600}\n".repeat(250_000);
      const read = await stored(queue, await queue.add(job({ text })));
      assert((read.input as { text: string }).text === text, "the text came back different");
    },
  },
  {
    name: "every job has an id of its own",
    run: async (c) => {
      const queue = await c.queue();
      const ids = [await queue.add(job(1)), ...(await queue.addMany(jobs(50)))];
      ids.push(...(await Promise.all(jobs(50).map((one) => queue.add(one)))));
      assertEqual(new Set(ids.map(String)).size, 101, "the number of ids");
    },
  },
  {
    name: "addMany gives the ids in the order of its jobs, and adds a thousand at once",
    run: async (c) => {
      const queue = await c.queue();
      const ids = await queue.addMany(jobs(1000));
      assertEqual(ids.length, 1000, "the number of ids");
      for (const i of [0, 1, 500, 999]) assertEqual((await stored(queue, ids[i])).input, i);
      assertEqual(idsOf(await queue.nextMany("worker", 1000)), ids, "the ids in claim order");
    },
  },
  {
    name: "addMany of no jobs adds none",
    run: async (c) => {
      const queue = await c.queue();
      assertEqual(await queue.addMany([]), []);
      assertEqual(await queue.size(), 0, "the size");
    },
  },
  {
    name: "queues of one database do not see each other's jobs",
    run: async (c) => {
      const [letters, calls] = [await c.queue(), await c.queue()];
      const id = await letters.add(job("letter", { job_run_id: "run" }));
      assertEqual(await calls.size(), 0, "size()");
      assertEqual(await calls.peek(), [], "peek()");
      assertEqual(await calls.next("worker"), undefined, "next()");
      assertEqual(await calls.get(id), undefined, "get()");
      assertEqual(await calls.getByRunId("run"), [], "getByRunId()");
      await calls.deleteAll();
      await calls.delete(id);
      await calls.abort(id);
      assertEqual((await stored(letters, id)).status, "PENDING");
    },
  },
  {
    name: "a call made after add() sees the job, without waiting for it",
    run: async (c) => {
      const queue = await c.queue();
      const adding = queue.add(job("first"));
      const next = queue.next("worker");
      const many = queue.addMany(jobs(3, { run_after: inAnHour() }));
      const size = queue.size();
      assertEqual((await next)?.input, "first", "the claimed job's input");
      assertEqual((await next)?.id, await adding, "the claimed job's id");
      assertEqual(await size, 3, "the size");
      await many;
    },
  },
];
