import { type HeldTail, type LogPosition, type LogTail, parsePosition } from "@workglow/storage";
import type {
  SqlChangeLog,
  SqlChangeSource,
  SqlDialect,
  SqlExecutor,
  SqlProgram,
  SqlRow,
} from "@workglow/storage/sql";
import {
  newUuid,
  StorageNotSetUpError,
  StorageSchemaMismatchError,
  StorageUnsupportedError,
} from "@workglow/util";
import {
  attachedLog,
  endLease,
  isLeased,
  logBounds,
  removeLogsOf,
  removeStaleLogs,
  renewLease,
  runAll,
  staleLogs,
  takeLease,
  trimLog,
} from "./changeLogPrograms.ts";
import { CREATE_LEASES, dropTriggers, logTable } from "./changeLogTables.ts";
import { addLogColumn, createLog, createTriggers, type LoggedTable } from "./changeLogTriggers.ts";
import { SqliteLogTail, type TailOwner, type TailStart } from "./SqliteLogTail.ts";

export interface SqliteChangeLogOptions {
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
/** Rows removed in one go, so that nobody waits long for the trimming of a log. */
const TRIMMED_AT_ONCE = 5_000;

/**
 * Logs of changes in tables beside the user's, one for each table that somebody subscribes to,
 * written by triggers. Log, triggers and leases come and go together, under the write lock:
 * whoever finds a log without a living lease knows that changes may have passed it by, and begins
 * another. A log's name is in its positions, so that those of an ended log are never mistaken.
 */
export class SqliteChangeLog implements SqlChangeLog, TailOwner {
  public readonly leaseMs: number;
  private readonly executor: SqlExecutor;
  private readonly retained: number;
  private counters: readonly number[] = [];

  public constructor(executor: SqlExecutor, options: SqliteChangeLogOptions = {}) {
    this.executor = executor;
    this.leaseMs = options.leaseMs ?? DEFAULT_LEASE_MS;
    this.retained = options.retainedChanges ?? DEFAULT_RETAINED_CHANGES;
  }

  public get dialect(): SqlDialect {
    return this.executor.dialect;
  }

  public get schemaVersion(): number {
    return this.counters[0] ?? 0;
  }

  public async open(
    source: SqlChangeSource<unknown>,
    since: string | undefined,
  ): Promise<LogTail<SqlRow>> {
    const position = since === undefined ? undefined : parsePosition(since);
    const start = await this.executor.atomic(() => this.opening(source, position));
    return new SqliteLogTail(this, source, start);
  }

  /** Writes of other connections move the data version, those past the storages the changes. */
  public async poll(): Promise<boolean> {
    const { rows } = await this.executor.execute(POLL, { mode: "read" });
    const counters = (rows[0] ?? []).map(Number);
    const changed = counters.some((value, i) => value !== this.counters[i]);
    this.counters = counters;
    return changed;
  }

  public async renew(held: readonly HeldTail[]): Promise<ReadonlySet<LogTail>> {
    const leases = held.flatMap(({ tail, position }) =>
      tail instanceof SqliteLogTail ? { tail, ...parsePosition(position) } : [],
    );
    const lapsed = await this.executor.atomic(() => this.renewing(leases));
    for (const log of new Set(leases.map(({ tail }) => tail.log))) await this.trim(log);
    return lapsed;
  }

  public async release(tail: SqliteLogTail, resumable: boolean): Promise<void> {
    const keepMs = resumable ? this.leaseMs : 0;
    await this.executor.atomic(function* () {
      yield* runAll([CREATE_LEASES]);
      yield* endLease(tail.log, tail.subscriber, keepMs);
      yield* removeStaleLogs();
    });
    if (keepMs > 0) this.sweepLater();
  }

  /** The first subscription creates the log and its triggers. */
  public setupSql(): readonly string[] {
    return [];
  }

  // biome-ignore lint/correctness/useYield: a program that needs no statement
  public *isSetUp(): SqlProgram<boolean> {
    return true;
  }

  /** Triggers of SQLite follow what is renamed; a printed `DROP COLUMN` wants no subscribers. */
  public interruptSql(): readonly string[] {
    return [];
  }

  public interrupt(table: string): SqlProgram<void> {
    return removeLogsOf(table);
  }

  public async sweep(): Promise<void> {
    const stale = await this.read(staleLogs);
    if (stale.length > 0) await this.executor.atomic(removeStaleLogs);
  }

  public read<T>(program: () => SqlProgram<T>): Promise<T> {
    return this.executor.atomic(program, { mode: "read" });
  }

  private *opening(
    source: SqlChangeSource<unknown>,
    since: LogPosition | undefined,
  ): SqlProgram<TailStart> {
    const table = yield* this.loggedTable(source);
    yield* runAll([CREATE_LEASES]);
    const { log, complete } = yield* this.wholeLog(table);
    const bounds = yield* logBounds(log);
    const oldest = bounds.first === undefined ? 0 : bounds.first - 1;
    const known =
      since !== undefined &&
      complete &&
      since.log === log &&
      since.sequence >= oldest &&
      since.sequence <= bounds.last;
    const sequence = known ? since.sequence : bounds.last;
    const subscriber = newUuid();
    yield* takeLease(log, subscriber, sequence, this.leaseMs);
    return { log, subscriber, sequence, resync: since !== undefined && !known };
  }

