import { getLogger, StorageClosedError } from "@workglow/util";
import { ChangeDelivery } from "../ChangeDelivery.ts";
import type { ChangeLog, HeldTail, LogEntry, LogPage, LogSource, LogTail } from "./ChangeLog.ts";
import type { CommittedChange } from "./CommittedChange.ts";

const FIRST_PAGE = 16;
const LARGEST_PAGE = 512;
/** Pages are sized by what the rows before them held, so that large values do not fill the memory. */
const PAGE_BYTES = 1 << 20;
/** What failed is not tried again sooner, in ms. */
const RETRY_MS = 200;

/** What a subscription needs of its feed. */
export interface SubscribedFeed<Row, Source extends LogSource<Row, unknown>> {
  readonly log: Pick<ChangeLog<Row, Source>, "open">;
  /** Roughly what a row takes in memory, in bytes. */
  sizeOf(row: Row): number;
  /** Is told how many changes the callback has taken. */
  delivered(changes: number): void;
}

/**
 * One subscriber: opens the log, reads it page by page, hands each page to the callback and only
 * then reads on. What goes wrong once it is live is reported and tried again at the next wake.
 */
export class LogSubscription<Row, Source extends LogSource<Row, unknown>, T> {
  /** Resolves when live; rejects when the log could not be opened. */
  public readonly ready: Promise<void>;
  /** Resolves once it has been closed and has given its lease back. */
  public readonly ended: Promise<void>;
  private readonly feed: SubscribedFeed<Row, Source>;
  private readonly source: Source & LogSource<Row, T>;
  private readonly delivery: ChangeDelivery<CommittedChange<T>>;
  private tail: LogTail<Row> | undefined;
  private position = "";
  private limit = FIRST_PAGE;
  private lapsed = false;
  /** When the latest attempt to read failed, in ms of `performance.now()`. */
  private failedAt: number | undefined;
  private told = false;
  private woken = false;
  private wakeUp: (() => void) | undefined;

  public constructor(
    feed: SubscribedFeed<Row, Source>,
    source: Source & LogSource<Row, T>,
    callback: (change: CommittedChange<T>) => void | Promise<void>,
    since: string | undefined,
  ) {
    this.feed = feed;
    this.source = source;
    this.delivery = new ChangeDelivery(source.table, callback);
    this.ready = this.open(since);
    this.ended = this.ready.then(
      () => this.run(),
      () => this.close(),
    );
  }

  /** The lease to renew, once there is one. */
  public get held(): HeldTail | undefined {
    return this.tail && { tail: this.tail, position: this.position };
  }

  public get closed(): boolean {
    return this.delivery.closed;
  }

  /** Something may have been logged. After a failure it is a reason to try again, like any other. */
  public wake(): void {
    if (this.failedAt === undefined) this.rouse();
    else this.retry();
  }

  /** Tries again what failed, some time after it did. */
  public retry(): void {
    if (this.failedAt !== undefined && performance.now() - this.failedAt >= RETRY_MS) this.rouse();
  }

  /** The lease was not renewed in time: changes may not have been logged. */
  public lapse(tail: LogTail): void {
    if (tail !== this.tail) return;
    this.lapsed = true;
    this.wake();
  }

  /** Nothing more is delivered. The log is left in the background. */
  public close(): void {
    this.delivery.close();
    this.rouse();
  }

  private rouse(): void {
    this.woken = true;
    this.wakeUp?.();
  }

  /** Runs in the asynchronous context of the one who subscribed, not in that of a writer. */
  private async run(): Promise<void> {
    while (!this.closed) {
      this.woken = false;
      const more = await this.step();
      if (more || this.woken || this.closed) continue;
      await new Promise<void>((resolve) => {
        this.wakeUp = resolve;
      });
      this.wakeUp = undefined;
    }
    const { tail } = this;
    this.tail = undefined;
    // Whoever was told a change holds a position, and may come back for what follows it.
    await tail?.release(this.told).catch(() => undefined);
  }

  /** Reads and delivers one page; whether there is more to do at once. */
  private async step(): Promise<boolean> {
    try {
      if (this.lapsed) await this.open(this.position);
      const page = await this.tail?.read(this.position, this.limit);
      this.failedAt = undefined;
      if (this.closed) return false;
      if (page === undefined) {
        this.lapsed = true;
        return true;
      }
      await this.deliver(page);
      return page.more;
    } catch (error) {
      this.failed(error);
      return false;
    }
  }

  private async open(since: string | undefined): Promise<void> {
    const before = this.tail;
    this.tail = await this.feed.log.open(this.source, since);
    this.lapsed = false;
    this.position = this.tail.start;
    void before?.release(false).catch(() => undefined);
    if (!this.tail.resync || this.closed) return;
    this.told = true;
    // Not awaited: the callback may read the table, and the storage's calls wait for `ready`.
    this.delivery.push({ type: "RESYNC", position: this.position });
  }

  private async deliver(page: LogPage<Row>): Promise<void> {
    const changes = page.changes.flatMap((change) => this.decoded(change) ?? []);
    if (changes.length > 0) {
      this.told = true;
      this.limit = this.nextLimit(page.changes);
      this.delivery.push(...changes);
      await this.delivery.drained();
    }
    if (this.closed) return;
    this.position = page.position;
    if (changes.length > 0) this.feed.delivered(changes.length);
  }

  private decoded(change: LogEntry<Row>): CommittedChange<T> | undefined {
    // Of its two types of rows, the one that the callback takes.
    const source: LogSource<Row, T> = this.source;
    try {
      return {
        type: change.type,
        ...(change.old !== undefined && { old: source.decode(change.old) }),
        ...(change.new !== undefined && { new: source.decode(change.new) }),
        position: change.position,
      };
    } catch (error) {
      getLogger().error(`A change of "${source.table}" cannot be read`, error);
      return undefined;
    }
  }

  private failed(error: unknown): void {
    if (this.closed) return;
    if (error instanceof StorageClosedError) this.close();
    else if (this.failedAt === undefined) {
      getLogger().warn(`The changes of "${this.source.table}" cannot be read for now`, error);
    }
    this.failedAt = performance.now();
    this.woken = this.closed;
  }

  private nextLimit(changes: readonly LogEntry<Row>[]): number {
    let bytes = 0;
    for (const { old, new: next } of changes) {
      if (old !== undefined) bytes += this.feed.sizeOf(old);
      if (next !== undefined) bytes += this.feed.sizeOf(next);
    }
    const fitting = Math.floor((PAGE_BYTES * changes.length) / bytes);
    return Math.max(Math.min(fitting, this.limit * 4, LARGEST_PAGE), 1);
  }
}
