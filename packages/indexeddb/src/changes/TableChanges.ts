import type { CommittedChange, TabularSubscribeOptions, Unsubscribe } from "@workglow/storage";
import type { StoreTransaction } from "../connection/StoreTransaction.ts";

/** The values of a tenant's prefix columns, in their order. */
export type PrefixValues = readonly (string | number)[];

/** A change as it is stored: without `o` the row is new, without `n` it is gone. */
export interface StoredChange<Row = unknown> {
  /** The tenant's prefix values; absent where the table has no prefixes. */
  readonly p?: PrefixValues;
  /** The row before the change. */
  readonly o?: Row;
  /** The row after the change. */
  readonly n?: Row;
}

/** Which of a table's changes a subscriber wants, and how stored rows become its rows. */
export interface StoredChangeSource<T> {
  /** Whether the change is the subscriber's. */
  accepts(change: StoredChange): boolean;
  /** Makes a row of a stored one, which is the subscriber's own to keep. */
  decode(row: unknown): T;
}

export interface ChangeSubscribeOptions extends TabularSubscribeOptions {
  /** Whether a BroadcastChannel may wake the subscriber, where there is one; `true` unless given. */
  readonly useBroadcastChannel?: boolean | undefined;
  /**
   * How often a subscriber looks that is woken by a BroadcastChannel, in ms; 0 for never, 5,000
   * unless given. Finds what a writer committed that died before it could tell.
   */
  readonly backupPollingIntervalMs?: number | undefined;
}

/**
 * What one write transaction does about the table's subscribers, who are woken once it has
 * committed. Made by {@link TableChanges.begin} or {@link TableChanges.ask}; the table's side store
 * is in the transaction's scope.
 */
export interface ChangeWriter {
  /**
   * Whether changes are to be logged: old rows have to be read, and {@link append} to be called.
   * The same throughout the transaction.
   */
  readonly logs: boolean;
  /**
   * Whether the transaction was aborted because a subscriber had come whom this realm did not know
   * of: the write is to be repeated in another transaction. Nothing of it was stored.
   */
  readonly misled: boolean;
  /**
   * Calls `fn` once it is certain that the transaction will not be aborted for its belief: from
   * then on it may be committed explicitly.
   */
  whenChecked(fn: () => void): void;
  /** Logs a change. Does nothing where nothing is logged, or nothing was there and nothing is. */
  append(old: object | undefined, next: object | undefined, prefixes?: PrefixValues): void;
}

/** The changes of one table: what its writers log, and what its subscribers hear. */
export interface TableChanges {
  /** Whether this realm believes that somebody is subscribed to the table. */
  readonly believed: boolean;
  /**
   * Begins a write on what this realm believes. Issues one request, the first of the transaction,
   * and returns at once; the write's own requests may follow without waiting. Should the belief
   * turn out to miss a subscriber, the transaction is aborted before any later request of it
   * succeeds, {@link ChangeWriter.misled} is true, and `believed` is set right.
   */
  begin(tx: StoreTransaction): ChangeWriter;
  /**
   * Begins a call in a user's transaction, which cannot be repeated: waits for what is true. To be
   * asked for each call, as what a call appends is taken back with it; only the first one waits.
   */
  ask(tx: StoreTransaction): Promise<ChangeWriter>;
  /**
   * Delivers the table's changes. `ready` resolves once every later commit will be delivered, and
   * rejects when that cannot be arranged.
   */
  subscribe<T>(
    source: StoredChangeSource<T>,
    callback: (change: CommittedChange<T>) => void | Promise<void>,
    options?: ChangeSubscribeOptions,
  ): Unsubscribe;
  /**
   * Ends the log, inside a transaction that rewrites rows: subscribers begin anew and get a RESYNC.
   * {@link announce} is to be called after the commit.
   */
  interrupt(tx: StoreTransaction): Promise<void>;
  /** Has all subscribers of the table look, in this realm and others. */
  announce(): void;
  /** Removes what dead subscribers left behind; never throws. To be called at set-up. */
  sweep(): Promise<void>;
}
