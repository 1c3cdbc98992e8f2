import {
  formatPosition,
  type LogEntry,
  type LogPage,
  type LogTail,
  parsePosition,
  subscribersChange,
} from "@workglow/storage";
import type { SqlChangeSource, SqlDialect, SqlProgram, SqlRow } from "@workglow/storage/sql";
import { attachedLog, logBounds } from "./changeLogPrograms.ts";
import { DELETE, INSERT, logTable, UPDATE } from "./changeLogTables.ts";
import { newColumn, oldColumn } from "./changeLogTriggers.ts";

/** What a tail needs of the log that it belongs to. */
export interface TailOwner {
  readonly dialect: SqlDialect;
  /** Moves when the database's schema has changed. */
  readonly schemaVersion: number;
  read<T>(program: () => SqlProgram<T>): Promise<T>;
  release(tail: SqliteLogTail, resumable: boolean): Promise<void>;
}

/** Where a subscriber begins. */
export interface TailStart {
  readonly log: string;
  readonly subscriber: string;
  readonly sequence: number;
  readonly resync: boolean;
}

export class SqliteLogTail implements LogTail<SqlRow> {
  public readonly log: string;
  public readonly subscriber: string;
  public readonly start: string;
  public readonly resync: boolean;
  private readonly owner: TailOwner;
  private readonly source: SqlChangeSource<unknown>;
  private readonly pageText: string;
  private schemaVersion: number;

  public constructor(owner: TailOwner, source: SqlChangeSource<unknown>, start: TailStart) {
    this.owner = owner;
    this.source = source;
    this.log = start.log;
    this.subscriber = start.subscriber;
    this.start = formatPosition(start);
    this.resync = start.resync;
    this.schemaVersion = owner.schemaVersion;
    this.pageText = pageText(owner.dialect, start.log, source);
  }

  public async read(after: string, limit: number): Promise<LogPage<SqlRow> | undefined> {
    const { sequence } = parsePosition(after);
    const { schemaVersion } = this.owner;
    const verify = schemaVersion !== this.schemaVersion;
    try {
      const page = await this.owner.read(() => this.reading(sequence, limit, verify));
      this.schemaVersion = schemaVersion;
      return page;
    } catch (error) {
      // Most likely another process removed the log, its lease having lapsed.
      const log = await this.owner.read(() => attachedLog(this.source.table));
      if (log !== this.log) return undefined;
      throw error;
    }
  }

  public release(resumable: boolean): Promise<void> {
    return this.owner.release(this, resumable);
  }

  private *reading(
    after: number,
    limit: number,
    verify: boolean,
  ): SqlProgram<LogPage<SqlRow> | undefined> {
    if (verify && (yield* attachedLog(this.source.table)) !== this.log) return undefined;
    const { first, last } = yield* logBounds(this.log);
    if (first !== undefined && after < first - 1) return undefined;
    if (last <= after) return this.page([], after, false);
    const values = this.source.where.map(({ value }) => value);
    // Bound once for `old` and once for `new`, twice over: to filter, and to tell the sides apart.
    const params = [...values, ...values, after, last, ...values, ...values, limit];
    const { rows } = yield { text: this.pageText, params };
    const changes = rows.map((row) => this.change(row));
    // Rows of others were passed over by the database: there is nothing more up to `last`.
    if (rows.length < limit) return this.page(changes, last, false);
    const end = Number(rows.at(-1)?.[0]);
    return this.page(changes, end, end < last);
  }

  private page(
    changes: readonly LogEntry<SqlRow>[],
    sequence: number,
    more: boolean,
  ): LogPage<SqlRow> {
    return { changes, position: formatPosition({ log: this.log, sequence }), more };
  }

  private change(row: SqlRow): LogEntry<SqlRow> {
    const [sequence, type, oldMatches, newMatches] = row.slice(0, FIXED_COLUMNS).map(Number);
    const width = this.source.columns.length;
    const before = row.slice(FIXED_COLUMNS, FIXED_COLUMNS + width);
    const after = row.slice(FIXED_COLUMNS + width);
    return {
      ...subscribersChange({
        type: type === INSERT ? "INSERT" : type === DELETE ? "DELETE" : "UPDATE",
        oldMatches: oldMatches !== 0,
        newMatches: newMatches !== 0,
        old: before,
        new: after,
      }),
      position: formatPosition({ log: this.log, sequence: sequence as number }),
    };
  }
}

const FIXED_COLUMNS = 4;

/** One page of a log, found by its primary key. */
function pageText(dialect: SqlDialect, log: string, source: SqlChangeSource<unknown>): string {
  const types = new Map(source.columns.map(({ name, type }) => [name, type]));
  const matches = (side: (column: string) => string): string =>
    source.where.length === 0
      ? "1"
      : source.where
          .map(({ column }) => {
            const type = types.get(column);
            const bound = type === undefined ? "?" : dialect.bindExpression("?", type);
            return `${side(column)} IS ${bound}`;
          })
          .join(" AND ");
  const values = (side: (column: string) => string): string =>
    source.columns.map(({ name, type }) => dialect.selectExpression(side(name), type)).join(", ");
  const isOld = `("type" <> ${INSERT} AND ${matches(oldColumn)})`;
  const isNew = `("type" <> ${DELETE} AND ${matches(newColumn)})`;
  return `SELECT "seq", "type", ${isOld}, ${isNew}, ${values(oldColumn)}, ${values(newColumn)}
FROM ${logTable(log)}
WHERE "seq" > ? AND "seq" <= ? AND "type" IN (${INSERT}, ${UPDATE}, ${DELETE}) AND (${isOld} OR ${isNew})
ORDER BY "seq" LIMIT CAST(? AS INTEGER)`;
}
