import { formatPosition, type LogPage, type LogTail, parsePosition } from "@workglow/storage";
import type { SqlExecutor, SqlRow, SqlStatement } from "@workglow/storage/sql";
import type { ChangePages, ReadChanges } from "./changePage.ts";
import type { LogHorizon } from "./LogHorizon.ts";
import type { LeasedLog } from "./leasePrograms.ts";

/** What a tail needs of the log that it belongs to. */
export interface TailOwner {
  readonly executor: SqlExecutor;
  /** Begins the log anew once the writers that passed the closed gate have ended. */
  settle(tail: PostgresLogTail): Promise<void>;
  release(tail: PostgresLogTail, resumable: boolean): Promise<void>;
}

/** Changes that were on their way, with numbers below it, when a subscriber began. */
export interface LateChanges {
  /** Their numbers may be any of these: a multirange. */
  readonly numbers: string;
  /** Where the log has to be settled to before they can be read. */
  readonly end: number;
}

/** Where a subscriber begins. */
export interface TailStart {
  readonly log: LeasedLog;
  readonly sourceOid: number;
  readonly subscriber: string;
  readonly sequence: number;
  readonly resync: boolean;
  readonly late: LateChanges | undefined;
  /** The oldest change of the log then. */
  readonly first: number;
  /** Transactions that began before changes were logged and go on. */
  readonly writers: ReadonlySet<string>;
}

export class PostgresLogTail implements LogTail<SqlRow> {
  public readonly log: LeasedLog;
  public readonly sourceOid: number;
  public readonly subscriber: string;
  public readonly start: string;
  public readonly resync: boolean;
  public readonly horizon: LogHorizon;
  /** Transactions whose changes may be missing from the log. */
  public writers: ReadonlySet<string>;
  private readonly owner: TailOwner;
  private readonly pages: ChangePages;
  private readonly first: number;
  private late: (LateChanges & { readonly after: number }) | undefined;

  public constructor(owner: TailOwner, pages: ChangePages, horizon: LogHorizon, start: TailStart) {
    this.owner = owner;
    this.pages = pages;
    this.horizon = horizon;
    this.log = start.log;
    this.sourceOid = start.sourceOid;
    this.subscriber = start.subscriber;
    this.start = this.positionOf(start.sequence);
    this.resync = start.resync;
    this.first = start.first;
    this.late = start.late && { ...start.late, after: 0 };
    this.writers = start.writers;
  }

  /** The changes before it are of no more use to the subscriber. */
  public neededAfter(position: string): number {
    const { sequence } = parsePosition(position);
    return this.late === undefined ? sequence : Math.min(sequence, this.first);
  }

  public async read(after: string, limit: number): Promise<LogPage<SqlRow> | undefined> {
    try {
      return await this.readPage(after, limit);
    } catch (error) {
      // A pool that has ended ends the subscription.
      throw this.owner.executor.classify(error, "subscribeToChanges");
    }
  }

  public release(resumable: boolean): Promise<void> {
    return this.owner.release(this, resumable);
  }

  private async readPage(after: string, limit: number): Promise<LogPage<SqlRow> | undefined> {
    const { sequence } = parsePosition(after);
    await this.horizon.refresh();
    if (this.writers.size > 0) await this.owner.settle(this);
    if (this.horizon.gone) return undefined;
    const { settled } = this.horizon;
    if (this.late !== undefined) {
      if (settled < this.late.end) return this.nothing(after);
      return this.readLate(this.late, after, limit);
    }
    if (settled <= sequence) return this.nothing(after);
    const read = await this.fetch(this.pages.following(sequence, settled, limit));
    if (read === undefined || read.first > sequence) return undefined;
    // The changes before a new beginning are whole; what follows them, only the next log tells.
    if (read.reopened && read.lastSequence === undefined) return undefined;
    const end = read.reopened || read.rows === limit ? (read.lastSequence as number) : settled;
    return { changes: read.changes, position: this.positionOf(end), more: end < settled };
  }

  private async readLate(
    late: LateChanges & { readonly after: number },
    position: string,
    limit: number,
  ): Promise<LogPage<SqlRow> | undefined> {
    const read = await this.fetch(this.pages.late(late.after, late.numbers, limit));
    if (read === undefined) return undefined;
    const last = read.lastSequence;
    this.late = last === undefined || read.rows < limit ? undefined : { ...late, after: last };
    return { changes: read.changes, position, more: true };
  }

  private async fetch(statement: SqlStatement): Promise<ReadChanges | undefined> {
    const { rows } = await this.owner.executor.execute(statement);
    const read = this.pages.read(rows, this.log.oid);
    return read?.oid === this.log.oid ? read : undefined;
  }

  private nothing(position: string): LogPage<SqlRow> {
    return { changes: [], position, more: false };
  }

  private positionOf(sequence: number): string {
    return formatPosition({ log: this.log.oid.toString(16), sequence });
  }
}
