import type { SqlParam, SqlResult, SqlStatement, SqlValue } from "@workglow/storage/sql";
import { StorageUnsupportedError } from "@workglow/util";
import { LRUCache } from "lru-cache";
import { adaptDriver } from "./driver/adaptDriver.ts";
import type { PreparedStatement, SqliteDriver, SqliteHandle } from "./driver/SqliteDriver.ts";
import { sqliteCode } from "./sqliteErrors.ts";

/**
 * How long SQLite itself waits for a lock, in ms, while nothing else runs in this thread. Longer
 * waits are the scheduler's, which leaves the event loop to others.
 */
const BLOCKING_WAIT_MS = 5;
const MOST_STATEMENTS = 500;
/**
 * How many pages the write-ahead log gathers before they are moved to the database: 16 MB of the
 * usual pages. Writes of scattered rows come a third faster than with SQLite's own 1,000.
 */
const LOG_PAGES = 4000;
const DEFAULT_LOG_PAGES = 1000;

interface CachedStatement extends PreparedStatement {
  readonly readOnly: boolean;
}

/** A database handle with its prepared statements. One object per handle: locks belong to it. */
export class SqliteConnection {
  public readonly handle: SqliteHandle;
  public readonly driver: SqliteDriver;
  private readonly owned: boolean;
  private readonly statements = new LRUCache<string, CachedStatement>({ max: MOST_STATEMENTS });
  private configured = false;

  /** @param owned whether the handle was opened here, for one storage alone */
  public constructor(handle: SqliteHandle, owned: boolean) {
    this.handle = handle;
    this.driver = adaptDriver(handle);
    this.owned = owned;
  }

  public get ready(): boolean {
    return this.configured;
  }

  /** Whether there is no file behind it. */
  public get isInMemory(): boolean {
    try {
      const { rows } = this.driver.prepare("PRAGMA database_list").run([]);
      return rows.some(([, name, file]) => name === "main" && file === "");
    } catch {
      // Closed or damaged: calls will tell.
      return false;
    }
  }

  /** Whether the handle, or the file's permissions, allow no writes, as far as SQLite tells. */
  public get isWriteProtected(): boolean {
    try {
      if (this.pragma("query_only") === 1) return true;
      // No pragma tells how the file was opened. This takes no lock: SQLite plans a transaction
      // that reads (0) where it cannot write.
      const statement = this.driver.prepare("EXPLAIN BEGIN IMMEDIATE");
      const { rows } = statement.run([]);
      // Bun leaves it open, and with it what SQLite takes for a transaction.
      statement.close?.();
      return rows.some(
        ([, opcode, db, mode]) => opcode === "Transaction" && db === 0 && mode === 0,
      );
    } catch {
      return false;
    }
  }

  /** Runs one statement now. Errors are the driver's own. */
  public run(statement: SqlStatement): SqlResult {
    const prepared = this.prepared(statement.text);
    const params = statement.params as readonly SqlValue[];
    return statement.single === true ? prepared.runSingle(params) : prepared.run(params);
  }

  public command(text: string): void {
    this.prepared(text).run(NO_PARAMS as readonly SqlValue[]);
  }

  public isReadOnly(text: string): boolean {
    return (this.statements.get(text)?.readOnly ?? READ_ONLY.test(text)) === true;
  }

  /**
   * Sets what the storages rely on, before the first statement: write-ahead log, foreign keys, a
   * short wait for locks. What its owner has set otherwise stays: `synchronous`, and the length of
   * the log. May fail as busy, and is then tried again; so it is where the owner's transaction
   * is open, in which SQLite lets neither the log nor foreign keys be turned on.
   */
  public configure(): void {
    if (this.configured) return;
    this.driver.exec(`PRAGMA busy_timeout = ${BLOCKING_WAIT_MS}; PRAGMA foreign_keys = ON`);
    if (this.pragma("encoding") !== "UTF-8") {
      // UTF-16 text compares by unit there, not by code point.
      throw new StorageUnsupportedError("databases with UTF-16 text", "SQLite storage");
    }
    const { inTransaction } = this.driver;
    if (!inTransaction) this.useWriteAheadLog();
    if (this.pragma("wal_autocheckpoint") === DEFAULT_LOG_PAGES) {
      this.pragma(`wal_autocheckpoint = ${LOG_PAGES}`);
    }
    if (this.owned) this.driver.exec("PRAGMA synchronous = NORMAL");
    this.configured = !inTransaction;
  }

  public close(): void {
    this.statements.clear();
    this.driver.close();
  }

  private useWriteAheadLog(): void {
    const mode = this.pragma("journal_mode");
    if (mode === "wal" || mode === "memory" || mode === "off") return;
    try {
      this.pragma("journal_mode = WAL");
    } catch (error) {
      // A read-only database is read as it is.
      const code = sqliteCode(error);
      if (code !== "SQLITE_READONLY" && code !== "SQLITE_CANTOPEN") throw error;
    }
  }

  private pragma(text: string): unknown {
    return this.driver.prepare(`PRAGMA ${text}`).run([]).rows[0]?.[0];
  }

  private prepared(text: string): CachedStatement {
    let statement = this.statements.get(text);
    if (statement === undefined) {
      statement = { ...this.driver.prepare(text), readOnly: READ_ONLY.test(text) };
      this.statements.set(text, statement);
    }
    return statement;
  }
}

/** What begins like this changes nothing; a WITH may, so that its caller has to say. */
const READ_ONLY = /^\s*(?:SELECT|VALUES|EXPLAIN)\b/i;
const NO_PARAMS: readonly SqlParam[] = [];
