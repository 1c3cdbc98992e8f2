import type { LogPosition } from "@workglow/storage";
import type { SqlChangeSource, SqlDialect, SqlProgram } from "@workglow/storage/sql";
import { StorageNotSetUpError, StorageSchemaMismatchError } from "@workglow/util";
import { changeLogNames, loggedColumns, OPENED } from "./changeLogNames.ts";
import { holdGate, type LeasedLog, livingLeases, lockLog, takeLease } from "./leasePrograms.ts";

/** A log as it was found when a subscriber came. */
export interface OpenedLog {
  readonly log: LeasedLog;
  /** The table's number in the database's catalog. */
  readonly sourceOid: number;
  /** Whether all writers are known to find the gate open. */
  readonly settled: boolean;
  /** The oldest change that the log has. */
  readonly first: number;
  /** The newest one in sight, or the marker where the log was begun anew. */
  readonly last: number;
  /** Where the subscriber resumes; `undefined` where it cannot or need not. */
  readonly resumed: number | undefined;
}

/**
 * Opens the gate of a table's log and takes a lease.
 *
 * @throws StorageNotSetUpError, StorageSchemaMismatchError where the log is not there or lacks a
 *   column
 */
export function* openLog(
  dialect: SqlDialect,
  source: SqlChangeSource<unknown>,
  since: LogPosition | undefined,
  lease: { readonly subscriber: string; readonly ms: number },
): SqlProgram<OpenedLog> {
  const { log, sourceOid } = yield* find(dialect, source);
  yield* lockLog(log.oid);
  // Its number has to be smaller than those of all changes that the open gate lets in.
  let marker = (yield* livingLeases(log)).any ? undefined : yield* insertMarker(log);
  const until = yield* holdGate(log, lease.ms);
  // A lease that lives now has kept the gate open until now.
  const living = yield* livingLeases(log);
  if (marker === undefined && !living.any) marker = yield* insertMarker(log);
  const { first, last, begun } = yield* bounds(log);
  const known =
    since !== undefined &&
    living.settled &&
    since.log === log.oid.toString(16) &&
    since.sequence >= Math.max(first, begun) &&
    since.sequence <= last;
  const resumed = known ? since.sequence : undefined;
  const { subscriber } = lease;
  const { settled } = living;
  yield* takeLease(log, { subscriber, position: resumed ?? first, settled, until });
  return { log, sourceOid, settled, first, last: marker ?? last, resumed };
}

/** Says in a log that what came before is not known. */
export function* insertMarker(log: LeasedLog): SqlProgram<number> {
  const { rows } = yield {
    text: `INSERT INTO ${log.name} ("kind") VALUES (${OPENED}) RETURNING "seq"`,
    params: [],
  };
  return Number(rows[0]?.[0]);
}

/** The oldest and the newest number of a log, and that of its latest marker. */
function* bounds(
  log: LeasedLog,
): SqlProgram<{ readonly first: number; readonly last: number; readonly begun: number }> {
  const { rows } = yield {
    // Three entries of the key's index and of the markers'.
    text: `SELECT (SELECT min("seq") FROM ${log.name}), (SELECT max("seq") FROM ${log.name}),
  (SELECT max("seq") FROM ${log.name} WHERE "kind" = ${OPENED})`,
    params: [],
  };
  const [first, last, begun] = rows[0] ?? [];
  if (first !== null) return { first: Number(first), last: Number(last), begun: Number(begun) };
  // Somebody has emptied it.
  const marker = yield* insertMarker(log);
  return { first: marker, last: marker, begun: marker };
}

/** A log that lacks a column would not deliver everything. */
function* find(
  dialect: SqlDialect,
  source: SqlChangeSource<unknown>,
): SqlProgram<{ readonly log: LeasedLog; readonly sourceOid: number }> {
  const names = changeLogNames(dialect, source.table);
  const { rows } = yield {
    text: `SELECT to_regclass($1::text)::oid::bigint, to_regclass($2::text)::oid::bigint, to_regclass($3::text)::oid::bigint`,
    params: [names.source, names.log, names.gate],
  };
  const [sourceOid, oid, gate] = (rows[0] ?? []) as readonly (number | null)[];
  if (sourceOid === null || oid === null || gate === null) {
    const missing = sourceOid === null ? "does not exist" : "does not log its changes";
    throw new StorageNotSetUpError(
      `table "${source.table}" ${missing}: call setupDatabase(), or run what schemaSql() prints`,
    );
  }
  const found = yield {
    text: `SELECT attname FROM pg_attribute WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped`,
    params: [oid as number],
  };
  const logged = new Set(found.rows.map(([name]) => name));
  const wanted = loggedColumns(
    source.columns.map(({ name }) => name),
    source.keyColumns,
  );
  const missing = wanted.filter((column) => !logged.has(column.old) || !logged.has(column.new));
  if (missing.length > 0) {
    throw new StorageSchemaMismatchError(
      "the table was made for another schema: call setupDatabase()",
      missing.map(({ name }) => `changes of column "${name}" are not logged`),
    );
  }
  const { log: name, subscribers } = names;
  return {
    log: { oid: oid as number, name, gate: gate as number, subscribers },
    sourceOid: sourceOid as number,
  };
}
