import { type HeldTail, type LogTail, parsePosition } from "@workglow/storage";
import type {
  SqlChangeLog,
  SqlChangeSource,
  SqlChangeTable,
  SqlDialect,
  SqlProgram,
  SqlRow,
} from "@workglow/storage/sql";
import { newUuid, StorageUnsupportedError, sleep } from "@workglow/util";
import type { PostgresExecutor } from "../PostgresExecutor.ts";
import { canBeLogged, isSetUp, setupSql, teardownSql } from "./changeLogSetup.ts";
import { ChangePages } from "./changePage.ts";
import { LogHorizon } from "./LogHorizon.ts";
import {
  endLease,
  holdGate,
  type LeasedLog,
  lockLog,
  lowerGate,
  removeDeadLeases,
  renewLeases,
  settleLease,
} from "./leasePrograms.ts";
import { insertMarker, type OpenedLog, openLog } from "./openLog.ts";
import { openWriters, stillOpen } from "./openWriters.ts";
import { type LateChanges, PostgresLogTail, type TailOwner } from "./PostgresLogTail.ts";
import { sweepLogs, trimLog } from "./trimPrograms.ts";

export interface PostgresChangeLogOptions {
  /**
   * How long the lease of a subscriber that died lives on, and how long after the last one has
   * gone changes are logged for those who come back; in ms.
   */
  readonly leaseMs?: number;
  /** How many of a table's newest changes are kept for those who come back. */
  readonly retainedChanges?: number;
}

const DEFAULT_LEASE_MS = 30_000;
const DEFAULT_RETAINED_CHANGES = 10_000;
/** How long a subscription waits for writers that began before it, in ms. */
const SETTLING_MS = 2_000;

/**
 * Logs of changes in tables beside the user's, made with them, and written by triggers while the
 * lease of a subscriber lives. A marker in the log says where it was begun anew after changes may
 * have passed it by.
 */
export class PostgresChangeLog implements SqlChangeLog, TailOwner {
  public readonly leaseMs: number;
  public readonly executor: PostgresExecutor;
  /** Begins the ids of all subscribers of this process and pool. */
  public readonly instance = newUuid();
  private readonly retained: number;
  private readonly horizons = new Map<number, { horizon: LogHorizon; tails: number }>();
  private readonly unsettled = new Set<PostgresLogTail>();
  private readonly onProgress: () => void;
  private readonly onTails: (open: number) => void;

  /**
   * @param hooks.progress is called when subscribers should look again
   * @param hooks.tails is told how many subscribers there are
   */
  public constructor(
    executor: PostgresExecutor,
    hooks: { readonly progress: () => void; readonly tails: (open: number) => void },
    options: PostgresChangeLogOptions = {},
  ) {
    this.executor = executor;
    this.onProgress = hooks.progress;
    this.onTails = hooks.tails;
    this.leaseMs = options.leaseMs ?? DEFAULT_LEASE_MS;
    this.retained = options.retainedChanges ?? DEFAULT_RETAINED_CHANGES;
  }

  /** Whether this process reads any log. */
  public get subscribed(): boolean {
    return this.horizons.size > 0;
  }

  private get dialect(): SqlDialect {
    return this.executor.dialect;
  }

  public setupSql(table: SqlChangeTable): readonly string[] {
    return canBeLogged(this.dialect, table) ? [setupSql(this.dialect, table)] : [];
  }

  public *isSetUp(table: SqlChangeTable): SqlProgram<boolean> {
    return !canBeLogged(this.dialect, table) || (yield* isSetUp(this.dialect, table));
  }

  public interruptSql(table: string): readonly string[] {
    return teardownSql(this.dialect, table);
  }

  public *interrupt(table: string): SqlProgram<void> {
    for (const text of this.interruptSql(table)) yield { text, params: [] };
  }

  /** Something may have been logged. */
  public touch(): void {
    for (const { horizon } of this.horizons.values()) horizon.touch();
  }

