import { MemoryDatabase, withTransaction } from "@workglow/storage";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { InMemoryRateLimiterStorage } from "../src/index.ts";
import { ExecutionTimes } from "../src/storage/memory/ExecutionTimes.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse("2030-01-01T00:00:00Z") });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("rate limits in memory", () => {
  test("let as many through as the window allows, and no more", async () => {
    const limiter = new InMemoryRateLimiterStorage();
    const reserve = () => limiter.tryReserveExecution("mail", 2, 1000);
    expect([await reserve(), await reserve(), await reserve()]).toEqual([
      expect.any(String),
      expect.any(String),
      null,
    ]);
    vi.advanceTimersByTime(999);
    expect(await reserve()).toBeNull();
    vi.advanceTimersByTime(1);
    expect(await reserve()).not.toBeNull();
  });

  test("forget what is older than the longest window that was asked for", async () => {
    const limiter = new InMemoryRateLimiterStorage();
    await limiter.tryReserveExecution("mail", 5, 60_000);
    vi.advanceTimersByTime(50_000);
    await limiter.tryReserveExecution("mail", 5, 1000);
    expect(await limiter.getOldestExecutionAtOffset("mail", 0)).toBe("2030-01-01T00:00:00.000Z");
    vi.advanceTimersByTime(20_000);
    await limiter.tryReserveExecution("mail", 5, 1000);
    expect(await limiter.getOldestExecutionAtOffset("mail", 0)).toBe("2030-01-01T00:00:50.000Z");
    expect(await limiter.getOldestExecutionAtOffset("mail", 2)).toBeUndefined();
  });

  test("forget when an execution is recorded, after a week where no window was named", async () => {
    const limiter = new InMemoryRateLimiterStorage();
    const [day, epoch] = [86_400_000, "1970-01-01T00:00:00Z"];
    await limiter.setNextAvailableTime("mail", epoch);
    for (let at = 0; at < 30; at++) {
      await limiter.recordExecution("mail");
      await limiter.recordExecution("yearly");
      if (at === 0) await limiter.tryReserveExecution("yearly", 1, 365 * day);
      expect(await limiter.getExecutionCount("mail", epoch)).toBe(Math.min(at + 1, 7));
      expect(await limiter.getExecutionCount("yearly", epoch)).toBe(at + 1);
      vi.advanceTimersByTime(day);
    }
  });

  test("refuse a window so long that no database could tell its start", async () => {
    const limiter = new InMemoryRateLimiterStorage();
    await expect(limiter.tryReserveExecution("mail", 1, 1e15)).rejects.toMatchObject({
      kind: "invalid",
    });
    expect(await limiter.tryReserveExecution("mail", 1, 3e12)).not.toBeNull();
  });

  test("take back what a transaction did that failed", async () => {
    const database = new MemoryDatabase();
    const limiter = new InMemoryRateLimiterStorage({ database });
    const token = await limiter.tryReserveExecution("mail", 1, 1000);
    await limiter.setNextAvailableTime("mail", "2029-01-01T00:00:00Z");
    await withTransaction(database, async (tx) => {
      const view = limiter.with(tx);
      await view.releaseExecution("mail", token as string);
      await view.recordExecution("mail");
      await view.setNextAvailableTime("mail", "2040-01-01T00:00:00Z");
      await view.clear("mail");
      throw new Error("undo");
    }).catch(() => undefined);
    expect(await limiter.getExecutionCount("mail", "2029-01-01T00:00:00Z")).toBe(1);
    expect(await limiter.getNextAvailableTime("mail")).toBe("2029-01-01T00:00:00.000Z");
    expect(await limiter.tryReserveExecution("mail", 1, 1000)).toBeNull();
  });
});

test("execution times stay in order when the clock is set back", () => {
  const times = new ExecutionTimes();
  for (const ms of [30, 10, 20]) times.add({ ms, token: String(ms) });
  expect([0, 1, 2, 3].map((offset) => times.at(offset))).toEqual([10, 20, 30, undefined]);
  times.forgetUpTo(10);
  expect(times.remove(({ token }) => token === "10")).toBeUndefined();
  expect(times.countAfter(0)).toBe(2);
});
