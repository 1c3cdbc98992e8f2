import type { Prefix } from "@workglow/storage";
import type { SqlDialect, SqlProgram, SqlValue } from "@workglow/storage/sql";
import { KEPT_WITHOUT_WINDOW_MS } from "../keptWithoutWindowMs.ts";
import type { LibraryTable } from "./LibraryTable.ts";
import { executionsTable, limitsTable } from "./rateLimiterTables.ts";
import { type Bind, ScopedStatements } from "./ScopedStatements.ts";

/** Most executions that one call forgets: more than it records, so that no backlog stays. */
const FORGET_BATCH = 100;

const LONGER = '"known"."window_ms" < excluded."window_ms"';

/** The statements of one tenant's rate limiters. */
export class RateLimiterStatements extends ScopedStatements {
  public readonly tables: readonly LibraryTable[];
  private readonly lists: boolean;
  private readonly executions: string;
  private readonly limits: string;

  /** @param lists whether statements can be parts of others, which is the way where each is a journey */
  public constructor(dialect: SqlDialect, prefixes: readonly Prefix[], lists: boolean) {
    super(dialect, prefixes);
    this.lists = lists;
    const executions = executionsTable(dialect, prefixes);
    const limits = limitsTable(dialect, prefixes);
    this.tables = [executions, limits];
    this.executions = dialect.qualified(executions.name);
    this.limits = dialect.qualified(limits.name);
  }

  // The statements on executions rely on the index (tenant, queue, executed_at, id).

  private readonly insert = this.lazily(() =>
    this.template<"queue">(
      (
        bind,
      ) => `${this.forgetting(bind)}INSERT INTO ${this.executions} (${this.names("executed_at")})
VALUES (${this.values(bind)}, ${this.now}) RETURNING "id"`,
    ),
  );

  /**
   * Records an execution where the next available time is not in the future and the window is not
   * full. To be run once {@link enter} has locked the queue's row.
   */
  private readonly insertIfFree = this.lazily(() =>
    this.template<"queue" | "windowMs" | "max">(
      (
        bind,
      ) => `${this.forgetting(bind)}INSERT INTO ${this.executions} (${this.names("executed_at")})
SELECT ${this.values(bind)}, ${this.now} FROM ${this.limits} AS "limit"
WHERE ${this.mine(bind)} AND ("next_available_at" IS NULL OR "next_available_at" <= ${this.now})
  AND (SELECT count(*) FROM (
    SELECT 1 FROM ${this.executions} WHERE ${this.mine(bind)}
    AND "executed_at" > ${this.ago(bind("windowMs", "integer"))} LIMIT ${bind("max", "integer")}) AS "recent") < ${bind("max", "integer")}
RETURNING "id"`,
    ),
  );

  public readonly count = this.lazily(() =>
    this.template<"queue" | "after">(
      (bind) => `SELECT count(*) FROM ${this.executions}
WHERE ${this.mine(bind)} AND "executed_at" > ${bind("after", "timestamp")}`,
    ),
  );

  public readonly oldestAt = this.lazily(() =>
    this.template<"queue" | "offset">(
      (bind) => `SELECT ${this.dialect.selectExpression('"executed_at"', "timestamp")}
FROM ${this.executions} WHERE ${this.mine(bind)}
ORDER BY "executed_at", "id" LIMIT 1 OFFSET ${bind("offset", "integer")}`,
    ),
  );

  public readonly clearExecutions = this.lazily(() =>
    this.template<"queue">((bind) => `DELETE FROM ${this.executions} WHERE ${this.mine(bind)}`),
  );

  public readonly clearLimits = this.lazily(() =>
    this.template<"queue">((bind) => `DELETE FROM ${this.limits} WHERE ${this.mine(bind)}`),
  );

  public readonly nextAvailable = this.lazily(() =>
    this.template<"queue">(
      (bind) => `SELECT ${this.dialect.selectExpression('"next_available_at"', "timestamp")}
FROM ${this.limits} WHERE ${this.mine(bind)}`,
    ),
  );

  public readonly setNextAvailable = this.lazily(() =>
    this.template<"queue" | "next">(
      (bind) => `INSERT INTO ${this.limits} (${this.names("next_available_at")})
VALUES (${this.values(bind)}, ${bind("next", "timestamp")})
ON CONFLICT (${this.names()}) DO UPDATE SET "next_available_at" = excluded."next_available_at"`,
    ),
  );

  /**
   * Locks the queue's row. Where there is one writer at a time it is written only when the window
   * is the longest so far; elsewhere always, so that a transaction that counts by an older snapshot
   * fails and runs again.
   */
  private readonly enter = this.lazily(() =>
    this.template<"queue" | "windowMs">(
      (bind) => `INSERT INTO ${this.limits} AS "known" (${this.names("window_ms")})
VALUES (${this.values(bind)}, ${bind("windowMs", "integer")})
ON CONFLICT (${this.names()}) DO UPDATE SET "window_ms" = ${
        this.lists
          ? `CASE WHEN ${LONGER} THEN excluded."window_ms" ELSE "known"."window_ms" END`
          : `excluded."window_ms" WHERE ${LONGER}`
      }`,
    ),
  );

  /** Executions that no window reaches any more, a few at a time. */
  private readonly forget = this.lazily(() =>
    this.template<"queue">((bind) => this.deletingOld(bind)),
  );

  public readonly release = this.lazily(() =>
    this.template<"queue" | "id">(
      (bind) => `DELETE FROM ${this.executions}
WHERE "id" = ${bind("id", "integer")} AND ${this.mine(bind)}`,
    ),
  );

  /** Records an execution, and forgets old ones. */
  public *record(queue: string): SqlProgram<void> {
    if (!this.lists) yield this.forget({ queue });
    yield this.insert({ queue });
  }

  /** The same where there is room; gives its id. */
  public *reserve(queue: string, max: number, windowMs: number): SqlProgram<SqlValue | undefined> {
    yield this.enter({ queue, windowMs });
    if (!this.lists) yield this.forget({ queue });
    return (yield this.insertIfFree({ queue, windowMs, max })).rows[0]?.[0];
  }

  // ——— parts

  private forgetting(bind: Bind): string {
    return this.lists ? `WITH "forgotten" AS (${this.deletingOld(bind)})\n` : "";
  }

  private deletingOld(bind: Bind): string {
    return `DELETE FROM ${this.executions} WHERE "id" IN (
  SELECT "id" FROM ${this.executions} WHERE ${this.mine(bind)} AND "executed_at" <= ${this.ago(
    `coalesce((SELECT nullif("window_ms", 0) FROM ${this.limits} WHERE ${this.mine(bind)}), ${KEPT_WITHOUT_WINDOW_MS})`,
  )} ORDER BY "executed_at", "id" LIMIT ${FORGET_BATCH}${this.dialect.lockSkippingLocked})`;
  }

  private ago(milliseconds: string): string {
    return this.dialect.addMilliseconds(this.now, `-${milliseconds}`);
  }

  private names(...more: readonly string[]): string {
    return [...this.scope.map(({ name }) => name), ...more]
      .map((name) => this.quote(name))
      .join(", ");
  }

  private values(bind: Bind): string {
    return this.scope.map(({ value, type }) => bind(value, type)).join(", ");
  }
}
