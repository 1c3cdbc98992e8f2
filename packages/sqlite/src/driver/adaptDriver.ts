import type { SqlResult, SqlRow, SqlValue } from "@workglow/storage/sql";
import { StorageUnsupportedError, StorageValidationError } from "@workglow/util";
import type { PreparedStatement, SqliteDriver, SqliteHandle } from "./SqliteDriver.ts";

// Drivers are taken by structure: these are the parts of their statements that are used. Whole
// numbers come as numbers, also where the handle's owner wants them as bigints: what may be larger
// is read as text.

interface BetterSqlite3Statement {
  readonly reader: boolean;
  raw(on: true): this;
  safeIntegers(on: false): this;
  all(...params: readonly SqlValue[]): SqlRow[];
  get(...params: readonly SqlValue[]): SqlRow | undefined;
  run(...params: readonly SqlValue[]): { readonly changes: number };
}

interface NodeStatement {
  columns(): readonly unknown[];
  setReturnArrays(on: true): void;
  setReadBigInts(on: false): void;
  all(...params: readonly SqlValue[]): unknown[];
  get(...params: readonly SqlValue[]): unknown;
  run(...params: readonly SqlValue[]): { readonly changes: number | bigint };
}

interface BunStatement {
  readonly columnNames: readonly string[];
  safeIntegers?(on: false): unknown;
  values(...params: readonly SqlValue[]): SqlRow[];
  finalize(): void;
  run(...params: readonly SqlValue[]): { readonly changes: number };
}

interface AnyHandle extends SqliteHandle {
  readonly inTransaction?: boolean;
  readonly isTransaction?: boolean;
  readonly isOpen?: boolean;
  pragma?: unknown;
  query?: unknown;
  enableLoadExtension?: unknown;
}

/**
 * One interface over a handle of better-sqlite3, node:sqlite or bun:sqlite.
 *
 * @throws StorageValidationError for anything else
 * @throws StorageUnsupportedError for node:sqlite of Node before 22.16, which gives no rows as arrays
 */
export function adaptDriver(handle: unknown): SqliteDriver {
  if (!isHandle(handle)) {
    throw new StorageValidationError(
      "a SQLite storage takes a path, or a database of better-sqlite3, node:sqlite or bun:sqlite",
    );
  }
  if (typeof handle.pragma === "function") {
    return driver("better-sqlite3", handle, () => handle.inTransaction === true, betterSqlite3);
  }
  if (typeof handle.query === "function") {
    return driver("bun:sqlite", handle, () => handle.inTransaction === true, bun);
  }
  if (!("isTransaction" in handle)) {
    throw new StorageUnsupportedError("storages", "node:sqlite of Node before 22.16");
  }
  // A closed handle throws where the others say no.
  const inTransaction = (): boolean => handle.isOpen === true && handle.isTransaction === true;
  return driver("node:sqlite", handle, inTransaction, node);
}

function isHandle(value: unknown): value is AnyHandle {
  if (typeof value !== "object" || value === null) return false;
  const { prepare, exec, close } = value as Partial<Record<keyof SqliteHandle, unknown>>;
  return [prepare, exec, close].every((method) => typeof method === "function");
}

function driver(
  name: SqliteDriver["name"],
  handle: AnyHandle,
  inTransaction: () => boolean,
  adapt: (statement: object) => PreparedStatement,
): SqliteDriver {
  return {
    name,
    get inTransaction() {
      return inTransaction();
    },
    prepare: (text) => adapt(handle.prepare(text)),
    exec: (text) => void handle.exec(text),
    close: () => void handle.close(),
  };
}

type Run = PreparedStatement["run"];

const NO_ROWS: readonly SqlRow[] = [];
const withRows = (rows: readonly SqlRow[]): SqlResult => ({ rows, changes: rows.length });
const withRow = (row: SqlRow | undefined | null): SqlResult =>
  row === undefined || row === null ? { rows: NO_ROWS, changes: 0 } : { rows: [row], changes: 1 };
const withoutRows = (changes: number): SqlResult => ({ rows: NO_ROWS, changes });
const always = (reader: boolean, run: Run, runSingle = run): PreparedStatement => ({
  reader,
  run,
  runSingle,
});

function betterSqlite3(given: object): PreparedStatement {
  const statement = given as BetterSqlite3Statement;
  if (!statement.reader) return always(false, (p) => withoutRows(statement.run(...p).changes));
  statement.raw(true).safeIntegers(false);
  return always(
    true,
    (params) => withRows(statement.all(...params)),
    (params) => withRow(statement.get(...params)),
  );
}

function node(given: object): PreparedStatement {
  const statement = given as NodeStatement;
  if (statement.columns().length === 0) {
    return always(false, (params) => withoutRows(Number(statement.run(...params).changes)));
  }
  statement.setReturnArrays(true);
  statement.setReadBigInts(false);
  return always(
    true,
    (params) => withRows(statement.all(...params) as SqlRow[]),
    (params) => withRow(statement.get(...params) as SqlRow | undefined),
  );
}

function bun(given: object): PreparedStatement {
  const statement = given as BunStatement;
  if (statement.columnNames.length === 0) {
    return always(false, (params) => withoutRows(statement.run(...params).changes));
  }
  statement.safeIntegers?.(false);
  const adapted = always(true, (params) => withRows(statement.values(...params)));
  return { ...adapted, close: () => statement.finalize() };
}
