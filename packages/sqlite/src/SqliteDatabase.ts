import type { StorageCapabilities } from "@workglow/storage";
import type { SqlLogChangeFeed } from "@workglow/storage/sql";
import { sqliteChangeFeed } from "./changes/sqliteChangeFeed.ts";
import type { SqliteHandle } from "./driver/SqliteDriver.ts";
import { openSqlite } from "./openSqlite.ts";
import { SqliteConnection } from "./SqliteConnection.ts";
import { SqliteExecutor } from "./SqliteExecutor.ts";
import { inMemoryCapabilities, sqliteCapabilities } from "./sqliteCapabilities.ts";

/** An open database and what all storages on it share: the order of calls, and the change feed. */
export class SqliteDatabase {
  public readonly executor: SqliteExecutor;
  public readonly connection: SqliteConnection;
  /** What storages on this database can do. */
  public readonly capabilities: StorageCapabilities;
  private feed: SqlLogChangeFeed | undefined;

  /** @param owned whether the handle was opened for one storage alone */
  public constructor(handle: SqliteHandle, owned: boolean) {
    this.connection = new SqliteConnection(handle, owned);
    this.executor = new SqliteExecutor(this.connection);
    const usual = this.connection.isInMemory ? inMemoryCapabilities : sqliteCapabilities;
    this.capabilities = this.connection.isWriteProtected ? { ...usual, writable: false } : usual;
  }

  public get changeFeed(): SqlLogChangeFeed {
    if (this.feed === undefined) {
      const feed = sqliteChangeFeed(this.executor);
      this.executor.watchCommits(() => feed.wake());
      this.feed = feed;
    }
    return this.feed;
  }

  /** Closes the handle once what runs on it has ended. */
  public async close(): Promise<void> {
    await this.feed?.idle();
    await this.executor.idle();
    this.connection.close();
  }
}

/** A database handle of better-sqlite3, node:sqlite or bun:sqlite, or a path to open. */
export type SqliteDatabaseOrPath = SqliteHandle | string;

/** The database of a storage, and whether the storage has to close it. */
export interface UsedDatabase {
  readonly database: SqliteDatabase;
  readonly owned: boolean;
}

const borrowed = new WeakMap<object, SqliteDatabase>();

/**
 * The database behind what a constructor was given. The same handle is always the same database;
 * a path is opened anew, for the storage alone.
 *
 * @throws StorageValidationError for anything else
 */
export function useDatabase(dbOrPath: SqliteDatabaseOrPath): UsedDatabase {
  if (typeof dbOrPath === "string") {
    return { database: new SqliteDatabase(openSqlite(dbOrPath), true), owned: true };
  }
  return { database: borrowedDatabase(dbOrPath), owned: false };
}

/** The database of a handle that the user opened and will close. */
export function borrowedDatabase(handle: SqliteHandle): SqliteDatabase {
  const known = borrowed.get(handle);
  if (known !== undefined) return known;
  const database = new SqliteDatabase(handle, false);
  borrowed.set(handle, database);
  return database;
}