  public async open(
    source: SqlChangeSource<unknown>,
    since: string | undefined,
  ): Promise<LogTail<SqlRow>> {
    if (!canBeLogged(this.dialect, source)) {
      throw new StorageUnsupportedError("changes of so many columns", this.dialect.name);
    }
    const position = since === undefined ? undefined : parsePosition(since);
    const subscriber = `${this.instance}.${newUuid()}`;
    const opened = await this.executor.aside(() =>
      openLog(this.dialect, source, position, { subscriber, ms: this.leaseMs }),
    );
    try {
      return await this.tailOf(source, since, opened, subscriber);
    } catch (error) {
      const end = () => endLease(opened.log, subscriber, 0);
      await this.executor.aside(end).catch(() => undefined);
      throw error;
    }
  }

  public async poll(): Promise<boolean> {
    this.touch();
    let changed = this.unsettled.size > 0;
    for (const { horizon } of this.horizons.values()) {
      const before = horizon.settled;
      // Who reads this log will report it; it is no reason to leave the others unread.
      const failed = await horizon.refresh().then(
        () => false,
        () => true,
      );
      changed ||= failed || horizon.gone || horizon.settled > before;
    }
    return changed;
  }

  public async renew(held: readonly HeldTail[]): Promise<ReadonlySet<LogTail>> {
    const byLog = new Map<number, { tail: PostgresLogTail; position: number }[]>();
    for (const { tail, position } of held) {
      if (!(tail instanceof PostgresLogTail)) continue;
      const ofLog = byLog.get(tail.log.oid) ?? [];
      ofLog.push({ tail, position: tail.neededAfter(position) });
      byLog.set(tail.log.oid, ofLog);
    }
    const lapsed = new Set<LogTail>();
    for (const tails of byLog.values()) {
      for (const tail of await this.renewOf(tails)) lapsed.add(tail);
    }
    return lapsed;
  }

  public async settle(tail: PostgresLogTail): Promise<void> {
    const writers = await stillOpen(this.executor, tail.sourceOid, tail.writers);
    if (writers.size > 0) {
      tail.writers = writers;
      return;
    }
    const { log, subscriber } = tail;
    await this.executor.aside(function* () {
      yield* lockLog(log.oid);
      // All subscribers have to read the table anew: nobody knows what those writers did.
      yield* insertMarker(log);
      yield* settleLease(log, subscriber);
    });
    tail.writers = writers;
    this.unsettled.delete(tail);
    tail.horizon.touch();
    await tail.horizon.refresh();
  }

  public async release(tail: PostgresLogTail, resumable: boolean): Promise<void> {
    this.unsettled.delete(tail);
    this.leaveHorizon(tail.horizon);
    const keepMs = resumable ? this.leaseMs : 0;
    const { log, subscriber } = tail;
    await this.executor.aside(function* () {
      yield* lockLog(log.oid);
      yield* endLease(log, subscriber, keepMs);
    });
    // Only now: a lease that came back to life, its end undone, would stand before a closed gate.
    await this.executor.aside(function* () {
      yield* lockLog(log.oid);
      yield* lowerGate(log);
    });
    if (keepMs > 0) this.sweepLater();
    else await this.sweep();
  }

  public async sweep(): Promise<void> {
    await sweepLogs(this.executor);
  }

  private async tailOf(
    source: SqlChangeSource<unknown>,
    since: string | undefined,
    opened: OpenedLog,
    subscriber: string,
  ): Promise<LogTail<SqlRow>> {
    const { log, sourceOid } = opened;
    const writers = await this.settleWriters(opened, subscriber);
    const resumed = opened.resumed !== undefined;
    const late = resumed ? undefined : await this.lateChanges(opened);
    const sequence = opened.resumed ?? opened.last;
    const horizon = this.joinHorizon(log, late === undefined ? sequence : opened.first - 1);
    const pages = new ChangePages(this.dialect, source);
    const tail = new PostgresLogTail(this, pages, horizon, {
      log,
      sourceOid,
      subscriber,
      sequence,
      resync: since !== undefined && !resumed,
      late,
      first: opened.first,
      writers,
    });
    if (writers.size > 0) this.unsettled.add(tail);
    return tail;
  }

