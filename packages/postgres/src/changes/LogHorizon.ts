import type { SqlExecutor } from "@workglow/storage/sql";
import { sleep } from "@workglow/util";
import { openWriters } from "./openWriters.ts";

/** The database is not asked more often for what a fast writer has added. */
const SPACING_MS = 5;
/** How soon a transaction that holds others up is looked for again, and how seldom. */
const FIRST_RETRY_MS = 4;
const LAST_RETRY_MS = 250;

/** A change beyond a gap, and the transactions that may still fill it. */
interface Barrier {
  readonly high: number;
  readonly writers: ReadonlySet<string>;
}

/**
 * How far one log may be read. Its numbers are given before the commit, so that a number may show
 * while a smaller one is yet to come. Up to a gap everything is settled; beyond it everything up to
 * the highest number in sight is, once all transactions have ended that were writing to the log
 * after that one was seen.
 */
export class LogHorizon {
  public readonly oid: number;
  /** Every change up to this number is there, or will never be. */
  public settled: number;
  /** Whether the log has been dropped, and perhaps made anew. */
  public gone = false;
  private readonly executor: SqlExecutor;
  private readonly log: string;
  private readonly onProgress: () => void;
  private stale = true;
  private running: Promise<void> | undefined;
  private askedAt = Number.NEGATIVE_INFINITY;
  private barrier: Barrier | undefined;
  private retryMs = FIRST_RETRY_MS;
  private retry: ReturnType<typeof setTimeout> | undefined;

  /** @param onProgress is told when it is time to look again */
  public constructor(
    executor: SqlExecutor,
    log: { readonly oid: number; readonly name: string },
    settled: number,
    onProgress: () => void,
  ) {
    this.executor = executor;
    this.oid = log.oid;
    this.log = log.name;
    this.settled = settled;
    this.onProgress = onProgress;
  }

  /** Something may have been logged. */
  public touch(): void {
    this.stale = true;
  }

  /** Looks how far the log reaches, unless that is known. */
  public async refresh(): Promise<void> {
    // What another subscriber asks just now is news for this one, too.
    while (this.stale || this.running !== undefined) {
      this.running ??= this.advance().finally(() => {
        this.running = undefined;
      });
      await this.running;
    }
  }

  public close(): void {
    clearTimeout(this.retry);
  }

  private async advance(): Promise<void> {
    const due = this.askedAt + SPACING_MS - performance.now();
    if (due > 0) await sleep(due);
    this.askedAt = performance.now();
    this.stale = false;
    try {
      await this.look();
    } catch (error) {
      this.stale = true;
      throw error;
    }
  }

  private async look(): Promise<void> {
    // By the primary key: one row where nothing is new, else what is.
    const { rows } = await this.executor.execute({
      text: `SELECT l."tableoid"::bigint, l."seq", CASE WHEN l."seq" > $1::bigint THEN
  (SELECT max(r."seq") FROM (SELECT "seq", row_number() OVER (ORDER BY "seq") AS n FROM ${this.log} WHERE "seq" > $1::bigint) r
    WHERE r."seq" = $1::bigint + r.n) END
FROM (SELECT "tableoid", "seq" FROM ${this.log} ORDER BY "seq" DESC LIMIT 1) l`,
      params: [this.settled],
    });
    const [oid, high, contiguous] = (rows[0] ?? []).map(Number);
    if (oid !== this.oid) {
      this.gone = true;
      return;
    }
    this.settled = Math.max(this.settled, contiguous as number);
    if ((high as number) > this.settled) await this.passGap(high as number);
    else this.passed();
  }

  private async passGap(high: number): Promise<void> {
    if (this.barrier === undefined) {
      this.barrier = { high, writers: await openWriters(this.executor, this.oid) };
    } else {
      const { writers } = this.barrier;
      const open = await openWriters(this.executor, this.oid);
      const left = new Set([...writers].filter((writer) => open.has(writer)));
      if (left.size === 0) this.settled = Math.max(this.settled, this.barrier.high);
      // Whatever is above waits for those that were writing when it was seen.
      this.barrier =
        left.size > 0 ? { high: this.barrier.high, writers: left } : { high, writers: open };
    }
    if (this.barrier.writers.size === 0) this.settled = Math.max(this.settled, this.barrier.high);
    if (this.settled >= high) this.passed();
    else this.lookAgain();
  }

  private passed(): void {
    this.barrier = undefined;
    this.retryMs = FIRST_RETRY_MS;
    clearTimeout(this.retry);
  }

  /** The end of a transaction of others is told by nobody. */
  private lookAgain(): void {
    clearTimeout(this.retry);
    this.retry = setTimeout(() => {
      this.touch();
      this.onProgress();
    }, this.retryMs);
    (this.retry as { unref?: () => void }).unref?.();
    this.retryMs = Math.min(this.retryMs * 2, LAST_RETRY_MS);
  }
}
