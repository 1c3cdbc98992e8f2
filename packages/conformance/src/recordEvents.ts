interface Emitter {
  on(name: string, fn: (...args: unknown[]) => void): void;
}

/** Everything that a storage emits from now on, as `[name, ...arguments]`, in order. */
export function recordEvents(storage: object, names: readonly string[]): unknown[][] {
  const log: unknown[][] = [];
  for (const name of names) {
    (storage as Emitter).on(name, (...args) => log.push([name, ...args]));
  }
  return log;
}

/** Takes what has been recorded so far out of the log. */
export function drain(log: unknown[][]): unknown[][] {
  return log.splice(0);
}
