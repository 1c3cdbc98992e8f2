import type { SqlProgram, SqlRow } from "@workglow/storage/sql";
import {
  CREATE_LEASES,
  dropLog,
  LEASES,
  LOG_PATTERN,
  leaseLives,
  logOfName,
  logTable,
  NOW_MS,
  PENDING,
  TRIGGER_COUNT,
} from "./changeLogTables.ts";

/** How far a log reaches: `last` is the newest change, or 0; `first` is undefined while it is empty. */
export interface LogBounds {
  readonly first: number | undefined;
  readonly last: number;
}

/** Runs statements that have no parameters and whose results nobody wants. */
export function* runAll(texts: readonly string[]): SqlProgram<void> {
  for (const text of texts) yield { text, params: [] };
}

/** The log that a table's triggers write to, if it has all of them. */
export function* attachedLog(table: string): SqlProgram<string | undefined> {
  const counts = new Map<string, number>();
  for (const log of yield* logsOnTable(table)) counts.set(log, (counts.get(log) ?? 0) + 1);
  const [only] = counts;
  return counts.size === 1 && only?.[1] === TRIGGER_COUNT ? only[0] : undefined;
}

/** The logs that a table's triggers write to, one entry for each trigger. */
function* logsOnTable(table: string): SqlProgram<readonly string[]> {
  const { rows } = yield {
    text: `SELECT "name" FROM sqlite_master
WHERE "type" = 'trigger' AND "tbl_name" = ? COLLATE NOCASE AND "name" GLOB '${LOG_PATTERN}'`,
    params: [table],
  };
  return logsOf(rows);
}

const logsOf = (rows: readonly SqlRow[]): readonly string[] =>
  rows.flatMap(([name]) => logOfName(String(name)) ?? []);

/** Removes whatever logs the changes of a table. */
export function* removeLogsOf(table: string): SqlProgram<void> {
  for (const log of new Set(yield* logsOnTable(table))) yield* removeLog(log);
}

function* removeLog(log: string): SqlProgram<void> {
  yield* runAll([CREATE_LEASES, ...dropLog(log)]);
  yield { text: `DELETE FROM "${LEASES}" WHERE "log" = ?`, params: [log] };
}

/** The logs that no living lease needs: their subscribers died, or their table was dropped. */
export function* staleLogs(): SqlProgram<readonly string[]> {
  const named = yield {
    text: `SELECT "name", "type" FROM sqlite_master WHERE "name" GLOB '${LOG_PATTERN}' OR "name" = '${LEASES}'`,
    params: [],
  };
  const logs = new Set(logsOf(named.rows));
  if (logs.size === 0) return [];
  const attached = new Set(logsOf(named.rows.filter(([, type]) => type === "trigger")));
  const leased = named.rows.some(([name]) => name === LEASES)
    ? (yield {
        text: `SELECT DISTINCT "log" FROM "${LEASES}" WHERE "expires_at" > ${NOW_MS}`,
        params: [],
      }).rows.map(([log]) => log)
    : [];
  return [...logs].filter((log) => !attached.has(log) || !leased.includes(log));
}

export function* removeStaleLogs(): SqlProgram<void> {
  for (const log of yield* staleLogs()) yield* removeLog(log);
}

/** Whether a log has had a living lease all the time: each lease is taken while another lives. */
export function* isLeased(log: string): SqlProgram<boolean> {
  const { rows } = yield { text: `SELECT ${leaseLives("?")}`, params: [log] };
  return Number(rows[0]?.[0]) === 1;
}

export function* takeLease(
  log: string,
  subscriber: string,
  position: number,
  leaseMs: number,
): SqlProgram<void> {
  yield {
    text: `INSERT INTO "${LEASES}" ("log", "subscriber", "position", "expires_at") VALUES (?, ?, ?, ${NOW_MS} + ?)`,
    params: [log, subscriber, position, leaseMs],
  };
}

/** Renews a lease that still lives; `false` when it has lapsed. */
export function* renewLease(
  log: string,
  subscriber: string,
  position: number,
  leaseMs: number,
): SqlProgram<boolean> {
  const { changes } = yield {
    text: `UPDATE "${LEASES}" SET "position" = ?, "expires_at" = ${NOW_MS} + ?
WHERE "log" = ? AND "subscriber" = ? AND "expires_at" > ${NOW_MS}`,
    params: [position, leaseMs, log, subscriber],
  };
  return changes > 0;
}

/**
 * Ends a lease: at once, or `keepMs` from now, no longer holding back the trimming of the log. One
 * that has lapsed is not brought back, for that would hide the changes that passed by meanwhile.
 */
export function* endLease(log: string, subscriber: string, keepMs: number): SqlProgram<void> {
  const of = `WHERE "log" = ? AND "subscriber" = ?`;
  if (keepMs <= 0) {
    yield { text: `DELETE FROM "${LEASES}" ${of}`, params: [log, subscriber] };
    return;
  }
  yield {
    text: `UPDATE "${LEASES}" SET "position" = NULL, "expires_at" = ${NOW_MS} + ? ${of} AND "expires_at" > ${NOW_MS}`,
    params: [keepMs, log, subscriber],
  };
}

export function* logBounds(log: string): SqlProgram<LogBounds> {
  const table = logTable(log);
  const { rows } = yield {
    text: `SELECT (SELECT min("seq") FROM ${table}),
  (SELECT "seq" FROM ${table} WHERE "type" <> ${PENDING} ORDER BY "seq" DESC LIMIT 1)`,
    params: [],
  };
  const [first, last] = rows[0] as SqlRow;
  return { first: first === null ? undefined : Number(first), last: Number(last) };
}

/**
 * Removes the oldest changes that no subscriber waits for, but for the `retained` newest ones.
 * Removes at most `most`; whether there are more.
 */
export function* trimLog(log: string, retained: number, most: number): SqlProgram<boolean> {
  yield {
    text: `DELETE FROM "${LEASES}" WHERE "log" = ? AND "expires_at" <= ${NOW_MS}`,
    params: [log],
  };
  const { first, last } = yield* logBounds(log);
  if (first === undefined) return false;
  const { rows } = yield {
    text: `SELECT min("position") FROM "${LEASES}" WHERE "log" = ?`,
    params: [log],
  };
  const slowest = rows[0]?.[0] ?? null;
  // The newest row stays, whatever is retained: the next number is the one after it.
  const newest = last - Math.max(retained, 1);
  const end = slowest === null ? newest : Math.min(newest, Number(slowest));
  if (end < first) return false;
  const chunk = Math.min(end, first + most - 1);
  yield { text: `DELETE FROM ${logTable(log)} WHERE "seq" <= ?`, params: [chunk] };
  return chunk < end;
}
