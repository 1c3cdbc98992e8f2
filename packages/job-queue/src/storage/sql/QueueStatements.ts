import type { Prefix } from "@workglow/storage";
import type { SqlColumnType, SqlDialect } from "@workglow/storage/sql";
import { JobStatus } from "../JobStatus.ts";
import { ABORTED, NO_ATTEMPTS_LEFT } from "../jobFate.ts";
import { JobStatements } from "./JobStatements.ts";
import { LEASES_TABLE } from "./queueTables.ts";
import type { Bind } from "./ScopedStatements.ts";

/** The columns of a job that waits. */
const UNCLAIMED = `"progress" = 0, "progress_message" = '', "progress_details" = NULL, "worker_id" = NULL`;

/** The columns of a job that nobody works on. */
const LEFT = `"lease_instance" = NULL, "timeout_at" = NULL`;

/** Written so that nobody looks for the job among all that are held instead of by its id. */
const IS_HELD = `coalesce("lease_instance", '') <> ''`;

/** What is read of jobs whose attempt was cut off. */
const CUT_OFF = `"job"."id", "job"."lease_token", "job"."status", "job"."run_attempts", "job"."max_retries", "job"."crashes", "job"."backoff"`;

/** What a column gets: SQL, the value of a call, or what it has. */
type Part = "kept" | string | (() => string);

/** How an attempt ended, by the names of `JobEnding`, and what else its end may have to write. */
export type EndValue =
  | "token"
  | "status"
  | "output"
  | "error"
  | "error_code"
  | "error_details"
  /** The error's details where a retry cannot be. */
  | "last_error"
  | "run_after"
  | "progress"
  | "progress_message"
  | "progress_details";

/** Most rows that one statement deletes: others get their turn in between. */
export const DELETE_BATCH = 1000;
/** Most jobs that one look takes from the dead. */
export const SWEEP_BATCH = 100;

/**
 * The statements that change jobs of one queue of one tenant. `lease_instance` tells which jobs are
 * being worked on.
 */
export class QueueStatements extends JobStatements {
  /** Whether nothing is left of a job that was COMPLETED. */
  public readonly deletesCompleted: boolean;
  private readonly leases = this.dialect.qualified(LEASES_TABLE.name);

