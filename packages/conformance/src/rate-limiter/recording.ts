import { assert, assertEqual, assertInvalid, pause } from "../assert.ts";
import type { Case } from "../harness.ts";
import { HOSTILE_TEXTS, UNSTORABLE_TEXTS } from "../samples.ts";
import { show } from "../show.ts";
import { EPOCH, shifted } from "./times.ts";

const CANONICAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

export const recordingCases: readonly Case[] = [
  {
    name: "starts without executions and without a next time",
    run: async (c) => {
      const limiter = await c.rateLimiter();
      assertEqual(await limiter.getExecutionCount("q", EPOCH), 0, "the count");
      assertEqual(await limiter.getOldestExecutionAtOffset("q", 0), undefined, "the oldest");
      assertEqual(await limiter.getNextAvailableTime("q"), undefined, "the next time");
      await limiter.clear("q");
    },
  },
  {
    name: "counts the executions that it is told of",
    run: async (c) => {
      const limiter = await c.rateLimiter();
      for (let i = 0; i < 3; i++) await limiter.recordExecution("q");
      await Promise.all(Array.from({ length: 20 }, () => limiter.recordExecution("q")));
      assertEqual(await limiter.getExecutionCount("q", EPOCH), 23, "the count");
      assertEqual(await limiter.getExecutionCount("other", EPOCH), 0, "another queue's count");
    },
  },
  {
    name: "counts those later than the window's start",
    run: async (c) => {
      const limiter = await c.rateLimiter();
      for (let i = 0; i < 3; i++) {
        await limiter.recordExecution("q");
        await pause(5);
      }
      const times: string[] = [];
      for (let i = 0; i < 3; i++) {
        times.push((await limiter.getOldestExecutionAtOffset("q", i)) as string);
      }
      for (const time of times) assert(CANONICAL.test(time), `the time is ${show(time)}`);
      assertEqual([...times].sort(), times, "the times, oldest first");
      assertEqual(await limiter.getOldestExecutionAtOffset("q", 3), undefined, "past the last");
      const [first, second, third] = times as [string, string, string];
      assertEqual(await limiter.getExecutionCount("q", shifted(first, -1)), 3, "all");
      assertEqual(await limiter.getExecutionCount("q", first), 2, "later than the first");
      assertEqual(await limiter.getExecutionCount("q", second), 1, "later than the second");
      assertEqual(await limiter.getExecutionCount("q", third), 0, "later than the third");
      const zoned = first.replace("Z", "+00:00");
      assertEqual(await limiter.getExecutionCount("q", zoned), 2, "with a zone");
    },
  },
  {
    name: "a recorded execution forgets those of its queue that the longest window does not reach",
    run: async (c) => {
      const limiter = await c.rateLimiter();
      const windowMs = 50;
      for (const queue of ["short", "other", "long"]) {
        await limiter.tryReserveExecution(queue, 5, windowMs);
      }
      await limiter.recordExecution("short");
      await limiter.tryReserveExecution("long", 5, 60_000);
      for (let i = 0; i < 2; i++) await limiter.recordExecution("no window");
      await pause(3 * windowMs);
      for (const queue of ["short", "long", "no window"]) await limiter.recordExecution(queue);
      assertEqual(await limiter.getExecutionCount("short", EPOCH), 1, "the count");
      assertEqual(await limiter.getExecutionCount("long", EPOCH), 3, "with a longer window too");
      assertEqual(await limiter.getExecutionCount("no window", EPOCH), 3, "without a window");
      assertEqual(await limiter.getExecutionCount("other", EPOCH), 1, "another queue's count");
    },
  },
  {
    name: "keeps the next available time, the one set last",
    run: async (c) => {
      const limiter = await c.rateLimiter();
      await limiter.setNextAvailableTime("q", "2024-05-06T07:08:09+02:00");
      assertEqual(await limiter.getNextAvailableTime("q"), "2024-05-06T05:08:09.000Z");
      assertEqual(await limiter.getNextAvailableTime("other"), undefined, "another queue's");
      await limiter.setNextAvailableTime("q", "2001-01-01T00:00:00.001Z");
      assertEqual(await limiter.getNextAvailableTime("q"), "2001-01-01T00:00:00.001Z");
    },
  },
  {
    name: "clear() forgets executions and the next time of that queue only",
    run: async (c) => {
      const limiter = await c.rateLimiter();
      const time = "2024-01-01T00:00:00.000Z";
      for (const queue of ["a", "b"]) {
        await limiter.recordExecution(queue);
        await limiter.tryReserveExecution(queue, 5, 60_000);
        await limiter.setNextAvailableTime(queue, time);
      }
      await limiter.clear("a");
      assertEqual(await limiter.getExecutionCount("a", EPOCH), 0, "the count");
      assertEqual(await limiter.getOldestExecutionAtOffset("a", 0), undefined, "the oldest");
      assertEqual(await limiter.getNextAvailableTime("a"), undefined, "the next time");
      assertEqual(await limiter.getExecutionCount("b", EPOCH), 2, "another queue's count");
      assertEqual(await limiter.getNextAvailableTime("b"), time, "another queue's next time");
    },
  },
  {
    name: "any queue name works, and no two are the same",
    run: async (c) => {
      const limiter = await c.rateLimiter();
      const names = HOSTILE_TEXTS.filter((text) => text !== "");
      for (const name of names) {
        assertEqual(await limiter.getExecutionCount(name, EPOCH), 0, `the count of ${show(name)}`);
        await limiter.recordExecution(name);
        assertEqual(await limiter.tryReserveExecution(name, 1, 60_000), null, "a reservation");
        await limiter.setNextAvailableTime(name, "2024-01-01T00:00:00.000Z");
        assertEqual(await limiter.getExecutionCount(name, EPOCH), 1, `the count of ${show(name)}`);
      }
      await limiter.clear("%");
      assertEqual(await limiter.getExecutionCount("_", EPOCH), 1, 'the count of "_"');
    },
  },
  {
    name: "refuses names, times and numbers that are none, and keeps nothing",
    run: async (c) => {
      const limiter = await c.rateLimiter();
      for (const name of ["", undefined, null, 5, {}, ...UNSTORABLE_TEXTS]) {
        const queue = name as string;
        const calls: Record<string, () => Promise<unknown>> = {
          recordExecution: () => limiter.recordExecution(queue),
          getExecutionCount: () => limiter.getExecutionCount(queue, EPOCH),
          getOldestExecutionAtOffset: () => limiter.getOldestExecutionAtOffset(queue, 0),
          getNextAvailableTime: () => limiter.getNextAvailableTime(queue),
          setNextAvailableTime: () => limiter.setNextAvailableTime(queue, EPOCH),
          clear: () => limiter.clear(queue),
          tryReserveExecution: () => limiter.tryReserveExecution(queue, 1, 1000),
          releaseExecution: () => limiter.releaseExecution(queue, "token"),
        };
        for (const [method, call] of Object.entries(calls)) {
          await assertInvalid(call, `${method} of the queue ${show(name)}`);
        }
      }
      for (const time of ["", "now", "2024-13-01T00:00:00Z", 5, undefined, null, "' OR 1=1 --"]) {
        const iso = time as string;
        await assertInvalid(() => limiter.getExecutionCount("q", iso), `since ${show(time)}`);
        await assertInvalid(() => limiter.setNextAvailableTime("q", iso), `at ${show(time)}`);
      }
      for (const number of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "1", null, undefined]) {
        const n = number as number;
        const what = show(number);
        await assertInvalid(() => limiter.getOldestExecutionAtOffset("q", n), `the offset ${what}`);
        await assertInvalid(() => limiter.tryReserveExecution("q", n, 1000), `at most ${what}`);
        await assertInvalid(() => limiter.tryReserveExecution("q", 1, n), `a window of ${what}`);
      }
      await assertInvalid(() => limiter.tryReserveExecution("q", 1, 0), "a window of 0");
      for (const token of [undefined, null, 5, {}, "a\0b"]) {
        const call = () => limiter.releaseExecution("q", token as string);
        await assertInvalid(call, `the token ${show(token)}`);
      }
      assertEqual(await limiter.getExecutionCount("q", EPOCH), 0, "the count");
      assertEqual(await limiter.getNextAvailableTime("q"), undefined, "the next time");
    },
  },
];
