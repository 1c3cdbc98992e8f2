import { StorageTimeoutError } from "../errors/StorageTimeoutError.ts";
import { StorageValidationError } from "../errors/StorageValidationError.ts";
import type { CallOptions } from "./CallOptions.ts";

/** Beyond this, timers fire at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * Runs a call under its options. The promise rejects as soon as the signal aborts (with its
 * reason) or the time is up (StorageTimeoutError), whatever `run` does then; `run` is given a
 * signal for both, so that it can stop too. Without options this is `run(undefined)`.
 *
 * @throws StorageValidationError where an option is not what it should be; `run` is not called.
 */
export function withCallOptions<T>(
  options: CallOptions | undefined,
  run: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  if (options === undefined) return run(undefined);
  if (typeof options !== "object" || options === null) {
    return Promise.reject(new StorageValidationError("the options of a call are an object"));
  }
  const { signal, timeoutMs } = options;
  if (signal === undefined && timeoutMs === undefined) return run(undefined);
  try {
    checkOptions(signal, timeoutMs);
    signal?.throwIfAborted();
  } catch (error) {
    return Promise.reject(error);
  }
  return runUnder(signal, timeoutMs, run);
}

function runUnder<T>(
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
  run: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    // The caller's own signal serves unless a timer has to abort as well.
    const controller = timeoutMs === undefined ? undefined : new AbortController();
    const stop = (reason: unknown) => {
      release();
      reject(reason);
      controller?.abort(reason);
    };
    const onAbort = () => stop(signal?.reason);
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(
            () => stop(new StorageTimeoutError(`took longer than ${timeoutMs} ms`)),
            timeoutMs,
          );
    const release = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    signal?.addEventListener("abort", onAbort, { once: true });

    const settle = async () => {
      try {
        resolve(await run(controller?.signal ?? signal));
      } catch (error) {
        reject(error);
      } finally {
        release();
      }
    };
    void settle();
  });
}

function checkOptions(signal: AbortSignal | undefined, timeoutMs: number | undefined): void {
  const inRange = typeof timeoutMs === "number" && timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS;
  if (timeoutMs !== undefined && !inRange) {
    throw new StorageValidationError(
      `timeoutMs must be a number of milliseconds above 0 and at most ${MAX_TIMEOUT_MS}`,
    );
  }
  if (signal !== undefined && typeof signal?.addEventListener !== "function") {
    throw new StorageValidationError("signal must be an AbortSignal");
  }
}
