import {
  type ChangeLog,
  type HeldTail,
  type LogPosition,
  type LogTail,
  parsePosition,
} from "@workglow/storage";
import { newUuid } from "@workglow/util";
import type { StoreTransaction } from "../connection/StoreTransaction.ts";
import { sideStore } from "../tabular/sideStore.ts";
import { lastChange, WATCH, type WatchRecord } from "./changeRecords.ts";
import {
  type IndexedDbChangeSource,
  IndexedDbLogTail,
  type TailOwner,
  type TailStart,
} from "./IndexedDbLogTail.ts";
import { LifeSign, livingHolders } from "./LifeSign.ts";
import type { Retention } from "./leases.ts";
import { type Moment, TableLog } from "./TableLog.ts";

/** What the change log needs of a database. */
export interface ChangesDatabase {
  readonly name: string;
  /** Whether any storage has use for the connection; taken for true where it is not told. */
  readonly isUsed?: boolean;
  read<T>(stores: readonly string[], work: (tx: StoreTransaction) => Promise<T>): Promise<T>;
  write<T>(stores: readonly string[], work: (tx: StoreTransaction) => Promise<T>): Promise<T>;
}

export interface IndexedDbChangeLogOptions extends Partial<Retention> {
  /** How long the lease of a subscriber lives that gives no sign of life, in ms. */
  readonly leaseMs?: number;
  /** How long after the last subscriber has gone changes are logged for those who come back, in ms. */
  readonly keptMs?: number;
}

/** Browsers run the timers of a tab in the background as seldom as once a minute. */
const DEFAULT_LEASE_MS = 180_000;
const DEFAULT_KEPT_MS = 60_000;
const DEFAULT_RETAINED_CHANGES = 1_000;
const DEFAULT_SLEEPERS_CHANGES = 100_000;

/**
 * The logs of a database's tables, each in its table's side store, where writers put their changes
 * in the transactions in which they make them. One transaction at a time writes to a table, so the
 * order of the log is the order of the commits.
 */
