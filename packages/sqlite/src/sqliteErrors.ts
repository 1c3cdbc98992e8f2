import {
  StorageBusyError,
  StorageClosedError,
  StorageConflictError,
  StorageCorruptError,
  StorageError,
  StorageFullError,
  StorageNotSetUpError,
  StorageReadOnlyError,
  StorageSchemaMismatchError,
  StorageTransactionError,
  StorageValidationError,
} from "@workglow/util";

/** Result codes of SQLite that mean something to a caller, by the number of their lowest byte. */
const PRIMARY_CODES: ReadonlyMap<number, string> = new Map([
  [1, "SQLITE_ERROR"],
  [3, "SQLITE_PERM"],
  [4, "SQLITE_ABORT"],
  [5, "SQLITE_BUSY"],
  [6, "SQLITE_LOCKED"],
  [7, "SQLITE_NOMEM"],
  [8, "SQLITE_READONLY"],
  [9, "SQLITE_INTERRUPT"],
  [10, "SQLITE_IOERR"],
  [11, "SQLITE_CORRUPT"],
  [13, "SQLITE_FULL"],
  [14, "SQLITE_CANTOPEN"],
  [15, "SQLITE_PROTOCOL"],
  [18, "SQLITE_TOOBIG"],
  [19, "SQLITE_CONSTRAINT"],
  [20, "SQLITE_MISMATCH"],
  [23, "SQLITE_AUTH"],
  [26, "SQLITE_NOTADB"],
]);

/** Extended codes of SQLITE_CONSTRAINT that mean "taken": PRIMARYKEY, UNIQUE and ROWID. */
const TAKEN_CODES: ReadonlySet<number | string> = new Set<number | string>([
  1555,
  2067,
  2579,
  "SQLITE_CONSTRAINT_PRIMARYKEY",
  "SQLITE_CONSTRAINT_UNIQUE",
  "SQLITE_CONSTRAINT_ROWID",
]);

const PRIMARY_NAMES = new Set(PRIMARY_CODES.values());

interface DriverError {
  readonly message?: unknown;
  /** better-sqlite3 and bun:sqlite: the extended code's name; node:sqlite: `ERR_…`. */
  readonly code?: unknown;
  /** node:sqlite: the extended code. */
  readonly errcode?: unknown;
  /** bun:sqlite: the extended code. */
  readonly errno?: unknown;
}

/** The name of an error's primary result code, `undefined` for what is no error of SQLite. */
export function sqliteCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { code, errcode, errno } = error as DriverError;
  const number = errcode ?? errno;
  if (typeof number === "number") return PRIMARY_CODES.get(number & 0xff) ?? "SQLITE_OTHER";
  if (typeof code !== "string" || !code.startsWith("SQLITE_")) return undefined;
  // SQLITE_BUSY_SNAPSHOT → SQLITE_BUSY
  const primary = code.split("_", 2).join("_");
  return PRIMARY_NAMES.has(primary) ? primary : "SQLITE_OTHER";
}

/** Whether another connection was in the way, so that the same may succeed a little later. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === "SQLITE_BUSY" || code === "SQLITE_LOCKED" || code === "SQLITE_PROTOCOL";
}

const FATAL_TO_TRANSACTION: ReadonlySet<string | undefined> = new Set([
  "SQLITE_FULL",
  "SQLITE_IOERR",
  "SQLITE_NOMEM",
  "SQLITE_CORRUPT",
  "SQLITE_NOTADB",
  "SQLITE_INTERRUPT",
]);

/** Whether nothing else of the same transaction can be relied on. */
export function isFatalToTransaction(error: unknown): boolean {
  return FATAL_TO_TRANSACTION.has(sqliteCode(error));
}

/**
 * Turns an error of any of the drivers into a `StorageError` with the driver's as its cause. Texts
 * of SQLite stay in the cause; `StorageError`s pass as they are.
 */
