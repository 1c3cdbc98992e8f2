import type { TabularSubscribeOptions, Unsubscribe } from "../../tabular/ITabularStorage.ts";
import type { SqlProgram } from "../SqlExecutor.ts";
import type { ChangeLog } from "./ChangeLog.ts";
import { LogSubscription } from "./LogSubscription.ts";
import type {
  SqlChangeFeed,
  SqlChangeSource,
  SqlChangeTable,
  SqlRowChange,
} from "./SqlChangeFeed.ts";

const DEFAULT_POLLING_MS = 250;
/** Timers take no longer delay. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;
/** The log is trimmed at least this often, so that it stays small under a fast writer. */
const CHANGES_PER_RENEWAL = 20_000;

interface Subscriber {
  /** Whatever its rows are. */
  readonly subscription: Pick<
    LogSubscription<unknown>,
    "held" | "closed" | "ended" | "wake" | "retry" | "lapse"
  >;
  readonly pollingMs: number;
}

/**
 * A change feed over a {@link ChangeLog}: all subscribers of one connection share one poller and
 * one renewal of leases. The poller finds what others wrote; {@link wake} tells of this process's
 * commits.
 */
export class LogChangeFeed implements SqlChangeFeed {
  private readonly log: ChangeLog;
  private readonly subscribers = new Set<Subscriber>();
  private poller: ReturnType<typeof setTimeout> | undefined;
  private renewer: ReturnType<typeof setInterval> | undefined;
  private polledAt = performance.now();
  private renewing = false;
  private deliveredSinceRenewal = 0;

  public constructor(log: ChangeLog) {
    this.log = log;
  }

  public subscribe<T>(
    source: SqlChangeSource<T>,
    callback: (change: SqlRowChange<T>) => void | Promise<void>,
    options: TabularSubscribeOptions = {},
  ): Unsubscribe {
    const subscription = new LogSubscription(this.log, source, callback, options.since, (changes) =>
      this.countDelivered(changes),
    );
    const pollingMs = Math.min(options.pollingIntervalMs ?? DEFAULT_POLLING_MS, LONGEST_DELAY_MS);
    const subscriber = { subscription, pollingMs };
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

  /** To be called after each commit of this connection. */
  public wake(): void {
    for (const { subscription } of this.subscribers) subscription.wake();
  }

  public setupSql(table: SqlChangeTable): readonly string[] {
    return this.log.setupSql(table);
  }

  public isSetUp(table: SqlChangeTable): SqlProgram<boolean> {
    return this.log.isSetUp(table);
  }

  public interruptSql(table: string): readonly string[] {
    return this.log.interruptSql(table);
  }

  public interrupt(table: string): SqlProgram<void> {
    return this.log.interrupt(table);
  }

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
