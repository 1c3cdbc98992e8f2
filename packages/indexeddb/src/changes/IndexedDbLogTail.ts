import {
  formatPosition,
  type LogEntry,
  type LogPage,
  type LogSource,
  type LogTail,
  parsePosition,
} from "@workglow/storage";
import { request } from "../connection/request.ts";
import { sideStore } from "../tabular/sideStore.ts";
import { changesAfter, WATCH, type WatchRecord } from "./changeRecords.ts";
import type { ChangesDatabase } from "./IndexedDbChangeLog.ts";
import type { StoredChange, StoredChangeSource } from "./TableChanges.ts";

/** A table and which of its changes are wanted. */
export type IndexedDbChangeSource<T> = LogSource<unknown, T> & StoredChangeSource<T>;

/** What a tail needs of the log that it belongs to. */
export interface TailOwner {
  readonly database: ChangesDatabase;
  release(tail: IndexedDbLogTail, resumable: boolean): Promise<void>;
}

/** Where a subscriber begins. */
export interface TailStart {
  readonly log: string;
  readonly subscriber: string;
  readonly sequence: number;
  readonly resync: boolean;
}

export class IndexedDbLogTail implements LogTail {
  public readonly table: string;
  public readonly log: string;
  public readonly subscriber: string;
  public readonly start: string;
  public readonly resync: boolean;
  private readonly owner: TailOwner;
  private readonly source: IndexedDbChangeSource<unknown>;

  public constructor(owner: TailOwner, source: IndexedDbChangeSource<unknown>, start: TailStart) {
    this.owner = owner;
    this.source = source;
    this.table = source.table;
    this.log = start.log;
    this.subscriber = start.subscriber;
    this.start = formatPosition(start);
    this.resync = start.resync;
  }

  public async read(after: string, limit: number): Promise<LogPage<unknown> | undefined> {
    const { sequence } = parsePosition(after);
    const side = sideStore(this.table);
    const range = changesAfter(sequence);
    const [watch, keys, changes] = await this.owner.database.read([side], (tx) => {
      const store = tx.store(side);
      return Promise.all([
        tx.get<WatchRecord>(side, WATCH),
        request(store.getAllKeys(range, limit)),
        request<StoredChange[]>(store.getAll(range, limit)),
      ]);
    });
    if (watch?.log !== this.log || sequence < watch.trimmed) return undefined;
    const last = keys.at(-1) as number | undefined;
    return {
      changes: changes.flatMap((change, at) => this.entry(change, keys[at] as number) ?? []),
      position: last === undefined ? after : this.positionOf(last),
      more: keys.length === limit,
    };
  }

  public release(resumable: boolean): Promise<void> {
    return this.owner.release(this, resumable);
  }

  private entry(change: StoredChange, sequence: number): LogEntry<unknown> | undefined {
    if (!this.source.accepts(change)) return undefined;
    const { o, n } = change;
    const type = o === undefined ? "INSERT" : n === undefined ? "DELETE" : "UPDATE";
    return { type, old: o, new: n, position: this.positionOf(sequence) };
  }

  private positionOf(sequence: number): string {
    return formatPosition({ log: this.log, sequence });
  }
}