export function classifySqliteError(cause: unknown): unknown {
  if (cause instanceof StorageError) return cause;
  const code = sqliteCode(cause);
  const message = String((cause as DriverError | null)?.message ?? cause);
  if (code === undefined) return withoutCode(cause, message);
  switch (code) {
    case "SQLITE_BUSY":
    case "SQLITE_LOCKED":
    case "SQLITE_PROTOCOL":
      return new StorageBusyError("the database is locked by another connection", { cause });
    case "SQLITE_CORRUPT":
      return new StorageCorruptError("the database file is damaged", { cause });
    case "SQLITE_NOTADB":
      return new StorageCorruptError("the file is not a SQLite database, or is encrypted", {
        cause,
      });
    case "SQLITE_FULL":
      return new StorageFullError("the disk or the database is full", { cause });
    case "SQLITE_READONLY":
      return new StorageReadOnlyError("the database accepts no writes", { cause });
    case "SQLITE_CONSTRAINT":
      return constraintError(cause);
    case "SQLITE_ERROR":
      return genericError(cause, message);
    case "SQLITE_TOOBIG":
      return new StorageValidationError("a value is larger than SQLite keeps", {
        cause,
        code: "TOO_BIG",
      });
    case "SQLITE_INTERRUPT":
      return new StorageError("the statement was interrupted", {
        kind: "transient",
        code: "INTERRUPTED",
        cause,
      });
    default: {
      const [text, ownCode] = FATAL_TEXTS[code] ?? [`SQLite failed with ${code}`, "SQLITE"];
      return new StorageError(text, { kind: "fatal", code: ownCode, cause });
    }
  }
}

const FATAL_TEXTS: Readonly<Record<string, readonly [text: string, code: string]>> = {
  SQLITE_IOERR: ["the operating system failed to read or write the database file", "IO"],
  SQLITE_CANTOPEN: ["the database file cannot be opened", "CANNOT_OPEN"],
  SQLITE_NOMEM: ["SQLite is out of memory", "NO_MEMORY"],
  SQLITE_PERM: ["the database file must not be accessed", "PERMISSION"],
  SQLITE_AUTH: ["the statement is not authorized", "PERMISSION"],
};

function constraintError(cause: unknown): StorageError {
  const { code, errcode, errno } = cause as DriverError;
  if ([code, errcode, errno].some((value) => TAKEN_CODES.has(value as number | string))) {
    return new StorageConflictError("the key or a unique index is taken", { cause });
  }
  return new StorageValidationError("a constraint of the table refuses the row", {
    cause,
    code: "CONSTRAINT",
  });
}

function genericError(cause: unknown, message: string): StorageError {
  const table = /^no such table: (?:main\.)?(.+)$/s.exec(message)?.[1];
  if (table !== undefined) {
    return new StorageNotSetUpError(
      `table "${table}" does not exist: call setupDatabase(), or run what schemaSql() prints`,
      { cause },
    );
  }
  const column = /no such column: (.+)$|has no column named (.+)$/s.exec(message);
  if (column !== null) {
    return new StorageSchemaMismatchError(
      "the table was made for another schema: call setupDatabase()",
      [`column "${column[1] ?? column[2]}" is missing`],
      { cause },
    );
  }
  if (message.includes("within a transaction")) {
    return new StorageTransactionError(
      "the database handle is inside a transaction of its owner: use withTransaction",
      { cause },
    );
  }
  return new StorageError("SQLite refuses the statement", { kind: "fatal", code: "SQLITE", cause });
}

function withoutCode(cause: unknown, message: string): unknown {
  // The database "is not open", is "closed" or its statements are "finalized".
  if (/is not open|\bclosed\b|finalized/i.test(message)) {
    return new StorageClosedError("the database has been closed", { cause });
  }
  return new StorageError("the SQLite driver failed", { kind: "fatal", code: "DRIVER", cause });
}
