/** A physical table whose changes are wanted, and how its logged rows become a subscriber's. */
export interface LogSource<Row, T> {
  /** The table's name in the database. */
  readonly table: string;
  /** Makes a row of a logged one. Called once per row and subscriber. */
  decode(row: Row): T;
}

/**
 * A committed change as the log has it. `RESYNC` has no rows: what happened to the table before it
 * is not known.
 */
export interface LogEntry<Row> {
  readonly type: "INSERT" | "UPDATE" | "DELETE" | "RESYNC";
  readonly old: Row | undefined;
  readonly new: Row | undefined;
  readonly position: string;
}

export interface LogPage<Row> {
  readonly changes: readonly LogEntry<Row>[];
  /** Everything up to here has been read; where the next page begins. */
  readonly position: string;
  /** Whether there was more than the page could take. */
  readonly more: boolean;
}

/**
 * One subscriber's place in the log of one table. While its lease lives, the table's changes are
 * logged and none behind the subscriber's position is removed.
 */
export interface LogTail<Row = unknown> {
  /** Where reading begins. */
  readonly start: string;
  /** Whether changes may be missing between the position asked for and `start`. */
  readonly resync: boolean;
  /**
   * The changes that come after a position, at most `limit`; `undefined` where the log no longer
   * has all of them and the subscriber must open it anew.
   */
  read(after: string, limit: number): Promise<LogPage<Row> | undefined>;
  /** Ends the lease. `resumable`: keep the changes for a while, someone may come back for them. */
  release(resumable: boolean): Promise<void>;
}

/** A tail and how far its subscriber has got. */
export interface HeldTail {
  readonly tail: LogTail;
  readonly position: string;
}

/** What a database must be able to do for `LogChangeFeed`: to log the changes of tables. */
export interface ChangeLog<Row, Source extends LogSource<Row, unknown>> {
  /** How long a lease lives without being renewed, in ms. */
  readonly leaseMs: number;
  /**
   * Arranges that the table's changes are logged, takes a lease, and finds where to begin: at
   * `since` where the log still has what followed it, else at the end.
   */
  open(source: Source, since: string | undefined): Promise<LogTail<Row>>;
  /** Whether anything may have been logged since the last call: a cheap question. */
  poll(): Promise<boolean>;
  /** Renews leases and removes what every subscriber has read. Gives the tails that had lapsed. */
  renew(held: readonly HeldTail[]): Promise<ReadonlySet<LogTail>>;
  /** Removes what dead subscribers left behind. */
  sweep(): Promise<void>;
}