  /**
   * Waits for the writers that may have found the gate closed, so that the subscription is live
   * when they have ended. Gives those that go on for too long.
   */
  private async settleWriters(
    { log, sourceOid, settled }: OpenedLog,
    subscriber: string,
  ): Promise<ReadonlySet<string>> {
    const { executor } = this;
    if (settled) return new Set();
    const deadline = performance.now() + Math.min(SETTLING_MS, this.leaseMs / 3);
    let writers = await openWriters(executor, sourceOid);
    for (let pauseMs = 1; writers.size > 0 && performance.now() < deadline; pauseMs *= 2) {
      await sleep(Math.min(pauseMs, 50));
      writers = await stillOpen(executor, sourceOid, writers);
    }
    if (writers.size === 0) await executor.aside(() => settleLease(log, subscriber));
    return writers;
  }

  /** What the transactions that are writing to the log now may still add below its end. */
  private async lateChanges({ log, last }: OpenedLog): Promise<LateChanges | undefined> {
    const writers = await openWriters(this.executor, log.oid);
    if (writers.size === 0) return undefined;
    const { rows } = await this.executor.execute({
      text: `SELECT range_agg(int8range(before, "seq", '()'))::text
FROM (SELECT "seq", lag("seq") OVER (ORDER BY "seq") AS before FROM ${log.name} WHERE "seq" <= $1::bigint) s
WHERE "seq" - before > 1`,
      params: [last],
    });
    const numbers = rows[0]?.[0];
    return typeof numbers === "string" ? { numbers, end: last } : undefined;
  }

  private async renewOf(
    tails: readonly { readonly tail: PostgresLogTail; readonly position: number }[],
  ): Promise<readonly PostgresLogTail[]> {
    const { leaseMs } = this;
    const { log } = (tails[0] as { tail: PostgresLogTail }).tail;
    const held = tails.map(({ tail, position }) => ({ subscriber: tail.subscriber, position }));
    const renewed = await this.executor.aside(function* () {
      yield* lockLog(log.oid);
      const until = yield* holdGate(log, leaseMs);
      const alive = yield* renewLeases(log, held, until);
      yield* removeDeadLeases(log);
      return alive;
    });
    const lapsed = tails.flatMap(({ tail }) => (renewed.has(tail.subscriber) ? [] : tail));
    if (lapsed.length < tails.length) await this.trim(log);
    return lapsed;
  }

  private async trim(log: LeasedLog): Promise<void> {
    // What is left waits for the next renewal, lest that one come too late.
    const deadline = performance.now() + this.leaseMs / 6;
    let more = true;
    while (more && performance.now() < deadline) {
      more = await this.executor.aside(() => trimLog(log, this.retained));
    }
  }

  private joinHorizon(log: LeasedLog, settled: number): LogHorizon {
    let entry = this.horizons.get(log.oid);
    if (entry === undefined || entry.horizon.gone) {
      entry?.horizon.close();
      entry = {
        horizon: new LogHorizon(this.executor, log, settled, this.onProgress),
        tails: 0,
      };
    }
    entry.tails++;
    this.horizons.set(log.oid, entry);
    this.tellTails();
    return entry.horizon;
  }

  private leaveHorizon(horizon: LogHorizon): void {
    const entry = this.horizons.get(horizon.oid);
    if (entry?.horizon !== horizon) return;
    entry.tails--;
    if (entry.tails === 0) {
      horizon.close();
      this.horizons.delete(horizon.oid);
    }
    this.tellTails();
  }

  private tellTails(): void {
    let open = 0;
    for (const { tails } of this.horizons.values()) open += tails;
    this.onTails(open);
  }

  private sweepLater(): void {
    const timer = setTimeout(
      () => void this.sweep().catch(() => undefined),
      this.leaseMs * 1.1 + 100,
    );
    timer.unref?.();
  }
}
