export { createAsyncContext } from "#async-context";
export type { AsyncContext } from "./AsyncContext.ts";
export { atEndOfTick } from "./atEndOfTick.ts";
export { type CallOptions, throwIfAborted } from "./CallOptions.ts";
export { type RetryOptions, retryTransient } from "./retryTransient.ts";
export { sleep } from "./sleep.ts";
export { untilAborted } from "./untilAborted.ts";
export { withCallOptions } from "./withCallOptions.ts";
