import { ABORTED, NO_ATTEMPTS_LEFT } from "../jobFate.ts";
import { JobStatements } from "./JobStatements.ts";
import { LEASES_TABLE } from "./queueTables.ts";
import type { Bind } from "./ScopedStatements.ts";

/** The columns of a job that nobody works on. */
const UNCLAIMED = `"progress" = 0, "progress_message" = '', "progress_details" = NULL, "worker_id" = NULL,
  "lease_instance" = NULL, "timeout_at" = NULL`;

/** What is read of jobs whose attempt was cut off. */
const CUT_OFF = `"job"."id", "job"."lease_token", "job"."status", "job"."run_attempts", "job"."max_retries", "job"."crashes", "job"."backoff"`;

type FinishColumn =
  | "status"
  | "output"
  | "error"
  | "error_code"
  | "error_details"
  | "progress"
  | "progress_message"
  | "progress_details";
type RetryColumn = "run_after" | "error" | "error_code" | "error_details";

/** Most rows that one statement deletes: others get their turn in between. */
export const DELETE_BATCH = 1000;
/** Most jobs that one look takes from the dead. */
export const SWEEP_BATCH = 100;

/**
 * The statements that change jobs of one queue of one tenant. `lease_instance` tells which jobs are
 * being worked on.
 */
export class QueueStatements extends JobStatements {
  private readonly leases = this.quote(LEASES_TABLE.name);

  // ——— claims. The comments name the columns of the index that a statement relies on.

  /** Index (run_after) of what waits for it. */
  public readonly promote = this.lazily(() =>
    this.template<never>(
      (bind) => `UPDATE ${this.jobs} SET "ready" = 1
WHERE ${this.mine(bind)} AND "status" = 'PENDING' AND "ready" = 0 AND "run_after" <= ${this.now}`,
    ),
  );

  /** Index (priority DESC, run_after, id) of what is ready. */
  public readonly claim = this.lazily(() =>
    this.template<"workerId" | "token" | "instance" | "limit">((bind) => {
      const timeoutAt = this.dialect.addMilliseconds(this.now, '"timeout_ms"');
      return `WITH ${this.clock}
UPDATE ${this.jobs} SET "status" = 'PROCESSING', "run_attempts" = "run_attempts" + 1, "room" = NULL,
  "worker_id" = ${bind("workerId")}, "lease_token" = ${bind("token")}, "lease_instance" = ${bind("instance")},
  "last_ran_at" = (SELECT "now" FROM "clock"),
  "timeout_at" = CASE WHEN "timeout_ms" IS NOT NULL THEN ${timeoutAt} END
WHERE "id" IN (
  SELECT "id" FROM ${this.jobs} WHERE ${this.mine(bind)} AND "status" = 'PENDING' AND "ready" = 1
  ORDER BY "priority" DESC, "run_after", "id" LIMIT CAST(${bind("limit", "integer")} AS INTEGER)${this.dialect.lockSkippingLocked})
RETURNING ${this.selection(this.codec.claimColumns)}`;
    }),
  );

  // ——— ends of attempts, by primary key

  /** The usual end, with nothing to say but the output. */
  public readonly succeed = this.lazily(() =>
    this.template<"output" | "id" | "token">(
      (
        bind,
      ) => `UPDATE ${this.jobs} SET "status" = 'COMPLETED', "output" = ${bind("output", "json")},
  "error" = NULL, "error_code" = NULL, "error_details" = NULL, "progress" = 100, ${this.ended}
WHERE ${this.held(bind)}`,
    ),
  );

  public readonly finish = this.lazily(() =>
    this.template<FinishColumn | "id" | "token">(
      (bind) => `UPDATE ${this.jobs} SET ${this.finishing(bind)} WHERE ${this.held(bind)}`,
    ),
  );

  /** Of a job that was never claimed. */
  public readonly finishUnclaimed = this.lazily(() =>
    this.template<FinishColumn | "id">(
      (bind) => `UPDATE ${this.jobs} SET ${this.finishing(bind)} WHERE ${this.unclaimed(bind)}`,
    ),
  );

  /** Where an attempt is left and nobody wants the job aborted. */
  public readonly retry = this.lazily(() =>
    this.template<RetryColumn | "id" | "token">(
      (bind) => `UPDATE ${this.jobs} SET ${this.retrying(bind)}
WHERE ${this.held(bind)} AND "status" = 'PROCESSING' AND "run_attempts" <= "max_retries"`,
    ),
  );

  public readonly retryUnclaimed = this.lazily(() =>
    this.template<RetryColumn | "id">(
      (bind) => `UPDATE ${this.jobs} SET ${this.retrying(bind)} WHERE ${this.unclaimed(bind)}`,
    ),
  );

