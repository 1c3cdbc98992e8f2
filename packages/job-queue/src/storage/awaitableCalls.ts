import { type Awaitable, Eventual } from "@workglow/storage";
import { isTransient, retryTransient, StorageBusyError, StorageTimeoutError } from "@workglow/util";

/** After a second try at once, as a lost connection is replaced by then. */
const RETRIES = { retries: 2, baseMs: 20, maxMs: 500 } as const;

/** Goes on with the result of `call`, or with its error, however it comes. */
export function settled<T, R>(
  call: () => Awaitable<T>,
  onValue: (value: T) => R,
  onError: (error: unknown) => never,
): Awaitable<R> {
  let result: Awaitable<T>;
  try {
    result = call();
  } catch (error) {
    return onError(error);
  }
  if (result instanceof Promise) return result.then(onValue, onError);
  if (!(result instanceof Eventual)) return onValue(result);
  const next = new Eventual<R>();
  const goOn = (step: () => R): void => {
    try {
      next.resolve(step());
    } catch (error) {
      next.reject(error);
    }
  };
  result.listen(
    (value) => goOn(() => onValue(value)),
    (error) => goOn(() => onError(error)),
  );
  return next;
}

/**
 * Makes a call again that failed for a passing reason, a few times. What waited for a lock until its
 * deadline has been tried often enough.
 */
export function retried<T>(
  call: () => Awaitable<T>,
  signal: AbortSignal | undefined,
): Awaitable<T> {
  const first = call();
  if (first instanceof Promise) {
    return first.catch((error: unknown) => tryAgain(error, call, signal));
  }
  if (!(first instanceof Eventual)) return first;
  const result = new Eventual<T>();
  first.listen(
    (value) => result.resolve(value),
    (error) => {
      tryAgain(error, call, signal).then(
        (value) => result.resolve(value),
        (last: unknown) => result.reject(last),
      );
    },
  );
  return result;
}

async function tryAgain<T>(
  error: unknown,
  call: () => Awaitable<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const waited = error instanceof StorageBusyError || error instanceof StorageTimeoutError;
  if (waited || !isTransient(error)) throw error;
  const options = signal === undefined ? RETRIES : { ...RETRIES, signal };
  return retryTransient(async () => call(), options);
}
