/** A value that follows a chain of calls, across `await`. */
export interface AsyncContext<T> {
  /** Calls `fn`; in it, and in all that it awaits or starts, `current()` gives `value`. */
  run<R>(value: T, fn: () => R): R;
  /** The value of the innermost `run` around, `undefined` outside of any. */
  current(): T | undefined;
  /** Whether the runtime can follow calls; if not, `current()` is always `undefined`. */
  readonly tracks: boolean;
}
