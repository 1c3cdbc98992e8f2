/** May be given last to any method that does I/O. */
export type CallOptions = {
  /** Aborting it rejects the call with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Milliseconds after which the call rejects with a StorageTimeoutError. */
  readonly timeoutMs?: number;
};

/** @throws the signal's reason if it is aborted. */
export function throwIfAborted(options?: CallOptions): void {
  options?.signal?.throwIfAborted();
}
