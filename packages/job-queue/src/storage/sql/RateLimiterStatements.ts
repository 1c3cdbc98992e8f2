import type { Prefix } from "@workglow/storage";
import type { SqlDialect } from "@workglow/storage/sql";
import { KEPT_WITHOUT_WINDOW_MS } from "../keptWithoutWindowMs.ts";
import type { LibraryTable } from "./LibraryTable.ts";
import { executionsTable, limitsTable } from "./rateLimiterTables.ts";
import { type Bind, ScopedStatements } from "./ScopedStatements.ts";

/** Most executions that one call forgets: more than it records, so that no backlog stays. */
const FORGET_BATCH = 100;

/** The statements of one tenant's rate limiters. */
export class RateLimiterStatements extends ScopedStatements {
  public readonly tables: readonly LibraryTable[];
  private readonly executions: string;
  private readonly limits: string;

  public constructor(dialect: SqlDialect, prefixes: readonly Prefix[]) {
    super(dialect, prefixes);
    const executions = executionsTable(prefixes);
    const limits = limitsTable(prefixes);
    this.tables = [executions, limits];
    this.executions = this.quote(executions.name);
    this.limits = this.quote(limits.name);
  }

  // The statements on executions rely on the index (tenant, queue, executed_at, id).

  public readonly record = this.lazily(() =>
    this.template<"queue">(
      (bind) => `INSERT INTO ${this.executions} (${this.names("executed_at")})
VALUES (${this.values(bind)}, ${this.now}) RETURNING "id"`,
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

  /** Locks the queue's row, and writes it only when the window is the longest so far. */
  public readonly enter = this.lazily(() =>
    this.template<"queue" | "windowMs">(
      (bind) => `INSERT INTO ${this.limits} AS "known" (${this.names("window_ms")})
VALUES (${this.values(bind)}, ${bind("windowMs", "integer")})
ON CONFLICT (${this.names()}) DO UPDATE SET "window_ms" = excluded."window_ms"
WHERE "known"."window_ms" < excluded."window_ms"`,
    ),
  );

  /** 1 where the next available time is not in the future and the window is not full. */
  public readonly isFree = this.lazily(() =>
    this.template<"queue" | "windowMs" | "max">(
      (
        bind,
      ) => `SELECT CASE WHEN ("next_available_at" IS NULL OR "next_available_at" <= ${this.now})
  AND (SELECT count(*) FROM (
    SELECT 1 FROM ${this.executions} WHERE ${this.mine(bind)}
    AND "executed_at" > ${this.ago(bind("windowMs", "integer"))} LIMIT ${bind("max", "integer")}) AS "recent") < ${bind("max", "integer")}
THEN 1 ELSE 0 END FROM ${this.limits} WHERE ${this.mine(bind)}`,
    ),
  );

  public readonly forget = this.lazily(() =>
    this.template<"queue">(
      (bind) => `DELETE FROM ${this.executions} WHERE "id" IN (
  SELECT "id" FROM ${this.executions} WHERE ${this.mine(bind)} AND "executed_at" <= ${this.ago(
    `coalesce((SELECT nullif("window_ms", 0) FROM ${this.limits} WHERE ${this.mine(bind)}), ${KEPT_WITHOUT_WINDOW_MS})`,
  )} ORDER BY "executed_at", "id" LIMIT ${FORGET_BATCH}${this.dialect.lockSkippingLocked})`,
    ),
  );

  public readonly release = this.lazily(() =>
    this.template<"queue" | "id">(
      (bind) => `DELETE FROM ${this.executions}
WHERE "id" = ${bind("id", "integer")} AND ${this.mine(bind)}`,
    ),
  );

  // ——— parts

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