  public constructor(
    dialect: SqlDialect,
    queue: string,
    prefixes: readonly Prefix[],
    options: { readonly lists: boolean; readonly deletesCompleted: boolean },
  ) {
    super(dialect, queue, prefixes, options.lists);
    this.deletesCompleted = options.deletesCompleted;
  }

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
      const claimed = this.claiming({
        worker: bind("workerId"),
        token: bind("token"),
        instance: bind("instance"),
      });
      return `WITH ${this.clock}
UPDATE ${this.jobs} SET ${claimed}
WHERE "id" IN (
  SELECT "id" FROM ${this.jobs} WHERE ${this.mine(bind)} AND "status" = 'PENDING' AND "ready" = 1
  ORDER BY "priority" DESC, "run_after", "id" LIMIT CAST(${bind("limit", "integer")} AS INTEGER))
RETURNING ${this.selection(this.codec.claimColumns)}`;
    }),
  );

  // ——— ends of attempts, by primary key

  /** The usual end, with nothing to say but the output. */
  public readonly succeed = this.change<"output" | "token">((bind) => ({
    set: `"status" = 'COMPLETED', "output" = ${bind("output", "json")},
  "error" = NULL, "error_code" = NULL, "error_details" = NULL, "progress" = 100,
  "completed_at" = ${this.now}, ${LEFT}`,
    where: this.held(bind),
    outcome: JobStatus.COMPLETED,
  }));

  /** Any end of an attempt, or of a job that was never claimed where no token is given. */
  public readonly end = this.change<EndValue>((bind) => ({
    set: this.ending(bind),
    where: this.heldOrUnclaimed(bind),
  }));

  /** An end that leaves nothing. */
  public readonly remove = this.change<"token">((bind) => ({
    where: this.heldOrUnclaimed(bind),
    outcome: JobStatus.COMPLETED,
  }));

  /** Back to the queue as if it had not been claimed; what was to be aborted has failed instead. */
  public readonly giveBack = this.change<"token">((bind) => {
    const either = (name: string, waiting: string, aborted = `"${name}"`): string =>
      `"${name}" = CASE "status" WHEN 'PROCESSING' THEN ${waiting} ELSE ${aborted} END`;
    const columns = [
      either("status", "'PENDING'", "'FAILED'"),
      either("run_attempts", '"run_attempts" - 1'),
      either("progress", "0"),
      either("progress_message", "''"),
      either("progress_details", "NULL"),
      either("worker_id", "NULL"),
      either("error", '"error"', this.text(ABORTED.error)),
      either("error_code", '"error_code"', this.text(ABORTED.error_code)),
      either("completed_at", "NULL", this.now),
    ];
    return {
      set: `${columns.join(",\n  ")}, "ready" = 1, "lease_token" = NULL, ${LEFT}`,
      where: this.held(bind),
    };
  });

  public readonly saveProgress = this.change<
    "progress" | "progress_message" | "progress_details" | "token"
  >((bind) => ({
    set: `"progress" = ${bind("progress", "double")},
  "progress_message" = ${bind("progress_message")}, "progress_details" = ${bind("progress_details", "json")}`,
    where: this.held(bind),
    // It stays, whatever it is.
    outcome: JobStatus.PROCESSING,
  }));

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
   * guesses of their number: hence the CROSS JOIN. Leases and jobs are locked, so that neither a
   * late renewal nor another sweep comes in between.
   */
  public readonly crashed = this.lazily(() =>
    this.template<"instance">((bind) => {
      const { lockSkippingLocked } = this.dialect;
      return `WITH RECURSIVE "holder" ("instance") AS (
  SELECT min("lease_instance") FROM ${this.jobs} WHERE ${this.mine(bind)} AND "lease_instance" IS NOT NULL
  UNION ALL
  SELECT (SELECT min("lease_instance") FROM ${this.jobs} WHERE ${this.mine(bind)} AND "lease_instance" > "holder"."instance")
  FROM "holder" WHERE "holder"."instance" IS NOT NULL
), "lapsed" AS MATERIALIZED (
  SELECT "instance" FROM ${this.leases}
  WHERE "instance" IN (SELECT "instance" FROM "holder") AND "expires_at" <= ${this.now}${lockSkippingLocked}
), "dead" AS MATERIALIZED (
  SELECT "instance" FROM "lapsed" WHERE "instance" <> ${bind("instance")}
  UNION ALL
  SELECT "instance" FROM "holder" WHERE "instance" <> ${bind("instance")}
    AND NOT EXISTS (SELECT 1 FROM ${this.leases} AS "lease" WHERE "lease"."instance" = "holder"."instance")
)
SELECT ${CUT_OFF} FROM "dead" CROSS JOIN ${this.jobs} AS "job"
WHERE ${this.mine(bind)} AND "job"."lease_instance" = "dead"."instance" LIMIT ${SWEEP_BATCH}${lockSkippingLocked}`;
    }),
  );

  /** Index (timeout_at). */
  public readonly timedOut = this.lazily(() =>
    this.template<never>(
      (bind) => `SELECT ${CUT_OFF} FROM ${this.jobs} AS "job"
WHERE ${this.mine(bind)} AND "timeout_at" <= ${this.now} LIMIT ${SWEEP_BATCH}${this.dialect.lockSkippingLocked}`,
    ),
  );

  /** A crashed job runs again in its old place, or after a pause of `delayMs`. */
  public readonly requeue = this.change<"token" | "delayMs">((bind) => {
    const delayMs = (): string => bind("delayMs", "integer");
    return {
      set: `"status" = 'PENDING', "crashes" = "crashes" + 1, "lease_token" = NULL, ${UNCLAIMED}, ${LEFT},
  "ready" = CASE WHEN ${delayMs()} > 0 THEN 0 ELSE 1 END,
  "run_after" = CASE WHEN ${delayMs()} > 0 THEN ${this.dialect.addMilliseconds(this.now, delayMs())} ELSE "run_after" END`,
      where: this.held(bind),
      outcome: JobStatus.PENDING,
    };
  });

  public readonly failCutOff = this.change<"token" | "error" | "error_code">((bind) => ({
    set: `"status" = 'FAILED', "lease_token" = NULL, "completed_at" = ${this.now}, ${LEFT},
  "error" = ${bind("error")}, "error_code" = ${bind("error_code")}`,
    where: this.held(bind),
    outcome: JobStatus.FAILED,
  }));

  /** Leases that ran out long ago: a missing one counts the same. */
  public readonly forgetLeases = this.lazily(() =>
    this.template<"leaseMs">(
      (bind) => `DELETE FROM ${this.leases} WHERE "instance" IN (
  SELECT "instance" FROM ${this.leases}
  WHERE ${this.dialect.addMilliseconds('"expires_at"', bind("leaseMs", "integer"))} <= ${this.now}${this.dialect.lockSkippingLocked})`,
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
  ORDER BY "completed_at", "id" LIMIT ${DELETE_BATCH}${this.dialect.lockSkippingLocked})`,
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
    return `${this.one(bind)} AND "lease_token" = ${bind("token")} AND ${IS_HELD}`;
  }

  private heldOrUnclaimed(bind: Bind): string {
    return `${this.one(bind)} AND CASE WHEN ${bind("token")} IS NULL
  THEN "status" = 'PENDING' AND "run_attempts" = 0
  ELSE "lease_token" = ${bind("token")} AND ${IS_HELD} END`;
  }

  /**
   * A wish for a retry is granted where an attempt is left and nobody wants the job aborted; else
   * the job has failed.
   */
  private ending(bind: Bind): string {
    const given = (name: EndValue, type?: SqlColumnType) => (): string => bind(name, type);
    const orKept = (name: EndValue, type?: SqlColumnType) => (): string =>
      `coalesce(${bind(name, type)}, "${name}")`;
    const runAfter = (): string => `coalesce(${bind("run_after", "timestamp")}, ${this.now})`;
    const noRetry = (name: "error" | "error_code") => (): string =>
      `CASE "status" WHEN 'ABORTING' THEN coalesce(${bind(name)}, ${this.text(ABORTED[name])}) ELSE ${this.text(NO_ATTEMPTS_LEFT[name])} END`;
    const column = (name: string, ended: Part, retried: Part, refused: Part = "kept"): string => {
      const part = (text: Part): string =>
        text === "kept" ? `"${name}"` : typeof text === "string" ? text : text();
      return `"${name}" = CASE WHEN ${bind("status")} <> 'PENDING' THEN ${part(ended)}
    WHEN ${bind("token")} IS NULL OR ("status" = 'PROCESSING' AND "run_attempts" <= "max_retries") THEN ${part(retried)}
    ELSE ${part(refused)} END`;
    };
    const { error, error_code } = { error: given("error"), error_code: given("error_code") };
    const details = given("error_details", "json");
    return [
      column("status", given("status"), "'PENDING'", "'FAILED'"),
      column("run_after", "kept", runAfter),
      column("ready", "kept", () => `CASE WHEN ${runAfter()} <= ${this.now} THEN 1 ELSE 0 END`),
      column("output", given("output", "json"), "kept"),
      column("error", error, error, noRetry("error")),
      column("error_code", error_code, error_code, noRetry("error_code")),
      column("error_details", details, details, given("last_error", "json")),
      column("progress", orKept("progress", "double"), "0"),
      column("progress_message", orKept("progress_message"), "''"),
      column("progress_details", orKept("progress_details", "json"), "NULL"),
      column("worker_id", "kept", "NULL"),
      column("completed_at", this.now, "NULL", this.now),
      LEFT,
    ].join(",\n  ");
  }

  private text(constant: string): string {
    return this.dialect.literal(constant);
  }
}
