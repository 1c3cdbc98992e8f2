import { assert, assertEqual, assertInvalid, assertRejects, rejection } from "../assert.ts";
import type { Case } from "../harness.ts";
import type { TestRateLimiter } from "../queue/QueueSpec.ts";
import { persistence, setUpTables, sharedTables } from "../requirements.ts";
import { show } from "../show.ts";
import { EPOCH } from "./times.ts";

type CallOptions = { readonly signal?: AbortSignal; readonly timeoutMs?: number };

const CALLS: Readonly<
  Record<string, (limiter: TestRateLimiter, o?: CallOptions) => Promise<unknown>>
> = {
  recordExecution: (limiter, o) => limiter.recordExecution("q", o),
  getExecutionCount: (limiter, o) => limiter.getExecutionCount("q", EPOCH, o),
  getOldestExecutionAtOffset: (limiter, o) => limiter.getOldestExecutionAtOffset("q", 0, o),
  getNextAvailableTime: (limiter, o) => limiter.getNextAvailableTime("q", o),
  setNextAvailableTime: (limiter, o) => limiter.setNextAvailableTime("q", EPOCH, o),
  tryReserveExecution: (limiter, o) => limiter.tryReserveExecution("q", 5, 1000, o),
  releaseExecution: (limiter, o) => limiter.releaseExecution("q", "token", o),
  clear: (limiter, o) => limiter.clear("q", o),
  setupDatabase: (limiter, o) => limiter.setupDatabase(o),
};

const closed = { name: "StorageClosedError" };

export const lifecycleCases: readonly Case[] = [
  {
    name: "a call with an aborted signal rejects with its reason and does nothing",
    run: async (c) => {
      const limiter = await c.rateLimiter();
      await limiter.recordExecution("q");
      const reason = new Error("the caller left");
      const signal = AbortSignal.abort(reason);
      for (const [name, call] of Object.entries(CALLS)) {
        const error = await rejection(() => call(limiter, { signal }), name);
        assert(error === reason, `${name} rejects with ${show(error)}`);
        await assertInvalid(() => call(limiter, { timeoutMs: 0 }), name);
      }
      assertEqual(await limiter.getExecutionCount("q", EPOCH), 1, "the count");
    },
  },
  {
    name: "a call takes a signal and a timeout and works",
    run: async (c) => {
      const limiter = await c.rateLimiter();
      const { signal } = new AbortController();
      for (const call of Object.values(CALLS)) await call(limiter, { signal, timeoutMs: 10_000 });
    },
  },
  {
    name: "calls made before destroy() finish, later ones are a StorageClosedError",
    run: async (c) => {
      const limiter = await c.rateLimiter();
      const running = Array.from({ length: 20 }, () => limiter.recordExecution("q"));
      limiter.destroy();
      await Promise.all(running);
      for (const [name, call] of Object.entries(CALLS)) {
        await assertRejects(() => call(limiter), closed, name);
      }
    },
  },
  {
    name: "await using waits for the running calls",
    run: async (c) => {
      const limiter = await c.rateLimiter();
      let finished = 0;
      const running = Array.from({ length: 20 }, () =>
        limiter.recordExecution("q").then(() => finished++),
      );
      await limiter[Symbol.asyncDispose]();
      await Promise.all(running);
      assertEqual(finished, 20, "the calls that finished");
      limiter[Symbol.dispose]();
    },
  },
  {
    name: "can be set up again without losing anything, also eight times at once",
    run: async (c) => {
      const limiter = await c.rateLimiter();
      await limiter.recordExecution("q");
      await Promise.all(Array.from({ length: 8 }, () => limiter.setupDatabase()));
      assertEqual(await limiter.getExecutionCount("q", EPOCH), 1, "the count");
    },
  },
  {
    name: "use without set-up is a typed error that says what to do",
    requires: [setUpTables],
    run: async (c) => {
      const limiter = c.constructRateLimiter();
      for (const name of ["recordExecution", "getExecutionCount", "tryReserveExecution"]) {
        const error = (await rejection(
          () => CALLS[name]?.(limiter) ?? Promise.resolve(),
          name,
        )) as Error;
        assertEqual(error.name, "StorageNotSetUpError", `the error's name of ${name}`);
        assert(error.message.includes("setupDatabase()"), `its message is ${show(error.message)}`);
      }
    },
  },
  {
    name: "storages of one database share their limits",
    requires: [sharedTables],
    run: async (c) => {
      const [first, second] = [await c.rateLimiter(), await c.rateLimiter()];
      await first.recordExecution("q");
      await second.setNextAvailableTime("q", EPOCH);
      assertEqual(await second.getExecutionCount("q", EPOCH), 1, "the count");
      assertEqual(await first.getNextAvailableTime("q"), EPOCH, "the next time");
      await first[Symbol.asyncDispose]();
      await second.recordExecution("q");
      assertEqual(await second.getExecutionCount("q", EPOCH), 2, "the count");
    },
  },
  {
    name: "keeps executions and the next time over a restart",
    requires: [persistence],
    run: async (c) => {
      const before = await c.rateLimiter();
      await before.tryReserveExecution("q", 2, 60_000);
      await before.recordExecution("q");
      await before.setNextAvailableTime("q", "2024-01-01T00:00:00.000Z");
      await c.reopen();
      const after = await c.rateLimiter();
      assertEqual(await after.getExecutionCount("q", EPOCH), 2, "the count");
      assertEqual(await after.getNextAvailableTime("q"), "2024-01-01T00:00:00.000Z");
      assertEqual(await after.tryReserveExecution("q", 2, 60_000), null, "one too many");
    },
  },
];