  /** The table's log with all wanted columns; `complete` where it has had them from its beginning. */
  private *wholeLog(table: LoggedTable): SqlProgram<{ log: string; complete: boolean }> {
    const attached = yield* attachedLog(table.table);
    if (attached === undefined || !(yield* isLeased(attached))) {
      yield* removeLogsOf(table.table);
      const log = newUuid().replaceAll("-", "");
      yield* runAll([createLog(log, table.columns), ...createTriggers(log, table)]);
      return { log, complete: true };
    }
    const logged = (yield* columnsOf(unquoted(attached))).flatMap((name) =>
      name.startsWith("old:") ? name.slice("old:".length) : [],
    );
    const missing = table.columns.filter((name) => !includes(logged, name));
    if (missing.length === 0) return { log: attached, complete: true };
    yield* this.widen(attached, table, logged, missing);
    return { log: attached, complete: false };
  }

  /** Adds columns that earlier subscribers had no use for, or that the table did not have. */
  private *widen(
    log: string,
    table: LoggedTable,
    logged: readonly string[],
    missing: readonly string[],
  ): SqlProgram<void> {
    const existing = yield* columnsOf(table.table);
    const columns = [...logged.filter((name) => includes(existing, name)), ...missing];
    this.assertWidth(columns.length);
    yield* runAll(missing.flatMap((name) => addLogColumn(log, name)));
    yield* runAll([...dropTriggers(log), ...createTriggers(log, { ...table, columns })]);
  }

  /** A trigger that names a missing column would break every write: looks before it creates one. */
  private *loggedTable(source: SqlChangeSource<unknown>): SqlProgram<LoggedTable> {
    const existing = yield* columnsOf(source.table);
    if (existing.length === 0) {
      throw new StorageNotSetUpError(
        `table "${source.table}" does not exist: call setupDatabase()`,
      );
    }
    const columns = [
      ...new Set([...source.columns.map((column) => column.name), ...source.keyColumns]),
    ];
    const missing = columns.filter((name) => !includes(existing, name));
    if (missing.length > 0) {
      throw new StorageSchemaMismatchError(
        "the table was made for another schema: call setupDatabase()",
        missing.map((name) => `column "${name}" is missing`),
      );
    }
    this.assertWidth(columns.length);
    return { table: source.table, columns, keyColumns: source.keyColumns };
  }

  private assertWidth(columns: number): void {
    const most = Math.floor((this.dialect.maxColumns - 2) / 2);
    if (columns > most) {
      throw new StorageUnsupportedError(`changes of more than ${most} columns`, this.dialect.name);
    }
  }

  private *renewing(
    leases: readonly { readonly tail: SqliteLogTail; readonly sequence: number }[],
  ): SqlProgram<ReadonlySet<LogTail>> {
    yield* runAll([CREATE_LEASES]);
    const lapsed = new Set<LogTail>();
    for (const { tail, sequence } of leases) {
      if (!(yield* renewLease(tail.log, tail.subscriber, sequence, this.leaseMs))) lapsed.add(tail);
    }
    return lapsed;
  }

  private async trim(log: string): Promise<void> {
    // What is left waits for the next renewal, lest that one come too late.
    const deadline = performance.now() + this.leaseMs / 6;
    let more = true;
    while (more && performance.now() < deadline) {
      more = await this.executor.atomic(() => this.trimming(log));
    }
  }

  private *trimming(log: string): SqlProgram<boolean> {
    const exists = (yield* columnsOf(unquoted(log))).length > 0;
    return exists && (yield* trimLog(log, this.retained, TRIMMED_AT_ONCE));
  }

  private sweepLater(): void {
    const delayMs = this.leaseMs * 1.1 + 100;
    const timer = setTimeout(() => void this.sweep().catch(() => undefined), delayMs);
    timer.unref?.();
  }
}

const POLL = {
  text: `SELECT (SELECT "schema_version" FROM pragma_schema_version),
  (SELECT "data_version" FROM pragma_data_version), total_changes()`,
  params: [],
};

const unquoted = (log: string): string => logTable(log).slice(1, -1);

function* columnsOf(table: string): SqlProgram<readonly string[]> {
  const { rows } = yield { text: `SELECT "name" FROM pragma_table_xinfo(?)`, params: [table] };
  return rows.map(([name]) => String(name));
}

/** Names differ in SQLite when they differ in more than the case of ASCII letters. */
function includes(names: readonly string[], name: string): boolean {
  return names.some((other) => lowerCase(other) === lowerCase(name));
}

const lowerCase = (name: string): string => name.replace(/[A-Z]+/g, (s) => s.toLowerCase());
