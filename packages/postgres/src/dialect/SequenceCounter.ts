import type { CountedKey, KeyCounter, SqlDialect, SqlProgram } from "@workglow/storage/sql";
import { sha256Hex } from "@workglow/util";
import { literal } from "./literal.ts";

const LARGEST_KEY = Number.MAX_SAFE_INTEGER;

/** Up to so many keys are passed over one by one. */
const MOST_STEPS = 10_000;

const LONGEST_READABLE = 24;

/**
 * A {@link KeyCounter} by a sequence for each table, which belongs to the key's column and goes
 * with it. Writers do not wait for each other's transactions, and a key that a transaction took is
 * never given again, also when it is rolled back.
 *
 * Who writes to the table needs `USAGE` and `UPDATE` on the sequence.
 */
export class SequenceCounter implements KeyCounter {
  private readonly qualified: SqlDialect["qualified"];

  public constructor(qualified: SqlDialect["qualified"]) {
    this.qualified = qualified;
  }

  public setup(key: CountedKey): readonly string[] {
    const sequence = this.sequence(key);
    return [
      `CREATE SEQUENCE IF NOT EXISTS ${this.qualified(sequenceName(key.table))} MAXVALUE ${LARGEST_KEY} OWNED BY ${key.quotedTable}.${key.quotedColumn}`,
      // Says nothing to tables without rows, and never sets the counter back.
      `SELECT setval(${sequence}, "largest") FROM (SELECT max(${key.quotedColumn}) AS "largest" FROM ${key.quotedTable}) AS "rows"
WHERE "largest" > coalesce(pg_sequence_last_value(${sequence}), 0)`,
    ];
  }

  public *isSetUp(key: CountedKey): SqlProgram<boolean> {
    const { rows } = yield {
      text: "SELECT to_regclass($1::text) IS NOT NULL",
      params: [this.qualified(sequenceName(key.table))],
    };
    return Number(rows[0]?.[0]) === 1;
  }

  public nextKey(key: CountedKey): string {
    return `nextval(${this.sequence(key)})`;
  }

  /** @throws StorageFullError where the keys up to 2^53 - 1 are used up */
  public *allocate(key: CountedKey, count: number): SqlProgram<readonly number[]> {
    const { rows } = yield {
      text: `SELECT ${this.nextKey(key)} FROM generate_series(1, $1::bigint)`,
      params: [count],
    };
    return rows.map(([next]) => Number(next));
  }

  /**
   * A sequence can be set but not compared and set: what others take between a look and a `setval`
   * would be given again. So it is moved by taking keys, which never goes back; only leaps are set,
   * one at a time, where others would have to take as many keys between two instructions.
   */
  public *observe(key: CountedKey, value: number): SqlProgram<void> {
    const sequence = this.sequence(key);
    const { rows } = yield {
      text: `WITH "at" AS MATERIALIZED (SELECT coalesce(pg_sequence_last_value(${sequence}), 0) AS "last")
SELECT $1::bigint - "last" > ${MOST_STEPS}, (SELECT max(${this.nextKey(key)})
  FROM generate_series("last" + 1, CASE WHEN $1::bigint - "last" <= ${MOST_STEPS} THEN $1::bigint END))
FROM "at"`,
      params: [value],
    };
    if (Number(rows[0]?.[0]) !== 1) return;
    yield {
      text: `SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))`,
      params: [`_workglow_counter ${sequence}`],
    };
    yield {
      text: `SELECT setval(${sequence}, $1::bigint) WHERE pg_sequence_last_value(${sequence}) IS NULL OR pg_sequence_last_value(${sequence}) < $1::bigint`,
      params: [value],
    };
  }

  public *recount(key: CountedKey): SqlProgram<void> {
    const { rows } = yield {
      text: `SELECT coalesce(max(${key.quotedColumn}), 0) FROM ${key.quotedTable}`,
      params: [],
    };
    yield* this.observe(key, Math.max(0, Number(rows[0]?.[0])));
  }

  /** An expression. */
  private sequence(key: CountedKey): string {
    return `${literal(this.qualified(sequenceName(key.table)))}::regclass`;
  }
}

/** The same name for the same table, short enough. */
function sequenceName(table: string): string {
  const readable = table.replace(/[^A-Za-z0-9_]/g, "_").slice(0, LONGEST_READABLE);
  return `${readable}_${sha256Hex(JSON.stringify([table])).slice(0, 16)}_seq`;
}
