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
  StorageTimeoutError,
  StorageTransactionError,
  StorageValidationError,
} from "@workglow/util";

interface DriverError {
  readonly message?: unknown;
  /** SQLSTATE of the server's errors; `E…` of the operating system's. */
  readonly code?: unknown;
}

/** The SQLSTATE of an error of the server's, `undefined` for what is none. */
export function sqlState(error: unknown): string | undefined {
  const code = (error as DriverError | null | undefined)?.code;
  if (typeof code !== "string" || NETWORK_CODES.has(code)) return undefined;
  return /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Another transaction was in the way: the same statements may succeed when they are run again. */
export function isSerializationFailure(error: unknown): boolean {
  const state = sqlState(original(error));
  return state === "40001" || state === "40P01";
}

/** The same transaction may succeed when it is run again, with its statements prepared anew. */
export function mayRunAgain(error: unknown): boolean {
  const cause = original(error);
  return isSerializationFailure(cause) || isStalePlan(cause) || isLostStatement(cause);
}

const original = (error: unknown): unknown => (error instanceof StorageError ? error.cause : error);

/** Plans that a change of the table has made void. */
export const isStalePlan = (error: unknown): boolean =>
  sqlState(error) === "0A000" && messageOf(error).includes("cached plan");

/** Replicas know no serializable transactions, whether they write or not. */
const isOnReplica = (error: unknown): boolean =>
  sqlState(error) === "0A000" && messageOf(error).includes("hot standby");

/** A prepared statement that this connection has not, or has of somebody else's: a pooler's. */
export function isLostStatement(error: unknown): boolean {
  const state = sqlState(error);
  return state === "26000" || state === "42P05";
}

const messageOf = (error: unknown): string =>
  String((error as DriverError | null)?.message ?? error);

/** Codes of the operating system for connections that cannot be made or end. */
const NETWORK_CODES: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

type Make = (cause: unknown) => StorageError;

const busy =
  (code: string, text: string): Make =>
  (cause) =>
    new StorageBusyError(text, { code, cause });
const fatal =
  (code: string, text: string): Make =>
  (cause) =>
    new StorageError(text, { kind: "fatal", code, cause });
const refused =
  (code: string, text: string): Make =>
  (cause) =>
    new StorageValidationError(text, { code, cause });

const gone = busy("CONNECTION_LOST", "the connection to the database server ended");
const unavailable = busy("UNAVAILABLE", "the database server takes no connections at the moment");
const overloaded = busy("OVERLOADED", "the database server has no connection or memory to spare");
const stale = busy("BUSY", "the table was changed while the statement was on its way");
const noTable: Make = (cause) =>
  new StorageNotSetUpError(
    "a table does not exist: call setupDatabase(), or run what schemaSql() prints",
    { cause },
  );
const noPermission = fatal("PERMISSION", "the role of this connection may not do that");

const readOnly: Make = (cause) =>
  new StorageReadOnlyError("the database accepts no writes", { cause });

/** By SQLSTATE, as appendix A of PostgreSQL's manual lists them. */
const BY_STATE: ReadonlyMap<string, Make> = new Map<string, Make>([
  ["23505", (cause) => new StorageConflictError("the key or a unique index is taken", { cause })],
  ["23P01", (cause) => new StorageConflictError("an exclusion constraint is taken", { cause })],
  ["40001", busy("SERIALIZATION", "another transaction changed what this one read")],
  ["40P01", busy("DEADLOCK", "the call and another one waited for each other")],
  ["55P03", busy("BUSY", "another transaction holds a lock")],
  ["57014", (cause) => new StorageTimeoutError("the server cancelled the statement", { cause })],
  ["57P01", gone],
  ["57P02", gone],
  ["57P03", unavailable],
  ["57P05", gone],
  ["25P03", gone],
  ["25P04", gone],
  ["53300", overloaded],
  ["53200", overloaded],
  ["53400", overloaded],
  ["53100", (cause) => new StorageFullError("the server's disk is full", { cause })],
  ["2200H", (cause) => new StorageFullError("the table has used up its generated keys", { cause })],
  ["42P01", noTable],
  ["3F000", noTable],
  ["42703", missingColumn],
  ["42501", noPermission],
  ["28000", noPermission],
  ["28P01", noPermission],
  ["3D000", fatal("CANNOT_OPEN", "the database does not exist")],
  ["25006", readOnly],
  [
    "25P02",
    (cause) =>
      new StorageTransactionError("a call of this transaction has failed before", { cause }),
  ],
  ["54000", refused("TOO_BIG", "a value is larger than PostgreSQL keeps")],
  [
    "26000",
    fatal(
      "PREPARED",
      "prepared statements do not outlive a statement here: give preparedStatements: false",
    ),
  ],
  ["XX001", (cause) => new StorageCorruptError("the database is damaged", { cause })],
  ["XX002", (cause) => new StorageCorruptError("an index is damaged", { cause })],
]);

/** By the first two characters, where the code itself is not listed. */
const BY_CLASS: ReadonlyMap<string, Make> = new Map<string, Make>([
  ["08", gone],
  ["22", refused("VALUE", "PostgreSQL refuses a value")],
  ["23", refused("CONSTRAINT", "a constraint of the table refuses the row")],
  ["53", overloaded],
  ["57", unavailable],
]);

/** Errors without a code: of the driver and of its pool. */
const BY_MESSAGE: readonly (readonly [RegExp, Make])[] = [
  [
    /timeout exceeded when trying to connect/i,
    busy("POOL_EXHAUSTED", "no connection of the pool became free in time"),
  ],
  [
    /pool after calling end|client was closed|pglite is clos|database (?:is|has been) closed/i,
    (cause) => new StorageClosedError("the database has been closed", { cause }),
  ],
  [/connection terminated|connection error|connection ended|not queryable|socket/i, gone],
  [
    /query read timeout/i,
    (cause) => new StorageTimeoutError("the server did not answer in time", { cause }),
  ],
];

/**
 * Turns an error of the server's or of the driver's into a `StorageError` with the original as its
 * cause. Texts of PostgreSQL stay in the cause; `StorageError`s pass as they are.
 */
export function classifyPostgresError(cause: unknown): unknown {
  if (cause instanceof StorageError) return cause;
  const state = sqlState(cause);
  if (isStalePlan(cause)) return stale(cause);
  if (isOnReplica(cause)) return readOnly(cause);
  if (state !== undefined) {
    const make = BY_STATE.get(state) ?? BY_CLASS.get(state.slice(0, 2));
    return (make ?? fatal("POSTGRES", `PostgreSQL refuses the statement (${state})`))(cause);
  }
  if (NETWORK_CODES.has((cause as DriverError | null)?.code)) return unavailable(cause);
  const message = messageOf(cause);
  const [, make] = BY_MESSAGE.find(([pattern]) => pattern.test(message)) ?? [];
  return (make ?? fatal("DRIVER", "the PostgreSQL driver failed"))(cause);
}

function missingColumn(cause: unknown): StorageError {
  const column = /column "?([^"]+)"? /.exec(messageOf(cause))?.[1];
  return new StorageSchemaMismatchError(
    "the table was made for another schema: call setupDatabase()",
    [column === undefined ? "a column is missing" : `column "${column}" is missing`],
    { cause },
  );
}
