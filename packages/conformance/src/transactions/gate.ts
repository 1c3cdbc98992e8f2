/** A promise to be resolved from elsewhere: lets a case hold a transaction open. */
export interface Gate {
  readonly passed: Promise<void>;
  open(): void;
}

export function gate(): Gate {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open: () => open() };
}

/**
 * Begins `work` now, in the asynchronous context of its caller, and gives its promise in an object,
 * so that awaiting the beginning does not await the end.
 */
export function begun<T>(work: () => Promise<T>): { readonly done: Promise<T> } {
  const done = work();
  // Whoever awaits `done` gets the rejection; until then it is not unhandled.
  done.catch(() => undefined);
  return { done };
}