export class IndexedDbChangeLog
  implements ChangeLog<unknown, IndexedDbChangeSource<unknown>>, TailOwner
{
  public readonly leaseMs: number;
  public readonly database: ChangesDatabase;
  private readonly keptMs: number;
  private readonly retention: Retention;
  private readonly onOpened: (table: string) => void;
  private readonly sign = new LifeSign();
  private readonly tails = new Set<IndexedDbLogTail>();
  /** What the latest poll saw of each table. */
  private seen = new Map<string, string>();

  /** @param onOpened is told the table of each subscription that has become live */
  public constructor(
    database: ChangesDatabase,
    onOpened: (table: string) => void,
    options: IndexedDbChangeLogOptions = {},
  ) {
    this.database = database;
    this.onOpened = onOpened;
    this.leaseMs = options.leaseMs ?? DEFAULT_LEASE_MS;
    this.keptMs = options.keptMs ?? DEFAULT_KEPT_MS;
    this.retention = {
      retainedChanges: options.retainedChanges ?? DEFAULT_RETAINED_CHANGES,
      sleepersChanges: options.sleepersChanges ?? DEFAULT_SLEEPERS_CHANGES,
    };
  }

  /** Whether anybody is subscribed through this connection. */
  public get isWatching(): boolean {
    return this.tails.size > 0;
  }

  public async open(
    source: IndexedDbChangeSource<unknown>,
    since: string | undefined,
  ): Promise<LogTail> {
    const position = since === undefined ? undefined : parsePosition(since);
    // Before there is a lease, lest it be taken for one of somebody who has died.
    await this.sign.show();
    try {
      const start = await this.write(source.table, (log, moment) =>
        this.opening(log, moment, position),
      );
      const tail = new IndexedDbLogTail(this, source, start);
      this.tails.add(tail);
      this.onOpened(source.table);
      return tail;
    } catch (error) {
      this.sign.leave();
      throw error;
    }
  }

  /** Looks at one record and one key of each table. */
  public async poll(): Promise<boolean> {
    const tables = new Set([...this.tails].map(({ table }) => table));
    const seen = await Promise.all(
      [...tables].map(
        async (table) => [table, await this.look(table).catch(() => "unknown")] as const,
      ),
    );
    const changed = seen.some(([table, now]) => this.seen.get(table) !== now);
    this.seen = new Map(seen);
    return changed;
  }

  public async renew(held: readonly HeldTail[]): Promise<ReadonlySet<LogTail>> {
    const leases = held.flatMap(({ tail, position }) =>
      tail instanceof IndexedDbLogTail ? { tail, ...parsePosition(position) } : [],
    );
    const lapsed = new Set<LogTail>();
    const tables = new Set(leases.map(({ tail }) => tail.table));
    // One table that cannot be reached takes no leases from the others.
    await Promise.allSettled(
      [...tables].map(async (table) => {
        const ofTable = leases.filter(({ tail }) => tail.table === table);
        for (const tail of await this.renewIn(table, ofTable)) lapsed.add(tail);
      }),
    );
    return lapsed;
  }

  public async release(tail: IndexedDbLogTail, resumable: boolean): Promise<void> {
    try {
      await this.write(tail.table, async (log, { nowMs, holders }) => {
        if (!log.has(tail.subscriber)) return;
        const until = nowMs + this.keptMs;
        const kept = resumable && log.watch?.log === tail.log && this.keptMs > 0;
        if (kept) log.put(tail.subscriber, { holder: undefined, until, position: undefined });
        else log.remove(tail.subscriber);
        await this.settle(log, { nowMs, holders });
      });
      if (resumable) this.sweepLater(tail.table);
    } finally {
      this.tails.delete(tail);
      this.sign.leave();
    }
  }

  public async sweep(): Promise<void> {
    for (const table of new Set([...this.tails].map((tail) => tail.table))) {
      await this.sweepTable(table);
    }
  }

  /** Removes what dead subscribers of a table left behind, where the last lease has ended. */
  public async sweepTable(table: string): Promise<void> {
    const side = sideStore(table);
    const watch = await this.database.read([side], (tx) => tx.get<WatchRecord>(side, WATCH));
    if (watch === undefined || watch.until > Date.now()) return;
    await this.write(table, (log, moment) => this.settle(log, moment));
  }

  /** Gives the tails of a table whose leases had lapsed. */
  private async renewIn(
    table: string,
    leases: readonly { readonly tail: IndexedDbLogTail; readonly sequence: number }[],
  ): Promise<readonly IndexedDbLogTail[]> {
    const { lapsed, more } = await this.write(table, async (log, moment) => {
      const lives = (tail: IndexedDbLogTail): boolean =>
        log.watch?.log === tail.log && log.has(tail.subscriber);
      for (const { tail, sequence } of leases) {
        if (lives(tail)) log.put(tail.subscriber, this.lease(moment, sequence));
      }
      const lapsed = leases.flatMap(({ tail }) => (lives(tail) ? [] : tail));
      return { lapsed, more: await this.settle(log, moment) };
    });
    if (more) await this.trim(table);
    return lapsed;
  }

  /** Goes on in transactions of their own, between which writers have their turn. */
  private async trim(table: string): Promise<void> {
    while (await this.write(table, (log, moment) => this.settle(log, moment)));
  }

  private async opening(
    log: TableLog,
    moment: Moment,
    since: LogPosition | undefined,
  ): Promise<TailStart> {
    const watch = await log.begun();
    const known =
      since !== undefined &&
      since.log === watch.log &&
      since.sequence >= watch.trimmed &&
      since.sequence <= log.last;
    const sequence = known ? since.sequence : log.last;
    const subscriber = newUuid();
    log.put(subscriber, this.lease(moment, sequence));
    await this.settle(log, moment);
    return { log: watch.log, subscriber, sequence, resync: since !== undefined && !known };
  }

  private lease({ nowMs }: Moment, position: number) {
    return { holder: this.sign.holder, until: nowMs + this.leaseMs, position };
  }

  private settle(log: TableLog, moment: Moment): Promise<boolean> {
    return log.settle(moment, this.leaseMs, this.retention);
  }

  /** Changes a table's log in a transaction that its writers wait for. */
  private async write<T>(
    table: string,
    work: (log: TableLog, moment: Moment) => Promise<T>,
  ): Promise<T> {
    const side = sideStore(table);
    // Asked before: whoever comes meanwhile has a lease that lives.
    const holders = await livingHolders();
    return this.database.write([side], async (tx) => {
      const log = await TableLog.find(tx, side);
      return work(log, { nowMs: Date.now(), holders });
    });
  }

  private look(table: string): Promise<string> {
    const side = sideStore(table);
    return this.database.read([side], async (tx) => {
      const [watch, last] = await Promise.all([
        tx.get<WatchRecord>(side, WATCH),
        lastChange(tx.store(side)),
      ]);
      return `${watch?.log}.${last}`;
    });
  }

  private sweepLater(table: string): void {
    const sweep = (): void => {
      // A connection that nobody needs any more is not opened for this: the next writer sweeps.
      if (this.database.isUsed !== false) void this.sweepTable(table).catch(() => undefined);
    };
    const timer = setTimeout(sweep, this.keptMs + 100);
    (timer as { unref?: () => void }).unref?.();
  }
}
