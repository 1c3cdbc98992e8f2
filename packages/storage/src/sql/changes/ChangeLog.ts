import type { SqlProgram, SqlRow } from "../SqlExecutor.ts";
import type { SqlChangeSource, SqlChangeTable } from "./SqlChangeFeed.ts";

/**
 * A committed change as the log has it: values of the source's columns, in their order. `RESYNC`
 * has none: what happened to the table before it is not known.
 */
export interface LoggedChange {
  readonly type: "INSERT" | "UPDATE" | "DELETE" | "RESYNC";
  readonly old: SqlRow | undefined;
  readonly new: SqlRow | undefined;
  readonly position: string;
}

export interface LogPage {
  readonly changes: readonly LoggedChange[];
  /** Everything up to here has been read; where the next page begins. */
  readonly position: string;
  /** Whether there was more than the page could take. */
  readonly more: boolean;
}

/**
 * One subscriber's place in the log of one table. While its lease lives, the table's changes are
 * logged and none behind the subscriber's position is removed.
 */
export interface LogTail {
  /** Where reading begins. */
  readonly start: string;
  /** Whether changes may be missing between the position asked for and `start`. */
  readonly resync: boolean;
  /**
   * The changes that come after a position, at most `limit`; `undefined` where the log no longer
   * has all of them and the subscriber must open it anew.
   */
  read(after: string, limit: number): Promise<LogPage | undefined>;
  /** Ends the lease. `resumable`: keep the changes for a while, someone may come back for them. */
  release(resumable: boolean): Promise<void>;
}

/** A tail and how far its subscriber has got. */
export interface HeldTail {
  readonly tail: LogTail;
  readonly position: string;
}

/** What a database must be able to do for {@link LogChangeFeed}: to log the changes of tables. */
export interface ChangeLog {
  /** How long a lease lives without being renewed, in ms. */
  readonly leaseMs: number;
  /**
   * Arranges that the table's changes are logged, takes a lease, and finds where to begin: at
   * `since` where the log still has what followed it, else at the end.
   */
  open(source: SqlChangeSource<unknown>, since: string | undefined): Promise<LogTail>;
  /** Whether anything may have been logged since the last call: a cheap question. */
  poll(): Promise<boolean>;
  /** Renews leases and removes what every subscriber has read. Gives the tails that had lapsed. */
  renew(held: readonly HeldTail[]): Promise<ReadonlySet<LogTail>>;
  /** See {@link SqlChangeFeed.setupSql}. */
  setupSql(table: SqlChangeTable): readonly string[];
  /** See {@link SqlChangeFeed.isSetUp}. */
  isSetUp(table: SqlChangeTable): SqlProgram<boolean>;
  /** See {@link SqlChangeFeed.interruptSql}. */
  interruptSql(table: string): readonly string[];
  /** See {@link SqlChangeFeed.interrupt}. */
  interrupt(table: string): SqlProgram<void>;
  /** Removes what dead subscribers left behind. */
  sweep(): Promise<void>;
}
