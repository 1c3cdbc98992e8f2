import { abortQuietly } from "../connection/abort.ts";
import type { StoreTransaction } from "../connection/StoreTransaction.ts";
import { WATCH, type WatchRecord } from "./changeRecords.ts";
import type { ChangeWriter, PrefixValues, StoredChange } from "./TableChanges.ts";

/** What a writer needs of the table that it writes to. */
export interface WrittenTable {
  readonly side: string;
  readonly believed: boolean;
  /** Is told what a transaction has found: the table's watch, or that it has none. */
  found(watch: WatchRecord | undefined): void;
  announce(): void;
}

export class LoggingWriter implements ChangeWriter {
  public readonly logs: boolean;
  private readonly table: WrittenTable;
  private readonly tx: StoreTransaction;
  /** Whether the table is watched, once that is known. */
  private watched: boolean | undefined;
  private mistaken = false;
  private appended = false;
  private readonly waiting: (() => void)[] = [];

  private constructor(table: WrittenTable, tx: StoreTransaction, logs: boolean) {
    this.table = table;
    this.tx = tx;
    this.logs = logs;
  }

  /** See `TableChanges.begin`. */
  public static begin(table: WrittenTable, tx: StoreTransaction): LoggingWriter {
    const writer = new LoggingWriter(table, tx, table.believed);
    // Without the listeners of a promise: every write in the table pays for this request.
    const asked = tx.store(table.side).get(WATCH);
    asked.onsuccess = () => writer.learn(asked.result as WatchRecord | undefined);
    return writer;
  }

  /** See `TableChanges.ask`. */
  public static async ask(table: WrittenTable, tx: StoreTransaction): Promise<LoggingWriter> {
    const note = `watch of ${table.side}`;
    if (!tx.notes.has(note)) {
      const watch = await tx.get<WatchRecord>(table.side, WATCH);
      // True to its end, as nobody else can write to the side store.
      tx.notes.set(note, watch !== undefined);
      table.found(watch);
    }
    const writer = new LoggingWriter(table, tx, tx.notes.get(note) === true);
    writer.watched = writer.logs;
    return writer;
  }

  public get misled(): boolean {
    return this.mistaken;
  }

  public whenChecked(fn: () => void): void {
    if (this.watched === undefined) this.waiting.push(fn);
    else if (!this.mistaken) fn();
  }

  public append(old: object | undefined, next: object | undefined, prefixes?: PrefixValues): void {
    if (!this.logs || this.watched === false || (old === undefined && next === undefined)) return;
    const change: StoredChange = {
      ...(prefixes !== undefined && { p: prefixes }),
      ...(old !== undefined && { o: old }),
      ...(next !== undefined && { n: next }),
    };
    if (!this.appended) this.tx.onCommit(() => this.announce());
    this.appended = true;
    // A change that cannot be logged must not be made.
    this.tx.send(this.table.side, change);
  }

  private announce(): void {
    if (this.watched === true) this.table.announce();
  }

  private learn(watch: WatchRecord | undefined): void {
    this.watched = watch !== undefined;
    this.table.found(watch);
    if (this.watched && !this.logs) {
      this.mistaken = true;
      abortQuietly(this.tx.raw);
      return;
    }
    for (const fn of this.waiting.splice(0)) fn();
  }
}
