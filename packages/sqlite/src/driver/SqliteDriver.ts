import type { SqlResult, SqlValue } from "@workglow/storage/sql";

/** A prepared statement of any driver. */
export interface PreparedStatement {
  /** Whether it gives rows. */
  readonly reader: boolean;
  /** Runs it to the end: rows as arrays for a reader, the number of changed rows for others. */
  run(params: readonly SqlValue[]): SqlResult;
  /** The same for a statement that gives at most one row. */
  runSingle(params: readonly SqlValue[]): SqlResult;
  /** Ends it, on drivers that may keep one open after its last row. */
  close?(): void;
}

/** One open database of any driver. */
export interface SqliteDriver {
  readonly name: "better-sqlite3" | "node:sqlite" | "bun:sqlite";
  /** Whether a transaction is open on the connection. */
  readonly inTransaction: boolean;
  prepare(text: string): PreparedStatement;
  /** Runs statements without parameters or results. */
  exec(text: string): void;
  close(): void;
}

/** What all three drivers have in common: enough to tell a database handle from anything else. */
export interface SqliteHandle {
  prepare(text: string): object;
  exec(text: string): unknown;
  close(): unknown;
}
