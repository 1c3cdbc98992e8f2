import { type CommittedChange, LogChangeFeed, type Unsubscribe } from "@workglow/storage";
import {
  type ChangesDatabase,
  IndexedDbChangeLog,
  type IndexedDbChangeLogOptions,
} from "./IndexedDbChangeLog.ts";
import type { IndexedDbChangeSource } from "./IndexedDbLogTail.ts";
import { LoggedTable } from "./LoggedTable.ts";
import { roughSize } from "./roughSize.ts";
import type { ChangeSubscribeOptions, TableChanges } from "./TableChanges.ts";
import { WakeChannel } from "./WakeChannel.ts";

const DEFAULT_BACKUP_POLLING_MS = 5_000;

/** The changes of one database's tables, as one connection writes and hears them. */
export class DatabaseChanges {
  private readonly log: IndexedDbChangeLog;
  private readonly feed: LogChangeFeed<unknown, IndexedDbChangeSource<unknown>>;
  private readonly channel: WakeChannel;
  private readonly tables = new Map<string, LoggedTable>();

  public constructor(database: ChangesDatabase, options?: IndexedDbChangeLogOptions) {
    this.log = new IndexedDbChangeLog(database, (table) => this.opened(table), options);
    this.feed = new LogChangeFeed(this.log, roughSize);
    this.channel = new WakeChannel(database.name, (table) => this.heard(table));
  }

  public table(name: string): TableChanges {
    return this.logged(name);
  }

  /** Resolves once all subscriptions that were ended have given their leases back. */
  public async idle(): Promise<void> {
    await this.feed.idle();
    if (!this.log.isWatching) this.channel.close();
  }

  public subscribe<T>(
    source: IndexedDbChangeSource<T>,
    callback: (change: CommittedChange<T>) => void | Promise<void>,
    options: ChangeSubscribeOptions = {},
  ): Unsubscribe {
    const { since, useBroadcastChannel = true, backupPollingIntervalMs } = options;
    const { pollingIntervalMs } = options;
    if (!useBroadcastChannel || !this.channel.listen()) {
      return this.feed.subscribe<T>(source, callback, { since, pollingIntervalMs });
    }
    const backupMs = backupPollingIntervalMs ?? DEFAULT_BACKUP_POLLING_MS;
    // No interval of the poller's is longer than the one that the subscriber has asked for.
    const intervalMs = Math.min(backupMs || Infinity, pollingIntervalMs ?? Infinity);
    return this.feed.subscribe<T>(source, callback, { since, pollingIntervalMs: intervalMs });
  }

  /** Has the subscribers of a table look, in this realm and others. */
  public announce(table: string): void {
    this.feed.wake(table);
    this.channel.post(table);
  }

  /** See `TableChanges.sweep`. */
  public async sweep(table: string): Promise<void> {
    // A full disk, a table that is gone: whoever comes next will sweep.
    await this.log.sweepTable(table).catch(() => undefined);
  }

  private opened(table: string): void {
    this.logged(table).believed = true;
    this.channel.post(table);
  }

  private heard(table: string): void {
    this.logged(table).believed = true;
    this.feed.wake(table);
  }

  private logged(name: string): LoggedTable {
    let table = this.tables.get(name);
    if (table === undefined) {
      table = new LoggedTable(this, name);
      this.tables.set(name, table);
    }
    return table;
  }
}
