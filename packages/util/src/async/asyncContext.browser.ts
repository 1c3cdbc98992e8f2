import type { AsyncContext } from "./AsyncContext.ts";

/** A context that follows nothing: browsers cannot. */
export function createAsyncContext<T>(): AsyncContext<T> {
  return {
    tracks: false,
    run: (_value, fn) => fn(),
    current: () => undefined,
  };
}
