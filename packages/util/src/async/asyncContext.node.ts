import { AsyncLocalStorage } from "node:async_hooks";
import type { AsyncContext } from "./AsyncContext.ts";

/** A context that follows calls, on AsyncLocalStorage. */
export function createAsyncContext<T>(): AsyncContext<T> {
  const storage = new AsyncLocalStorage<T>();
  return {
    tracks: true,
    run: (value, fn) => storage.run(value, fn),
    current: () => storage.getStore(),
  };
}
