import type { SqliteHandle } from "./driver/SqliteDriver.ts";
import {
  loadDriver,
  openSqlite,
  type SqliteDriverName,
  type SqliteOpenOptions,
} from "./openSqlite.ts";

/** A database of whichever driver is loaded; with the driver's own methods beside these. */
export type SqliteDatabaseHandle = SqliteHandle;

type DatabaseConstructor = new (path: string, options?: SqliteOpenOptions) => SqliteDatabaseHandle;

/**
 * Opens SQLite files with the driver that is there: better-sqlite3, node:sqlite or bun:sqlite.
 *
 * ```ts
 * await Sqlite.init();
 * const db = new Sqlite.Database("./app.db");
 * ```
 */
export const Sqlite: {
  /**
   * Loads the driver: bun:sqlite under Bun, elsewhere better-sqlite3 or else node:sqlite.
   * Needed only to choose another one, or to learn early that there is none.
   *
   * @throws StorageUnsupportedError where the driver, or any, is missing
   */
  init(options?: { readonly driver?: SqliteDriverName }): Promise<void>;
  /**
   * Opens a file (`":memory:"` for none), with a write-ahead log, `synchronous = NORMAL` and
   * foreign keys. The result is the driver's own database object, to be closed by its owner.
   */
  readonly Database: DatabaseConstructor;
} = {
  async init(options = {}) {
    loadDriver(options.driver);
  },
  // Called with `new`, a function that returns an object gives that object: the driver's own.
  Database: function Database(path: string, options?: SqliteOpenOptions): SqliteDatabaseHandle {
    return openSqlite(path, options);
  } as unknown as DatabaseConstructor,
};
