import { newUuid } from "@workglow/util";
import { request } from "../connection/request.ts";
import type { StoreTransaction } from "../connection/StoreTransaction.ts";
import {
  allChanges,
  allLeases,
  changesUpTo,
  type LeaseRecord,
  lastChange,
  leaseKey,
  subscriberOf,
  WATCH,
  type WatchRecord,
} from "./changeRecords.ts";
import { type FoundLease, type Retention, sortLeases, trimEnd } from "./leases.ts";

/** Changes removed in one go, so that nobody waits long for the trimming of a log. */
const TRIMMED_AT_ONCE = 5_000;

/** When it is, and who exists. */
export interface Moment {
  /** In ms since 1970. */
  readonly nowMs: number;
  readonly holders: ReadonlySet<string>;
}

/** The log of one table as a write transaction finds it, with its watch and its leases. */
export class TableLog {
  /** The newest change's number. */
  public readonly last: number;
  private readonly tx: StoreTransaction;
  private readonly side: string;
  private record: WatchRecord | undefined;
  private leases: readonly FoundLease[];

  private constructor(
    tx: StoreTransaction,
    side: string,
    watch: WatchRecord | undefined,
    last: number,
    leases: readonly FoundLease[],
  ) {
    this.tx = tx;
    this.side = side;
    this.record = watch;
    this.last = last;
    this.leases = leases;
  }

  public static async find(tx: StoreTransaction, side: string): Promise<TableLog> {
    const store = tx.store(side);
    const [watch, last, keys, leases] = await Promise.all([
      tx.get<WatchRecord>(side, WATCH),
      lastChange(store),
      request(store.getAllKeys(allLeases())),
      request<LeaseRecord[]>(store.getAll(allLeases())),
    ]);
    const found = leases.map((lease, at) => ({ ...lease, subscriber: subscriberOf(keys[at]) }));
    return new TableLog(tx, side, watch, Math.max(last ?? 0, watch?.trimmed ?? 0), found);
  }

  /** What says that changes are logged. */
  public get watch(): WatchRecord | undefined {
    return this.record;
  }

  /** The log, begun where there is none: without a watch changes may have passed it by. */
  public async begun(): Promise<WatchRecord> {
    if (this.record === undefined) {
      await endLog(this.tx, this.side);
      this.leases = [];
      const log = newUuid().replaceAll("-", "");
      this.record = { log, trimmed: this.last, until: 0 };
    }
    return this.record;
  }

  public has(subscriber: string): boolean {
    return this.leases.some((lease) => lease.subscriber === subscriber);
  }

  /** Takes, renews or changes a lease. */
  public put(subscriber: string, lease: LeaseRecord): void {
    this.drop(subscriber);
    this.leases = [...this.leases, { ...lease, subscriber }];
    this.tx.send(this.side, lease, leaseKey(subscriber));
  }

  public remove(subscriber: string): void {
    this.drop(subscriber);
    this.tx.sendDelete(this.side, leaseKey(subscriber));
  }

  /**
   * Removes dead leases and changes that nobody waits for; ends the log with the last lease. To be
   * called at the end. Whether there are more changes to remove.
   *
   * @param leaseMs after which time to look again for those that only sleep
   */
  public async settle(
    { nowMs, holders }: Moment,
    leaseMs: number,
    retention: Retention,
  ): Promise<boolean> {
    if (this.record === undefined) return false;
    const sorted = sortLeases(this.leases, nowMs, holders);
    if (sorted.living.length + sorted.sleeping.length === 0) {
      this.record = undefined;
      await endLog(this.tx, this.side);
      return false;
    }
    for (const { subscriber } of sorted.dead) this.remove(subscriber);
    const { log, trimmed } = this.record;
    const most = trimmed + TRIMMED_AT_ONCE;
    const end = Math.max(Math.min(trimEnd(sorted, this.last, retention), most), trimmed);
    const until = sorted.living.reduce((latest, lease) => Math.max(latest, lease.until), 0);
    this.record = { log, trimmed: end, until: until === 0 ? nowMs + leaseMs : until };
    this.tx.send(this.side, this.record, WATCH);
    if (end > trimmed) await this.tx.deleteRange(this.side, changesUpTo(end));
    return end === most;
  }

  private drop(subscriber: string): void {
    this.leases = this.leases.filter((lease) => lease.subscriber !== subscriber);
  }
}

/** Removes a log, and with it the claims of its subscribers. */
export async function endLog(tx: StoreTransaction, side: string): Promise<void> {
  tx.sendDelete(side, WATCH);
  await Promise.all([tx.deleteRange(side, allChanges()), tx.deleteRange(side, allLeases())]);
}
