import { StorageFullError } from "@workglow/util";
import type { CountedKey, KeyCounter } from "./KeyCounter.ts";
import type { SqlDialect } from "./SqlDialect.ts";
import type { SqlProgram } from "./SqlExecutor.ts";

export const COUNTER_TABLE = "_workglow_counters";

type Spelling = Pick<SqlDialect, "placeholder" | "literal" | "tableExistsExpression" | "qualified">;

/** A {@link KeyCounter} in a table of its own, for databases without shared sequences. */
export class CounterTable implements KeyCounter {
  private readonly dialect: Spelling;
  private readonly table: string;

  public constructor(dialect: Spelling) {
    this.dialect = dialect;
    this.table = dialect.qualified(COUNTER_TABLE);
  }

  public setup(key: CountedKey): readonly string[] {
    return [
      `CREATE TABLE IF NOT EXISTS ${this.table} ("name" TEXT NOT NULL PRIMARY KEY, "value" INTEGER NOT NULL)`,
      `INSERT INTO ${this.table} ("name", "value")
SELECT ${this.dialect.literal(key.table)}, max(0, coalesce(max(${key.quotedColumn}), 0)) FROM ${key.quotedTable}
WHERE true ON CONFLICT ("name") DO NOTHING`,
    ];
  }

  public *isSetUp(key: CountedKey): SqlProgram<boolean> {
    const there = yield {
      text: `SELECT 1 WHERE ${this.dialect.tableExistsExpression(COUNTER_TABLE)}`,
      params: [],
    };
    if (there.rows.length === 0) return false;
    const { rows } = yield {
      text: `SELECT 1 FROM ${this.table} WHERE "name" = ${this.dialect.placeholder(1)}`,
      params: [key.table],
    };
    return rows.length > 0;
  }

  public *allocate(key: CountedKey, count: number): SqlProgram<readonly number[]> {
    const p = this.dialect.placeholder;
    const take = {
      text: `UPDATE ${this.table} SET "value" = "value" + ${p(1)} WHERE "name" = ${p(2)} RETURNING "value"`,
      params: [count, key.table],
    };
    let { rows } = yield take;
    if (rows.length === 0) {
      // The table was made without its counter, by DDL of the user's own.
      yield* this.recount(key);
      ({ rows } = yield take);
    }
    const last = Number(rows[0]?.[0]);
    if (!Number.isSafeInteger(last)) {
      throw new StorageFullError("the table has used up its generated keys");
    }
    return Array.from({ length: count }, (_, i) => last - count + 1 + i);
  }

  public *observe(key: CountedKey, value: number): SqlProgram<void> {
    const p = this.dialect.placeholder;
    yield {
      text: `INSERT INTO ${this.table} ("name", "value") VALUES (${p(1)}, ${p(2)})
ON CONFLICT ("name") DO UPDATE SET "value" = excluded."value" WHERE excluded."value" > "value"`,
      params: [key.table, value],
    };
  }

  public *recount(key: CountedKey): SqlProgram<void> {
    const { rows } = yield {
      text: `SELECT coalesce(max(${key.quotedColumn}), 0) FROM ${key.quotedTable}`,
      params: [],
    };
    yield* this.observe(key, Math.max(0, Number(rows[0]?.[0])));
  }
}