  /** Instead of a retry that cannot be. */
  public readonly failRetry = this.lazily(() =>
    this.template<"error" | "error_code" | "error_details" | "id" | "token">(
      (bind) => `UPDATE ${this.jobs} SET "status" = 'FAILED', ${this.ended},
  "error" = CASE "status" WHEN 'ABORTING' THEN coalesce(${bind("error")}, ${this.text(ABORTED.error)}) ELSE ${this.text(NO_ATTEMPTS_LEFT.error)} END,
  "error_code" = CASE "status" WHEN 'ABORTING' THEN coalesce(${bind("error_code")}, ${this.text(ABORTED.error_code)}) ELSE ${this.text(NO_ATTEMPTS_LEFT.error_code)} END,
  "error_details" = ${bind("error_details", "json")}
WHERE ${this.held(bind)}`,
    ),
  );

  /** Back to the queue as if it had not been claimed. */
  public readonly giveBack = this.lazily(() =>
    this.template<"id" | "token">(
      (bind) => `UPDATE ${this.jobs} SET "status" = 'PENDING', "run_attempts" = "run_attempts" - 1,
  "ready" = 1, "lease_token" = NULL, ${UNCLAIMED}
WHERE ${this.held(bind)} AND "status" = 'PROCESSING'`,
    ),
  );

  public readonly saveProgress = this.lazily(() =>
    this.template<"progress" | "progress_message" | "progress_details" | "id" | "token">(
      (bind) => `UPDATE ${this.jobs} SET "progress" = ${bind("progress", "double")},
  "progress_message" = ${bind("progress_message")}, "progress_details" = ${bind("progress_details", "json")}
WHERE ${this.held(bind)}`,
    ),
  );

  /** Why a fenced statement changed nothing. */
  public readonly standing = this.lazily(() =>
    this.template<"id">(
      (bind) => `SELECT "status", "lease_token" FROM ${this.jobs} WHERE ${this.one(bind)}`,
    ),
  );

  // ——— leases

  public readonly renewLease = this.lazily(() =>
    this.template<"instance" | "leaseMs">(
      (bind) => `INSERT INTO ${this.leases} ("instance", "expires_at")
VALUES (${bind("instance")}, ${this.dialect.addMilliseconds(this.now, bind("leaseMs", "integer"))})
ON CONFLICT ("instance") DO UPDATE SET "expires_at" = excluded."expires_at"`,
    ),
  );

  public readonly dropLease = this.lazily(() =>
    this.template<"instance">(
      (bind) => `DELETE FROM ${this.leases} WHERE "instance" = ${bind("instance")}`,
    ),
  );

  /** Index (lease_instance). What the instance holds, and whether it was claimed `ageMs` ago. */
  public readonly heldBy = this.lazily(() =>
    this.template<"instance" | "ageMs">(
      (bind) => `SELECT "id", "lease_token",
  CASE WHEN ${this.dialect.addMilliseconds('"last_ran_at"', bind("ageMs", "integer"))} <= ${this.now} THEN 1 ELSE 0 END
FROM ${this.jobs} WHERE ${this.mine(bind)} AND "lease_instance" = ${bind("instance")}`,
    ),
  );

  /**
   * Index (lease_instance), read one instance at a time however many jobs each has: the jobs of
   * others whose lease has run out or is not there. The instances come first, whatever a database
   * guesses of their number: hence the CROSS JOIN.
   */
  public readonly crashed = this.lazily(() =>
    this.template<"instance">(
      (bind) => `WITH RECURSIVE "holder" ("instance") AS (
  SELECT min("lease_instance") FROM ${this.jobs} WHERE ${this.mine(bind)} AND "lease_instance" IS NOT NULL
  UNION ALL
  SELECT (SELECT min("lease_instance") FROM ${this.jobs} WHERE ${this.mine(bind)} AND "lease_instance" > "holder"."instance")
  FROM "holder" WHERE "holder"."instance" IS NOT NULL
), "dead" AS MATERIALIZED (
  SELECT "instance" FROM "holder" WHERE "instance" <> ${bind("instance")} AND NOT EXISTS (
    SELECT 1 FROM ${this.leases} AS "lease" WHERE "lease"."instance" = "holder"."instance" AND "lease"."expires_at" > ${this.now})
)
SELECT ${CUT_OFF} FROM "dead" CROSS JOIN ${this.jobs} AS "job"
WHERE ${this.mine(bind)} AND "job"."lease_instance" = "dead"."instance" LIMIT ${SWEEP_BATCH}`,
    ),
  );

  /** Index (timeout_at). */
  public readonly timedOut = this.lazily(() =>
    this.template<never>(
      (bind) => `SELECT ${CUT_OFF} FROM ${this.jobs} AS "job"
WHERE ${this.mine(bind)} AND "timeout_at" <= ${this.now} LIMIT ${SWEEP_BATCH}`,
    ),
  );

