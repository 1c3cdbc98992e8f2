import type { SqlProgram } from "@workglow/storage/sql";

/** The server's clock in ms. */
export const NOW_MS = "(date_part('epoch', clock_timestamp()) * 1000)::bigint";

/** `settled`: every transaction that may have passed the closed gate has ended since. */
export const SUBSCRIBERS_COLUMNS = `"log" bigint NOT NULL, "subscriber" text COLLATE "C" NOT NULL,
    "position" bigint, "expires_ms" bigint NOT NULL, "settled" boolean NOT NULL, PRIMARY KEY ("log", "subscriber")`;

/** One log as the programs need it. */
export interface LeasedLog {
  /** The log's number in the database's catalog: another one for one that was made anew. */
  readonly oid: number;
  /** Its table, as statements take it. */
  readonly name: string;
  /** Its gate's number in the catalog: the name may be another log's by now. */
  readonly gate: number;
  readonly subscribers: string;
}

/** Marks the locks of logs among all that a transaction may ask for; the number means nothing. */
const LOCK_CLASS = 0x776f6c;

/** Waits until nobody else opens, renews or ends leases of the log; for the transaction. */
export function* lockLog(oid: number): SqlProgram<void> {
  yield {
    text: "SELECT pg_advisory_xact_lock($1::int, $2::int)",
    // As a signed number, which the lock's parameter is.
    params: [LOCK_CLASS, oid | 0],
  };
}

/**
 * Has changes logged for so many ms from now, and says until when. It takes effect at once, whatever
 * becomes of the transaction, so that what it means is told by the leases alone, none of which may
 * end later.
 */
export function* holdGate({ gate }: LeasedLog, ms: number): SqlProgram<number> {
  const { rows } = yield { text: `SELECT ${NOW_MS} + $1::bigint`, params: [ms] };
  const until = Number(rows[0]?.[0]);
  yield {
    text: `SELECT setval($1::oid::regclass, greatest(coalesce(pg_sequence_last_value($1::oid::regclass), 0), $2::bigint))`,
    params: [gate, until],
  };
  return until;
}

/** Has changes logged as long as the leases live that are left. */
export function* lowerGate({ oid, gate, subscribers }: LeasedLog): SqlProgram<void> {
  yield {
    text: `SELECT setval($1::oid::regclass, coalesce((SELECT max("expires_ms") FROM ${subscribers} WHERE "log" = $2::bigint AND "expires_ms" > ${NOW_MS}), 0))`,
    params: [gate, oid],
  };
}

/** Who keeps the gate open. */
export interface LivingLeases {
  /** Some lease lives, so that changes are logged since its log was begun. */
  readonly any: boolean;
  /** One of them has seen the end of all writers that began before. */
  readonly settled: boolean;
}

export function* livingLeases({ oid, subscribers }: LeasedLog): SqlProgram<LivingLeases> {
  const { rows } = yield {
    text: `SELECT count(*), count(*) FILTER (WHERE "settled") FROM ${subscribers} WHERE "log" = $1::bigint AND "expires_ms" > ${NOW_MS}`,
    params: [oid],
  };
  const [any, settled] = (rows[0] ?? []).map((count) => Number(count) > 0);
  return { any: any === true, settled: settled === true };
}

export function* takeLease(
  { oid, subscribers }: LeasedLog,
  lease: {
    readonly subscriber: string;
    readonly position: number;
    readonly settled: boolean;
    /** In ms of the server's clock. */
    readonly until: number;
  },
): SqlProgram<void> {
  yield {
    text: `INSERT INTO ${subscribers} ("log", "subscriber", "position", "expires_ms", "settled")
VALUES ($1::bigint, $2::text, $3::bigint, $4::bigint, $5::boolean)`,
    params: [oid, lease.subscriber, lease.position, lease.until, lease.settled ? 1 : 0],
  };
}

export function* settleLease(
  { oid, subscribers }: LeasedLog,
  subscriber: string,
): SqlProgram<void> {
  yield {
    text: `UPDATE ${subscribers} SET "settled" = true WHERE "log" = $1::bigint AND "subscriber" = $2::text`,
    params: [oid, subscriber],
  };
}

/** Renews the leases that still live, and gives their subscribers. */
export function* renewLeases(
  { oid, subscribers }: LeasedLog,
  held: readonly { readonly subscriber: string; readonly position: number }[],
  until: number,
): SqlProgram<ReadonlySet<unknown>> {
  const { rows } = yield {
    text: `UPDATE ${subscribers} s SET "position" = h.position, "expires_ms" = $4::bigint
FROM unnest($2::text[], $3::bigint[]) h (subscriber, position)
WHERE s."log" = $1::bigint AND s."subscriber" = h.subscriber AND s."expires_ms" > ${NOW_MS} RETURNING s."subscriber"`,
    params: [oid, held.map((h) => h.subscriber), held.map((h) => h.position), until],
  };
  return new Set(rows.map(([subscriber]) => subscriber));
}

/**
 * Ends a lease: at once, or `keepMs` from now, no longer holding back the trimming of the log. One
 * that has lapsed is not brought back, for that would hide the changes that passed by meanwhile.
 */
export function* endLease(
  { oid, subscribers }: LeasedLog,
  subscriber: string,
  keepMs: number,
): SqlProgram<void> {
  yield {
    text: `UPDATE ${subscribers} SET "position" = NULL, "expires_ms" = CASE
  WHEN $3::bigint > 0 AND "settled" AND "expires_ms" > ${NOW_MS} THEN ${NOW_MS} + $3::bigint ELSE 0 END
WHERE "log" = $1::bigint AND "subscriber" = $2::text`,
    params: [oid, subscriber, keepMs],
  };
}

export function* removeDeadLeases({
  oid,
  subscribers,
}: Pick<LeasedLog, "oid" | "subscribers">): SqlProgram<void> {
  yield {
    text: `DELETE FROM ${subscribers} WHERE "log" = $1::bigint AND "expires_ms" <= ${NOW_MS}`,
    params: [oid],
  };
}
