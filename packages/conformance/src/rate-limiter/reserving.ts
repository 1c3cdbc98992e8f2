import { assert, assertEqual, eventually, pause, rejection } from "../assert.ts";
import type { Case } from "../harness.ts";
import type { TestRateLimiter } from "../queue/QueueSpec.ts";
import { jointTransactions, secondConnection, sharedTables } from "../requirements.ts";
import { EPOCH } from "./times.ts";

const MINUTE_MS = 60_000;

/** Reservations made at once: how many were granted. */
async function granted(
  limiters: readonly TestRateLimiter[],
  calls: number,
  max: number,
): Promise<string[]> {
  const tokens = await Promise.all(
    Array.from({ length: calls }, (_, i) =>
      (limiters[i % limiters.length] as TestRateLimiter).tryReserveExecution("q", max, MINUTE_MS),
    ),
  );
  return tokens.filter((token) => token !== null);
}

export const reservingCases: readonly Case[] = [
  {
    name: "grants up to max reservations in a window, and counts them as executions",
    run: async (c) => {
      const limiter = await c.rateLimiter();
      const tokens = new Set<unknown>();
      for (let i = 0; i < 3; i++) tokens.add(await limiter.tryReserveExecution("q", 3, MINUTE_MS));
      assert(!tokens.has(null), "a reservation within the limit was refused");
      assertEqual(tokens.size, 3, "the number of tokens");
      assertEqual(await limiter.tryReserveExecution("q", 3, MINUTE_MS), null, "one too many");
      assertEqual(await limiter.getExecutionCount("q", EPOCH), 3, "the count");
      assert(Boolean(await limiter.tryReserveExecution("other", 3, MINUTE_MS)), "another queue");
      assert(Boolean(await limiter.tryReserveExecution("q", 4, MINUTE_MS)), "a higher limit");
      assertEqual(await limiter.tryReserveExecution("q", 0, MINUTE_MS), null, "a limit of 0");
    },
  },
  {
    name: "recorded executions count against the limit",
    run: async (c) => {
      const limiter = await c.rateLimiter();
      await limiter.recordExecution("q");
      assert(
        Boolean(await limiter.tryReserveExecution("q", 2, MINUTE_MS)),
        "the second was refused",
      );
      assertEqual(await limiter.tryReserveExecution("q", 2, MINUTE_MS), null, "the third");
    },
  },
  {
    name: "grants again once executions have left the window, and not before",
    run: async (c) => {
      const limiter = await c.rateLimiter();
      const windowMs = 400;
      const start = performance.now();
      const reserve = () => limiter.tryReserveExecution("q", 2, windowMs);
      assert((await reserve()) !== null && (await reserve()) !== null, "a reservation was refused");
      await eventually(async () => (await reserve()) !== null, "nothing was granted again");
      const waited = performance.now() - start;
      // The database's clock counts whole milliseconds, and may be another one.
      assert(waited > windowMs - 50, `it was granted after ${waited} ms`);
    },
  },
  {
    name: "grants nothing before the next available time",
    run: async (c) => {
      const limiter = await c.rateLimiter();
      await limiter.setNextAvailableTime("q", new Date(Date.now() + 3_600_000).toISOString());
      assertEqual(await limiter.tryReserveExecution("q", 5, MINUTE_MS), null, "an hour before");
      assertEqual(await limiter.getExecutionCount("q", EPOCH), 0, "the count");
      await limiter.setNextAvailableTime("q", new Date(Date.now() - 3_600_000).toISOString());
      assert(Boolean(await limiter.tryReserveExecution("q", 5, MINUTE_MS)), "an hour after");
    },
  },
  {
    name: "releaseExecution() takes one reservation back",
    run: async (c) => {
      const limiter = await c.rateLimiter();
      const reserve = () => limiter.tryReserveExecution("q", 2, MINUTE_MS);
      const [first] = [await reserve(), await reserve()];
      await limiter.releaseExecution("q", first as string);
      assertEqual(await limiter.getExecutionCount("q", EPOCH), 1, "the count");
      assert(Boolean(await reserve()), "the place that was given back was refused");
      assertEqual(await reserve(), null, "one too many");
    },
  },
  {
    name: "releaseExecution() does nothing for a token that is gone, unknown or another queue's",
    run: async (c) => {
      const limiter = await c.rateLimiter();
      const first = (await limiter.tryReserveExecution("q", 9, MINUTE_MS)) as string;
      await limiter.tryReserveExecution("q", 9, MINUTE_MS);
      await limiter.recordExecution("q");
      await limiter.releaseExecution("q", first);
      await limiter.releaseExecution("q", first);
      await limiter.releaseExecution("q", "unknown");
      await limiter.releaseExecution("q", "' OR 1=1 --");
      await limiter.releaseExecution("nowhere", first);
      const other = (await limiter.tryReserveExecution("other", 9, MINUTE_MS)) as string;
      await limiter.releaseExecution("q", other);
      assertEqual(await limiter.getExecutionCount("q", EPOCH), 2, "the count");
      assertEqual(await limiter.getExecutionCount("other", EPOCH), 1, "another queue's count");
    },
  },
  {
    name: "50 calls at once never get more than max",
    run: async (c) => {
      const limiter = await c.rateLimiter();
      const tokens = await granted([limiter], 50, 7);
      assertEqual(new Set(tokens).size, 7, "the reservations");
      assertEqual(await limiter.getExecutionCount("q", EPOCH), 7, "the count");
    },
  },
  {
    name: "50 calls at once on several instances never get more than max",
    requires: [sharedTables],
    run: async (c) => {
      const limiters = [await c.rateLimiter(), await c.rateLimiter(), await c.rateLimiter()];
      assertEqual((await granted(limiters, 50, 7)).length, 7, "the reservations");
      assertEqual(await limiters[0]?.getExecutionCount("q", EPOCH), 7, "the count");
    },
  },
  {
    name: "50 calls at once on two connections never get more than max",
    requires: [secondConnection],
    run: async (c) => {
      const limiters = [await c.rateLimiter(), await (await c.connect()).rateLimiter()];
      assertEqual((await granted(limiters, 50, 7)).length, 7, "the reservations");
      assertEqual(await limiters[1]?.getExecutionCount("q", EPOCH), 7, "the count");
    },
  },
  {
    name: "reservations and releases at once never exceed max, and lose no place",
    run: async (c) => {
      const limiter = await c.rateLimiter();
      let held = 0;
      let most = 0;
      let done = 0;
      const worker = async (): Promise<void> => {
        while (done < 60) {
          const token = await limiter.tryReserveExecution("q", 3, MINUTE_MS);
          if (token === null) {
            await pause(1);
            continue;
          }
          most = Math.max(most, ++held);
          await pause(0);
          held--;
          done++;
          await limiter.releaseExecution("q", token);
        }
      };
      await Promise.all(Array.from({ length: 10 }, worker));
      assert(most <= 3, `${most} were held at once`);
      assertEqual(await limiter.getExecutionCount("q", EPOCH), 0, "the count");
      assertEqual((await granted([limiter], 5, 3)).length, 3, "the places left");
    },
  },
  {
    name: "a reservation inside a transaction that is given up was never made",
    requires: [jointTransactions],
    run: async (c) => {
      const limiter = await c.rateLimiter();
      const kept = (await limiter.tryReserveExecution("q", 3, MINUTE_MS)) as string;
      await limiter.setNextAvailableTime("q", EPOCH);
      const failing = () =>
        c.withTransaction(async (tx) => {
          const inside = limiter.with(tx);
          await inside.tryReserveExecution("q", 3, MINUTE_MS);
          await inside.recordExecution("q");
          assertEqual(await inside.getExecutionCount("q", "1970-01-01T00:00:00Z"), 3, "inside");
          await inside.releaseExecution("q", kept);
          await inside.setNextAvailableTime("q", "2999-01-01T00:00:00Z");
          await inside.clear("q");
          throw new Error("abandoned");
        });
      const error = (await rejection(failing, "the transaction")) as Error;
      assertEqual(error.message, "abandoned", "the error");
      assertEqual(await limiter.getExecutionCount("q", EPOCH), 1, "the count");
      assertEqual(await limiter.getNextAvailableTime("q"), EPOCH, "the next time");
      const made = await c.withTransaction((tx) =>
        limiter.with(tx).tryReserveExecution("q", 3, MINUTE_MS),
      );
      assert(made !== null, "the reservation was refused");
      assertEqual(await limiter.getExecutionCount("q", EPOCH), 2, "the count");
    },
  },
];
