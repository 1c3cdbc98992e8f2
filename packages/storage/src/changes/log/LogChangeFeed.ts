import type { TabularSubscribeOptions, Unsubscribe } from "../../tabular/ITabularStorage.ts";
import type { ChangeLog, LogSource } from "./ChangeLog.ts";
import type { CommittedChange } from "./CommittedChange.ts";
import { LogSubscription } from "./LogSubscription.ts";

const DEFAULT_POLLING_MS = 250;
/** Timers take no longer delay. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;
/** The log is trimmed at least this often, so that it stays small under a fast writer. */
const CHANGES_PER_RENEWAL = 20_000;

interface Subscriber {
  /** Whatever its rows are. */
  readonly subscription: Pick<
    LogSubscription<unknown, LogSource<unknown, unknown>, unknown>,
    "held" | "closed" | "ended" | "wake" | "retry" | "lapse"
  >;
  readonly table: string;
  readonly pollingMs: number;
}

/**
 * A change feed over a {@link ChangeLog}: all subscribers of one connection share one poller and
 * one renewal of leases. The poller finds what others wrote; {@link wake} tells of this process's
 * commits.
 */
export class LogChangeFeed<Row, Source extends LogSource<Row, unknown>> {
  private readonly log: ChangeLog<Row, Source>;
  private readonly sizeOf: (row: Row) => number;
  private readonly subscribers = new Set<Subscriber>();
  private poller: ReturnType<typeof setTimeout> | undefined;
  private renewer: ReturnType<typeof setInterval> | undefined;
  private polledAt = performance.now();
  private renewing = false;
  private deliveredSinceRenewal = 0;

  /** @param sizeOf roughly what a row takes in memory, in bytes: pages hold fewer of larger ones */
  public constructor(log: ChangeLog<Row, Source>, sizeOf: (row: Row) => number) {
    this.log = log;
    this.sizeOf = sizeOf;
  }

  /**
   * Delivers the changes of a table, each once, in the order of their commits; a returned promise
   * is awaited before the next change. Returns at once. `ready` resolves when every later commit
   * will be delivered, and rejects with a `StorageError` when that cannot be arranged. A live
   * subscription keeps the process running until it ends.
   */
  public subscribe<T>(
    source: Source & LogSource<Row, T>,
    callback: (change: CommittedChange<T>) => void | Promise<void>,
    options: TabularSubscribeOptions = {},
  ): Unsubscribe {
    const subscription = new LogSubscription<Row, Source, T>(
      { log: this.log, sizeOf: this.sizeOf, delivered: (changes) => this.countDelivered(changes) },
      source,
      callback,
      options.since,
    );
    const pollingMs = Math.min(options.pollingIntervalMs ?? DEFAULT_POLLING_MS, LONGEST_DELAY_MS);
    const subscriber = { subscription, table: source.table, pollingMs };
    const unsubscribe = (): void => {
      subscription.close();
      this.schedule();
    };
    this.subscribers.add(subscriber);
    void subscription.ended.then(() => {
      this.subscribers.delete(subscriber);
      this.schedule();
    });
    this.schedule();
    return Object.assign(unsubscribe, { ready: subscription.ready });
  }

  /** Resolves once all subscriptions that were ended have given their leases back. */
  public async idle(): Promise<void> {
    const closed = [...this.subscribers].filter(({ subscription }) => subscription.closed);
    await Promise.all(closed.map(({ subscription }) => subscription.ended));
  }

  /**
   * To be called after each commit of this connection.
   *
   * @param table the only one that the commit can have changed, where that is known
   */
  public wake(table?: string): void {
    for (const subscriber of this.subscribers) {
      if (table === undefined || subscriber.table === table) subscriber.subscription.wake();
    }
  }

  /**
   * Removes what subscribers left behind that died. Cheap where there is nothing to do; never
   * throws: the next call will do it.
   */
  public async sweep(): Promise<void> {
    // A lock held elsewhere, a read-only file: whoever comes next will sweep.
    await this.log.sweep().catch(() => undefined);
  }

  /** Runs the timers as often as the subscribers of the moment need it. */
  private schedule(): void {
    clearTimeout(this.poller);
    const intervals = [...this.subscribers].flatMap(({ subscription, pollingMs }) =>
      subscription.closed ? [] : pollingMs,
    );
    if (intervals.length === 0) {
      clearInterval(this.renewer);
      this.renewer = undefined;
      return;
    }
    const dueInMs = this.polledAt + Math.min(...intervals) - performance.now();
    this.poller = setTimeout(() => void this.poll(), Math.max(dueInMs, 0));
    this.renewer ??= unreferenced(setInterval(() => void this.renew(), this.log.leaseMs / 3));
  }

  private async poll(): Promise<void> {
    this.polledAt = performance.now();
    // A failed poll is no news; a failed read is reported by the one whose read it is.
    const changed = await this.log.poll().catch(() => true);
    for (const { subscription } of this.subscribers) {
      subscription.retry();
      if (changed) subscription.wake();
    }
    this.schedule();
  }

  private countDelivered(changes: number): void {
    this.deliveredSinceRenewal += changes;
    if (this.deliveredSinceRenewal >= CHANGES_PER_RENEWAL) void this.renew();
  }

  private async renew(): Promise<void> {
    if (this.renewing) return;
    this.renewing = true;
    this.deliveredSinceRenewal = 0;
    try {
      const subscriptions = [...this.subscribers].map((subscriber) => subscriber.subscription);
      const lapsed = await this.log.renew(subscriptions.flatMap((s) => s.held ?? []));
      for (const subscription of subscriptions) {
        for (const tail of lapsed) subscription.lapse(tail);
      }
    } catch {
      // Renewal comes three times a lease; one that lapses all the same is found by the next.
    } finally {
      this.renewing = false;
    }
  }
}

function unreferenced<T>(timer: T): T {
  (timer as { unref?: () => void }).unref?.();
  return timer;
}
