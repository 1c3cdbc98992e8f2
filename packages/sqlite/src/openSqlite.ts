import { createRequire } from "node:module";
import { basename } from "node:path";
import { StorageError, StorageUnsupportedError, StorageValidationError } from "@workglow/util";
import type { SqliteHandle } from "./driver/SqliteDriver.ts";
import { classifySqliteError, sqliteCode } from "./sqliteErrors.ts";

export type SqliteDriverName = "better-sqlite3" | "node:sqlite" | "bun:sqlite";

export interface SqliteOpenOptions {
  /** Opens the file for reading only; it has to exist. */
  readonly readOnly?: boolean;
}

type Open = (path: string, options: SqliteOpenOptions) => SqliteHandle;

const require = createRequire(import.meta.url);

interface LoadedDriver {
  readonly name: SqliteDriverName;
  readonly open: Open;
}

let loaded: LoadedDriver | undefined;

/**
 * Opens a database with the driver that is loaded, or with the first one that can be.
 *
 * @throws StorageError with the code `CANNOT_OPEN`, the file's name and the operation `open`
 */
export function openSqlite(path: string, options: SqliteOpenOptions = {}): SqliteHandle {
  if (typeof path !== "string" || path === "" || path.includes("\0")) {
    throw new StorageValidationError("a SQLite database is opened by a path");
  }
  const { open } = loaded ?? loadDriver();
  let handle: SqliteHandle;
  try {
    handle = open(path, options);
  } catch (error) {
    throw cannotOpen(error, path);
  }
  configureOwn(handle, options);
  return handle;
}

function cannotOpen(cause: unknown, path: string): unknown {
  const text = "the database file cannot be opened";
  const error =
    sqliteCode(cause) === undefined
      ? new StorageError(text, { kind: "fatal", code: "CANNOT_OPEN", cause })
      : classifySqliteError(cause);
  return error instanceof StorageError ? error.locate(nameOf(path), "open") : error;
}

/** The file's name. A URL, also one that is meant for another database, may contain a secret. */
const nameOf = (path: string): string =>
  /^[a-z][\w+.-]+:/i.test(path) ? "SQLite" : basename(path);

/**
 * Loads a driver, which later calls of {@link openSqlite} use.
 *
 * @param name the driver wanted; else bun:sqlite under Bun, and better-sqlite3 or node:sqlite elsewhere
 * @throws StorageUnsupportedError where there is none
 */
export function loadDriver(name?: SqliteDriverName): LoadedDriver {
  if (name !== undefined && !Object.hasOwn(OPENERS, name)) {
    throw new StorageValidationError(
      "a SQLite driver is better-sqlite3, node:sqlite or bun:sqlite",
    );
  }
  const failures: unknown[] = [];
  for (const candidate of name === undefined ? candidates() : [name]) {
    try {
      loaded = { name: candidate, open: OPENERS[candidate]() };
      return loaded;
    } catch (error) {
      failures.push(error);
    }
  }
  throw new StorageUnsupportedError(
    name === undefined
      ? "SQLite without better-sqlite3, node:sqlite or bun:sqlite"
      : `SQLite without ${name}`,
    "this JavaScript runtime",
    {
      cause:
        failures.length === 1
          ? failures[0]
          : new AggregateError(failures, "no driver could be loaded"),
    },
  );
}

function candidates(): readonly SqliteDriverName[] {
  return "Bun" in globalThis ? ["bun:sqlite"] : ["better-sqlite3", "node:sqlite"];
}

type Constructor = new (path: string, options?: object) => SqliteHandle;
type NodeHandle = SqliteHandle & { enableLoadExtension(on: boolean): void };

const OPENERS: Readonly<Record<SqliteDriverName, () => Open>> = {
  "better-sqlite3": () => {
    const Database = require("better-sqlite3") as Constructor;
    // The package loads its binary with the first database.
    new Database(":memory:").close();
    return (path, { readOnly = false }) => new Database(path, { readonly: readOnly });
  },
  "node:sqlite": () => {
    const { DatabaseSync } = require("node:sqlite") as {
      readonly DatabaseSync: new (...args: ConstructorParameters<Constructor>) => NodeHandle;
    };
    return (path, { readOnly = false }) => {
      const handle = new DatabaseSync(path, { readOnly, allowExtension: true });
      // Whoever needs an extension turns this on while it is loaded; statements never can.
      handle.enableLoadExtension(false);
      return handle;
    };
  },
  "bun:sqlite": () => {
    const { Database } = require("bun:sqlite") as { readonly Database: Constructor };
    return (path, { readOnly = false }) =>
      new Database(path, readOnly ? { readonly: true } : { readwrite: true, create: true });
  },
};

/**
 * What one expects of a database opened by this package also in one's own statements. It needs no
 * lock; what does is left to the first call of a storage, which can wait without blocking.
 */
function configureOwn(handle: SqliteHandle, { readOnly }: SqliteOpenOptions): void {
  try {
    handle.exec("PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL");
    if (readOnly !== true) handle.exec("PRAGMA journal_mode = WAL");
  } catch {
    // Damaged, locked or read-only: the first call tells, with an error of its own.
  }
}
