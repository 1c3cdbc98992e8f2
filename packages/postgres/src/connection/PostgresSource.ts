import type { SqlParam, SqlResult } from "@workglow/storage/sql";

/** A statement on its way to the server. */
export interface PostgresQuery {
  readonly text: string;
  readonly params: readonly SqlParam[];
  /** The prepared statement's name; without one it is planned for this call alone. */
  readonly name: string | undefined;
}

/** How a transaction begins. */
export type PostgresIsolation = "serializable" | "read committed" | "snapshot";

/** One connection while a transaction is open on it; statements run one after the other. */
export interface PostgresSession {
  run(query: PostgresQuery, signal?: AbortSignal): Promise<SqlResult>;
  /** Runs commands without parameters or results, several separated by semicolons. */
  command(text: string): Promise<void>;
  /**
   * @throws where the transaction could not be committed, or it is not known whether it was; the
   *   session has ended all the same
   */
  commit(): Promise<void>;
  /** Ends the transaction and gives the connection back; never throws. */
  rollback(): Promise<void>;
}

/** Where connections come from. */
export interface PostgresSource {
  /** The pool or database of the user: the identity by which transactions are matched. */
  readonly handle: object;
  /** Runs one statement by itself, on whatever connection is free. */
  run(query: PostgresQuery, signal?: AbortSignal): Promise<SqlResult>;
  /** Opens a transaction. */
  begin(isolation: PostgresIsolation, signal?: AbortSignal): Promise<PostgresSession>;
}

export const BEGIN: Readonly<Record<PostgresIsolation, string>> = {
  serializable: "BEGIN ISOLATION LEVEL SERIALIZABLE",
  "read committed": "BEGIN ISOLATION LEVEL READ COMMITTED",
  snapshot: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
};
