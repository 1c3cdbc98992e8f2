import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  StorageTimeoutError,
  StorageValidationError,
  sleep,
  throwIfAborted,
  withCallOptions,
} from "../src/index.ts";

const forever = () => new Promise<never>(() => {});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Counts the abort listeners that a signal has. */
function watched(signal: AbortSignal): { readonly signal: AbortSignal; count: () => number } {
  const add = vi.spyOn(signal, "addEventListener");
  const remove = vi.spyOn(signal, "removeEventListener");
  return { signal, count: () => add.mock.calls.length - remove.mock.calls.length };
}

describe("throwIfAborted", () => {
  test("throws the signal's reason, if it is aborted", () => {
    const reason = { why: "any value" };
    const signal = AbortSignal.abort(reason);
    expect(() => throwIfAborted()).not.toThrow();
    expect(() => throwIfAborted({})).not.toThrow();
    expect(() => throwIfAborted({ signal: new AbortController().signal })).not.toThrow();
    let thrown: unknown;
    try {
      throwIfAborted({ signal });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBe(reason);
  });
});

describe("withCallOptions", () => {
  test("without options gives back the very promise of the call", () => {
    const promise = Promise.resolve(1);
    const run = vi.fn(() => promise);
    expect(withCallOptions(undefined, run)).toBe(promise);
    expect(withCallOptions({}, run)).toBe(promise);
    expect(run.mock.calls).toEqual([[undefined], [undefined]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("rejects with the signal's reason, whether or not the call settles", async () => {
    const controller = new AbortController();
    const { signal, count } = watched(controller.signal);
    const given = vi.fn(forever);
    const call = withCallOptions({ signal }, given);
    expect(given).toHaveBeenCalledWith(signal);
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
    expect(count()).toBe(0);
  });

  test("does not start with a signal aborted before", async () => {
    const run = vi.fn(forever);
    const signal = AbortSignal.abort(new Error("too late"));
    await expect(withCallOptions({ signal }, run)).rejects.toThrow("too late");
    expect(run).not.toHaveBeenCalled();
  });

  test("rejects with a timeout and aborts what the call was given", async () => {
    let given: AbortSignal | undefined;
    const call = withCallOptions({ timeoutMs: 50 }, (signal) => {
      given = signal;
      return forever();
    });
    const settled = expect(call).rejects.toBeInstanceOf(StorageTimeoutError);
    await vi.advanceTimersByTimeAsync(49);
    expect(given?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    await settled;
    expect(given?.reason).toBeInstanceOf(StorageTimeoutError);
  });

  test("with both, the first to come decides, for the call too", async () => {
    const controller = new AbortController();
    const { signal, count } = watched(controller.signal);
    let given: AbortSignal | undefined;
    const call = withCallOptions({ signal, timeoutMs: 50 }, (inner) => {
      given = inner;
      return forever();
    });
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
    expect(given?.reason).toBe(reason);
    expect(vi.getTimerCount()).toBe(0);
    expect(count()).toBe(0);
  });

  test("clears timer and listener when the call succeeds, fails or throws", async () => {
    const { signal, count } = watched(new AbortController().signal);
    const options = { signal, timeoutMs: 50 };
    await expect(withCallOptions(options, async () => "done")).resolves.toBe("done");
    await expect(withCallOptions(options, () => Promise.reject(new Error("no")))).rejects.toThrow(
      "no",
    );
    const throwing = () => {
      throw new Error("at once");
    };
    await expect(withCallOptions(options, throwing)).rejects.toThrow("at once");
    expect(vi.getTimerCount()).toBe(0);
    expect(count()).toBe(0);
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, "50", null])(
    "refuses a timeout of %j before the call",
    async (timeoutMs) => {
      const run = vi.fn(forever);
      const call = withCallOptions({ timeoutMs: timeoutMs as number }, run);
      await expect(call).rejects.toBeInstanceOf(StorageValidationError);
      expect(run).not.toHaveBeenCalled();
    },
  );

  test.each([null, {}, "signal"])("refuses %j as a signal", async (signal) => {
    const call = withCallOptions({ signal: signal as unknown as AbortSignal }, forever);
    await expect(call).rejects.toBeInstanceOf(StorageValidationError);
  });
});

describe("sleep", () => {
  test("resolves after its time and leaves no listener", async () => {
    const { signal, count } = watched(new AbortController().signal);
    const done = vi.fn();
    const slept = sleep(100, signal).then(done);
    await vi.advanceTimersByTimeAsync(99);
    expect(done).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    await slept;
    expect(done).toHaveBeenCalledOnce();
    expect(count()).toBe(0);
  });

  test("rejects with the signal's reason, before and during", async () => {
    const controller = new AbortController();
    const slept = sleep(100, controller.signal);
    controller.abort(new Error("wake up"));
    await expect(slept).rejects.toThrow("wake up");
    await expect(sleep(100, controller.signal)).rejects.toThrow("wake up");
    expect(vi.getTimerCount()).toBe(0);
  });
});
