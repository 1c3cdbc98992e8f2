import { JobStatements } from "./JobStatements.ts";
import type { Bind } from "./ScopedStatements.ts";
import type { StatementTemplate } from "./statementTemplate.ts";

/** The statements that read jobs of one queue of one tenant. */
export class QueueQueries extends JobStatements {
  public readonly get = this.lazily(() => this.reading<"id">((bind) => this.one(bind)));

  public readonly byRun = this.lazily(() =>
    this.reading<"runId">(
      (bind) => `${this.mine(bind)} AND "job_run_id" = ${bind("runId")} ORDER BY "id"`,
    ),
  );

  public readonly peekReady = this.lazily(() =>
    this.reading<"limit">(
      (bind) => `${this.mine(bind)} AND "status" = 'PENDING' AND "ready" = 1
ORDER BY "priority" DESC, "run_after", "id" LIMIT CAST(${bind("limit", "integer")} AS INTEGER)`,
    ),
  );

  /** What has come due since the last claim. */
  public readonly peekDue = this.lazily(() =>
    this.reading<"now" | "limit">(
      (bind) => `${this.mine(bind)} AND "status" = 'PENDING' AND "ready" = 0
  AND "run_after" <= ${bind("now", "timestamp")}
ORDER BY "priority" DESC, "run_after", "id" LIMIT CAST(${bind("limit", "integer")} AS INTEGER)`,
    ),
  );

  public readonly peekDelayed = this.lazily(() =>
    this.reading<"now" | "limit">(
      (bind) => `${this.mine(bind)} AND "status" = 'PENDING' AND "ready" = 0
  AND "run_after" > ${bind("now", "timestamp")}
ORDER BY "run_after", "id" LIMIT CAST(${bind("limit", "integer")} AS INTEGER)`,
    ),
  );

  public readonly peekActive = this.lazily(() =>
    this.reading<"status" | "limit">(
      (
        bind,
      ) => `${this.mine(bind)} AND "lease_instance" IS NOT NULL AND "status" = ${bind("status")}
ORDER BY "priority" DESC, "run_after", "id" LIMIT CAST(${bind("limit", "integer")} AS INTEGER)`,
    ),
  );

  public readonly peekFinal = this.lazily(() =>
    this.reading<"status" | "limit">(
      (bind) => `${this.mine(bind)} AND "status" = ${bind("status")} AND "completed_at" IS NOT NULL
ORDER BY "completed_at", "id" LIMIT CAST(${bind("limit", "integer")} AS INTEGER)`,
    ),
  );

  public readonly countPending = this.lazily(() =>
    this.template<never>(
      (bind) => `SELECT
  (SELECT count(*) FROM ${this.jobs} WHERE ${this.mine(bind)} AND "status" = 'PENDING' AND "ready" = 1) +
  (SELECT count(*) FROM ${this.jobs} WHERE ${this.mine(bind)} AND "status" = 'PENDING' AND "ready" = 0)`,
    ),
  );

  public readonly countActive = this.lazily(() =>
    this.template<"status">(
      (bind) => `SELECT count(*) FROM ${this.jobs}
WHERE ${this.mine(bind)} AND "lease_instance" IS NOT NULL AND "status" = ${bind("status")}`,
    ),
  );

  public readonly countFinal = this.lazily(() =>
    this.template<"status">(
      (bind) => `SELECT count(*) FROM ${this.jobs}
WHERE ${this.mine(bind)} AND "status" = ${bind("status")} AND "completed_at" IS NOT NULL`,
    ),
  );

  /** Index (fingerprint_hash). */
  public readonly newestOutput = this.lazily(() =>
    this.template<"fingerprint" | "hash">(
      (bind) => `SELECT ${this.dialect.selectExpression('"output"', "json")} FROM ${this.jobs}
WHERE "status" = 'COMPLETED' AND "fingerprint_hash" = ${bind("hash", "integer")}
  AND ${this.mine(bind)} AND "fingerprint" = ${bind("fingerprint")}
ORDER BY "id" DESC LIMIT 1`,
    ),
  );

  public readonly timeAgo = this.lazily(() =>
    this.template<"ms">(
      (bind) =>
        `SELECT ${this.dialect.selectExpression(this.dialect.addMilliseconds(this.now, `-${bind("ms", "double")}`), "timestamp")}`,
    ),
  );

  private reading<Name extends string>(where: (bind: Bind) => string): StatementTemplate<Name> {
    return this.template<Name>(
      (bind) =>
        `SELECT ${this.selection(this.codec.columns)} FROM ${this.jobs} WHERE ${where(bind)}`,
    );
  }
}
