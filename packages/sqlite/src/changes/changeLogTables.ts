/** One row for each subscriber: how far it has read, and until when its lease lives. */
export const LEASES = "_workglow_subscribers";

const LOG_PREFIX = "_workglow_changes_";

/** Matches, in GLOB, the names of all logs and of their triggers. */
export const LOG_PATTERN = `${LOG_PREFIX}*`;

/** The kinds of a log's rows. `PENDING` is what a row held before a statement that may replace it. */
export const PENDING = 0;
export const INSERT = 1;
export const UPDATE = 2;
export const DELETE = 3;

/** The database's clock in ms. */
export const NOW_MS = "((julianday('now') - 2440587.5) * 86400000.0)";

export const CREATE_LEASES = `CREATE TABLE IF NOT EXISTS "${LEASES}" (
  "log" TEXT NOT NULL,
  "subscriber" TEXT NOT NULL,
  "position" INTEGER,
  "expires_at" REAL NOT NULL,
  PRIMARY KEY ("log", "subscriber")
) WITHOUT ROWID`;

/** The table of a log, quoted. */
export function logTable(log: string): string {
  return `"${LOG_PREFIX}${log}"`;
}

const TRIGGERS = ["replace", "insert", "update", "delete"] as const;

export function triggerName(log: string, trigger: (typeof TRIGGERS)[number]): string {
  return `"${LOG_PREFIX}${log}_${trigger}"`;
}

/** Which log an object of the schema belongs to. */
export function logOfName(name: string): string | undefined {
  return /^_workglow_changes_([0-9a-f]{32})(?:_[a-z]+)?$/.exec(name)?.[1];
}

/** How many triggers a whole log has. */
export const TRIGGER_COUNT = TRIGGERS.length;

export function dropTriggers(log: string): readonly string[] {
  return TRIGGERS.map((trigger) => `DROP TRIGGER IF EXISTS ${triggerName(log, trigger)}`);
}

export function dropLog(log: string): readonly string[] {
  return [...dropTriggers(log), `DROP TABLE IF EXISTS ${logTable(log)}`];
}

/** Whether a log has a subscriber whose lease lives. `logText` is an expression. */
export function leaseLives(logText: string): string {
  return `EXISTS (SELECT 1 FROM "${LEASES}" WHERE "log" = ${logText} AND "expires_at" > ${NOW_MS})`;
}
