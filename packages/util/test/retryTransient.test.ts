import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { retryTransient, StorageBusyError, StorageConflictError } from "../src/index.ts";

const options = { retries: 3, baseMs: 10, maxMs: 25, jitter: false };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("retryTransient", () => {
  test("tries again after transient errors, with growing pauses up to the limit", async () => {
    const start = Date.now();
    const times: number[] = [];
    const fn = vi.fn(async (attempt: number) => {
      times.push(Date.now() - start);
      if (attempt < 4) throw new StorageBusyError("locked");
      return "done";
    });
    const result = retryTransient(fn, options);
    await vi.runAllTimersAsync();
    await expect(result).resolves.toBe("done");
    expect(fn.mock.calls).toEqual([[1], [2], [3], [4]]);
    expect(times).toEqual([0, 10, 30, 55]);
  });

  test("stretches pauses at random unless told not to", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const start = Date.now();
    const times: number[] = [];
    const result = retryTransient(
      async (attempt) => {
        times.push(Date.now() - start);
        if (attempt === 1) throw new StorageBusyError("locked");
      },
      { retries: 1, baseMs: 10, maxMs: 25 },
    );
    await vi.runAllTimersAsync();
    await result;
    expect(times).toEqual([0, 15]);
  });

  test("rejects with the last error when the retries are used up", async () => {
    const errors = [1, 2, 3, 4].map((count) => new StorageBusyError(`try ${count}`));
    const result = retryTransient((attempt) => Promise.reject(errors[attempt - 1]), options);
    const settled = expect(result).rejects.toBe(errors[3]);
    await vi.runAllTimersAsync();
    await settled;
  });

  test("does not repeat what failed for good", async () => {
    const error = new StorageConflictError("exists");
    const fn = vi.fn(() => Promise.reject(error));
    await expect(retryTransient(fn, options)).rejects.toBe(error);
    expect(fn).toHaveBeenCalledTimes(1);
  });

  test("passes on what is no Error as it was thrown", async () => {
    const thrown = { odd: true };
    await expect(retryTransient(() => Promise.reject(thrown), options)).rejects.toBe(thrown);
  });

  test("knows a transient cause below a TypeError-free wrapper", async () => {
    const fn = vi.fn((attempt: number) => {
      if (attempt === 1) throw new Error("outer", { cause: new StorageBusyError("locked") });
      return attempt;
    });
    const result = retryTransient(fn, options);
    await vi.runAllTimersAsync();
    await expect(result).resolves.toBe(2);
  });

  test("stops with the signal's reason, in the middle of a pause", async () => {
    const controller = new AbortController();
    const fn = vi.fn(() => Promise.reject(new StorageBusyError("locked")));
    const result = retryTransient(fn, { ...options, baseMs: 20, signal: controller.signal });
    const reason = new Error("enough");
    const settled = expect(result).rejects.toBe(reason);
    await vi.advanceTimersByTimeAsync(5);
    controller.abort(reason);
    await settled;
    expect(fn).toHaveBeenCalledTimes(1);
  });
});
