import {
  StorageBusyError,
  StorageConflictError,
  StorageCorruptError,
  StorageError,
  StorageFullError,
  StorageNotSetUpError,
  StorageUnsupportedError,
  StorageValidationError,
} from "@workglow/util";

/** The name by which the browser tells its errors apart, `undefined` for what is none of its. */
export function indexedDbErrorName(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || error instanceof StorageError)
    return undefined;
  const { name } = error as { readonly name?: unknown };
  return typeof name === "string" ? name : undefined;
}

/** Whether a request failed because a key, or the values of a unique index, are taken. */
export function isTaken(error: unknown): boolean {
  return indexedDbErrorName(error) === "ConstraintError";
}

/** Whether a connection was closed under a call that was about to use it. */
export function isConnectionClosed(error: unknown): boolean {
  return indexedDbErrorName(error) === "InvalidStateError";
}

/** Turns an error of the browser into a `StorageError` with it as cause; others pass as they are. */
export function classifyIndexedDbError(cause: unknown): unknown {
  if (cause instanceof StorageError) return cause;
  const name = indexedDbErrorName(cause);
  const known = name === undefined ? undefined : KNOWN[name];
  if (known !== undefined) return known(cause);
  const message = cause instanceof Error ? cause.message : String(cause);
  return new StorageError(message, { kind: "fatal", code: "UNKNOWN", cause });
}

const KNOWN: Readonly<Record<string, (cause: unknown) => StorageError>> = {
  AbortError: (cause) =>
    new StorageBusyError("the browser ended the transaction", { code: "ABORTED", cause }),
  ConstraintError: (cause) =>
    new StorageConflictError("another row has the same key or values of a unique index", { cause }),
  DataCloneError: (cause) =>
    new StorageValidationError("a value is of a kind that IndexedDB does not keep", { cause }),
  DataError: (cause) =>
    new StorageValidationError("a key is of a kind that IndexedDB does not keep", { cause }),
  EncodingError: (cause) => new StorageCorruptError("the database is damaged", { cause }),
  InvalidStateError: (cause) =>
    new StorageBusyError("the connection to the database was closed", { code: "ABORTED", cause }),
  NotFoundError: (cause) => notSetUp(cause),
  NotReadableError: (cause) => new StorageCorruptError("what is stored cannot be read", { cause }),
  QuotaExceededError: (cause) =>
    new StorageFullError("the browser gives this site no more room", { cause }),
  SecurityError: (cause) => refused(cause),
  TimeoutError: (cause) =>
    new StorageBusyError("the browser took too long over a transaction", { cause }),
  TransactionInactiveError: (cause) =>
    new StorageBusyError("the transaction has ended", { code: "ABORTED", cause }),
  UnknownError: (cause) =>
    new StorageError("the browser could not read or write its files", {
      kind: "fatal",
      code: "IO",
      cause,
    }),
  VersionError: (cause) => new StorageBusyError("another tab is upgrading the database", { cause }),
};

/** The error for a table (or a whole database) that is not there. */
export function notSetUp(cause?: unknown): StorageNotSetUpError {
  return new StorageNotSetUpError("the table does not exist: call setupDatabase()", { cause });
}

/** The error for a context that has no IndexedDB, or must not use it (some private modes). */
export function refused(cause?: unknown): StorageUnsupportedError {
  return new StorageUnsupportedError("keeping data in this window or worker", "IndexedDB", {
    operation: "open",
    cause,
  });
}
