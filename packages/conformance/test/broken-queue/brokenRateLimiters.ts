import type { TestRateLimiter } from "@workglow/conformance";
import type { Alteration } from "./altered.ts";

export interface BrokenRateLimiter {
  readonly defect: string;
  readonly foundBy: string;
  readonly alteration: Alteration<TestRateLimiter>;
}

const EPOCH = "1970-01-01T00:00:00.000Z";

export const BROKEN_RATE_LIMITERS: readonly BrokenRateLimiter[] = [
  {
    defect: "the limit is looked at first, and the execution recorded afterwards",
    foundBy: "50 calls at once never get more than max",
    alteration: (limiter) => ({
      tryReserveExecution: async (queue, max, windowMs) => {
        const start = new Date(Date.now() - windowMs).toISOString();
        if ((await limiter.getExecutionCount(queue, start)) >= max) return null;
        return limiter.tryReserveExecution(queue, 1_000_000, windowMs);
      },
    }),
  },
  {
    defect: "the window does not move",
    foundBy: "grants again once executions have left the window, and not before",
    alteration: (limiter) => ({
      tryReserveExecution: async (queue, max, windowMs) => {
        if ((await limiter.getExecutionCount(queue, EPOCH)) >= max) return null;
        return limiter.tryReserveExecution(queue, max, windowMs);
      },
    }),
  },
  {
    defect: "a reservation does not wait for the next available time",
    foundBy: "grants nothing before the next available time",
    alteration: (limiter) => ({
      tryReserveExecution: async (queue, max, windowMs) => {
        const next = await limiter.getNextAvailableTime(queue);
        await limiter.setNextAvailableTime(queue, EPOCH);
        const token = await limiter.tryReserveExecution(queue, max, windowMs);
        if (next !== undefined) await limiter.setNextAvailableTime(queue, next);
        return token;
      },
    }),
  },
  {
    defect: "a release takes any execution back",
    foundBy: "releaseExecution() does nothing for a token that is gone, unknown or another queue's",
    alteration: (limiter) => {
      const tokens: string[] = [];
      return {
        tryReserveExecution: async (...args) => {
          const token = await limiter.tryReserveExecution(...args);
          if (token !== null) tokens.push(token);
          return token;
        },
        releaseExecution: (queue, token) => limiter.releaseExecution(queue, tokens.pop() ?? token),
      };
    },
  },
  {
    defect: "executions at the window's start count",
    foundBy: "counts those later than the window's start",
    alteration: (limiter) => ({
      getExecutionCount: (queue, start) =>
        limiter.getExecutionCount(queue, new Date(Date.parse(start) - 1).toISOString()),
    }),
  },
  {
    defect: "clear forgets the executions and not the next time",
    foundBy: "clear() forgets executions and the next time of that queue only",
    alteration: (limiter) => ({
      clear: async (queue) => {
        const next = await limiter.getNextAvailableTime(queue);
        await limiter.clear(queue);
        if (next !== undefined) await limiter.setNextAvailableTime(queue, next);
      },
    }),
  },
];