  /** A crashed job runs again in its old place, or after a pause of `delayMs`. */
  public readonly requeue = this.lazily(() =>
    this.template<"id" | "token" | "delayMs">(
      (
        bind,
      ) => `UPDATE ${this.jobs} SET "status" = 'PENDING', "crashes" = "crashes" + 1, "lease_token" = NULL, ${UNCLAIMED},
  "ready" = CASE WHEN ${bind("delayMs", "integer")} > 0 THEN 0 ELSE 1 END,
  "run_after" = CASE WHEN ${bind("delayMs", "integer")} > 0
    THEN ${this.dialect.addMilliseconds(this.now, bind("delayMs", "integer"))} ELSE "run_after" END
WHERE ${this.held(bind)}`,
    ),
  );

  public readonly failCutOff = this.lazily(() =>
    this.template<"id" | "token" | "error" | "error_code">(
      (bind) => `UPDATE ${this.jobs} SET "status" = 'FAILED', "lease_token" = NULL, ${this.ended},
  "error" = ${bind("error")}, "error_code" = ${bind("error_code")}
WHERE ${this.held(bind)}`,
    ),
  );

  /** Leases that ran out long ago: a missing one counts the same. */
  public readonly forgetLeases = this.lazily(() =>
    this.template<"leaseMs">(
      (bind) => `DELETE FROM ${this.leases}
WHERE ${this.dialect.addMilliseconds('"expires_at"', bind("leaseMs", "integer"))} <= ${this.now}`,
    ),
  );

  // ——— aborting and deleting

  public readonly abort = this.lazily(() =>
    this.template<"id">(
      (bind) => `UPDATE ${this.jobs} SET
  "error" = CASE "status" WHEN 'PENDING' THEN ${this.text(ABORTED.error)} ELSE "error" END,
  "error_code" = CASE "status" WHEN 'PENDING' THEN ${this.text(ABORTED.error_code)} ELSE "error_code" END,
  "completed_at" = CASE "status" WHEN 'PENDING' THEN ${this.now} END,
  "lease_token" = CASE "status" WHEN 'PENDING' THEN NULL ELSE "lease_token" END,
  "status" = CASE "status" WHEN 'PENDING' THEN 'FAILED' ELSE 'ABORTING' END
WHERE ${this.one(bind)} AND "status" IN ('PENDING', 'PROCESSING')`,
    ),
  );

  public readonly delete = this.lazily(() =>
    this.template<"id">((bind) => `DELETE FROM ${this.jobs} WHERE ${this.one(bind)}`),
  );

  /** Index (status, completed_at, id). */
  public readonly deleteFinished = this.lazily(() =>
    this.template<"status" | "before">(
      (bind) => `DELETE FROM ${this.jobs} WHERE "id" IN (
  SELECT "id" FROM ${this.jobs}
  WHERE ${this.mine(bind)} AND "status" = ${bind("status")} AND "completed_at" <= ${bind("before", "timestamp")}
  ORDER BY "completed_at", "id" LIMIT ${DELETE_BATCH})`,
    ),
  );

  /** All jobs, by the four indexes that hold each of them once. */
  public readonly deleteEach = [
    `"status" = 'PENDING' AND "ready" = 1`,
    `"status" = 'PENDING' AND "ready" = 0`,
    `"lease_instance" IS NOT NULL`,
    `"completed_at" IS NOT NULL`,
  ].map((part) =>
    this.lazily(() =>
      this.template<never>(
        (bind) => `DELETE FROM ${this.jobs} WHERE ${this.mine(bind)} AND ${part}`,
      ),
    ),
  );

  // ——— parts

  private held(bind: Bind): string {
    return `${this.one(bind)} AND "lease_token" = ${bind("token")} AND "lease_instance" IS NOT NULL`;
  }

  private unclaimed(bind: Bind): string {
    return `${this.one(bind)} AND "status" = 'PENDING' AND "run_attempts" = 0`;
  }

  private get ended(): string {
    return `"completed_at" = ${this.now}, "lease_instance" = NULL, "timeout_at" = NULL`;
  }

  private finishing(bind: Bind): string {
    return `"status" = ${bind("status")}, "output" = ${bind("output", "json")}, "error" = ${bind("error")},
  "error_code" = ${bind("error_code")}, "error_details" = ${bind("error_details", "json")}, ${this.ended},
  "progress" = coalesce(${bind("progress", "double")}, "progress"),
  "progress_message" = coalesce(${bind("progress_message")}, "progress_message"),
  "progress_details" = coalesce(${bind("progress_details", "json")}, "progress_details")`;
  }

  private retrying(bind: Bind): string {
    const runAfter = (): string => `coalesce(${bind("run_after", "timestamp")}, ${this.now})`;
    return `"status" = 'PENDING', "run_after" = ${runAfter()},
  "ready" = CASE WHEN ${runAfter()} <= ${this.now} THEN 1 ELSE 0 END, "error" = ${bind("error")},
  "error_code" = ${bind("error_code")}, "error_details" = ${bind("error_details", "json")}, ${UNCLAIMED}`;
  }

  private text(constant: string): string {
    return this.dialect.literal(constant);
  }
}
