import { indexedDbErrorName } from "../indexedDbErrors.ts";

/** The error of a transaction that was aborted for no reason that the browser tells. */
function abortError(): DOMException {
  return new DOMException("the transaction was aborted", "AbortError");
}

/** Aborts a transaction that may have ended already. */
export function abortQuietly(raw: IDBTransaction): void {
  try {
    raw.abort();
  } catch {
    // It has ended: there is nothing left to take back.
  }
}

/** What requests, and attempts to make them, say of a transaction that has been aborted. */
const CONSEQUENCES: ReadonlySet<string | undefined> = new Set([
  "AbortError",
  "InvalidStateError",
  "TransactionInactiveError",
]);

/**
 * Why a transaction was aborted: those of its requests that come after the one that failed tell only
 * that it was.
 */
export function abortCause(
  raw: IDBTransaction,
  failure: { readonly error: unknown } | undefined,
): unknown {
  const told = failure?.error;
  if (failure !== undefined && !CONSEQUENCES.has(indexedDbErrorName(told))) return told;
  return raw.error ?? told ?? abortError();
}

/** Commits a transaction that may have ended already. */
export function commitQuietly(raw: IDBTransaction): void {
  try {
    raw.commit?.();
  } catch {
    // It has ended, or been aborted: whoever waits for it is told so.
  }
}
