const { process } = globalThis as { process?: { nextTick?: (fn: () => void) => void } };

/**
 * Calls `fn` after the microtasks that are pending now and those that they start, before timers and
 * I/O; in browsers, where there is no such moment, as the next microtask.
 */
export const atEndOfTick: (fn: () => void) => void =
  typeof process?.nextTick === "function"
    ? (fn) => process.nextTick?.(fn)
    : (fn) => queueMicrotask(fn);
