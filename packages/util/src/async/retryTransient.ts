import pRetry from "p-retry";
import { isTransient } from "../errors/errorKind.ts";

export interface RetryOptions {
  /** How often to try again after the first failure. */
  readonly retries: number;
  /** Milliseconds before the first retry; doubled for each one after it. */
  readonly baseMs: number;
  /** Milliseconds that no pause exceeds. */
  readonly maxMs: number;
  /** Stretches each pause by a random factor from 1 to 2, so that rivals part. Default true. */
  readonly jitter?: boolean;
  readonly signal?: AbortSignal;
}

/** Carries what is no Error through p-retry, which takes Errors only. */
class Thrown extends Error {
  readonly value: unknown;

  constructor(value: unknown) {
    super("not an Error was thrown");
    this.value = value;
  }
}

/**
 * Calls `fn` until it succeeds, fails with an error that is not transient, or the retries are used
 * up; rejects with the last error as it was thrown.
 *
 * @param fn is told which attempt it is, from 1
 * @throws the signal's reason as soon as it aborts, during a pause too
 */
export async function retryTransient<T>(
  fn: (attempt: number) => PromiseLike<T> | T,
  options: RetryOptions,
): Promise<T> {
  try {
    return await pRetry((attempt) => attemptOnce(fn, attempt), {
      retries: options.retries,
      minTimeout: options.baseMs,
      maxTimeout: options.maxMs,
      randomize: options.jitter ?? true,
      signal: options.signal,
      shouldRetry: ({ error }) => isTransient(error),
    });
  } catch (error) {
    throw error instanceof Thrown ? error.value : error;
  }
}

async function attemptOnce<T>(
  fn: (attempt: number) => PromiseLike<T> | T,
  attempt: number,
): Promise<T> {
  try {
    return await fn(attempt);
  } catch (error) {
    throw error instanceof Error ? error : new Thrown(error);
  }
}
