import {
  SqlBuilder,
  type SqlProgram,
  type SqlRow,
  type SqlStatement,
  type SqlValue,
} from "@workglow/storage/sql";
import type { JobStatus } from "../JobStatus.ts";
import type { ClaimTerms } from "../queueDriver.ts";
import { JobStatements } from "./JobStatements.ts";
import { LEASES_TABLE } from "./queueTables.ts";
import type { Bind } from "./ScopedStatements.ts";

/** Most delayed jobs that one claim takes care of when they come due. */
const DUE_BATCH = 1000;
/** Most jobs that a claim of the usual text takes. */
const READY_BATCH = 1024;

const IS_DUE = `"run_after" <= (SELECT "now" FROM "clock")`;

/** What a row of the result stands for: the last but one column. */
const CLAIMED = 0;
const ENDED = 1;
const MORE_DUE = 2;
const DUE_ELSEWHERE = 3;

export interface ListedClaim {
  readonly token: string;
  readonly terms: Pick<ClaimTerms, "instance" | "leaseMs" | "renew">;
  /** Who wants how many jobs, in their order. */
  readonly wishes: readonly { readonly workerId: string; readonly limit: number }[];
  /** Whether the commit may be lost with the server: the jobs would be PENDING again. */
  readonly lazily: boolean;
  /** Whether locks last beyond the statement: then it locks no more than it may take. */
  readonly inTransaction: boolean;
  /** A change of other jobs that is made along with the claim. */
  readonly ending?: (builder: SqlBuilder) => string;
}

export interface ListedClaimResult {
  /** Rows of the codec's `claimColumns`. */
  readonly claimed: readonly SqlRow[];
  /** By id, what the other change left. */
  readonly ended: ReadonlyMap<number, JobStatus>;
  /**
   * Whether jobs are left to claim, which are due but were in the hands of others when this claim
   * wanted more than it got. Never told inside a transaction.
   */
  readonly dueElsewhere: boolean;
}

/**
 * Claims as one statement, for databases with lists, row locks and statements within statements. It
 * takes the first jobs of what is ready and what has just come due, whoever else claims at the same
 * time, and makes the rest of what is due ready, except inside a transaction.
 */
export class ListedClaims extends JobStatements {
  private readonly leases = this.dialect.qualified(LEASES_TABLE.name);

  public *claim(claim: ListedClaim): SqlProgram<ListedClaimResult> {
    const kind = this.codec.claimColumns.length;
    const claimed: SqlRow[] = [];
    const ended = new Map<number, JobStatus>();
    let wanted = claim;
    for (;;) {
      let moreDue = false;
      let dueElsewhere = false;
      for (const row of (yield this.statement(wanted)).rows) {
        if (row[kind] === CLAIMED) claimed.push(row);
        else if (row[kind] === ENDED) ended.set(Number(row[0]), row[kind + 1] as JobStatus);
        else if (row[kind] === MORE_DUE) moreDue = true;
        else dueElsewhere = true;
      }
      if (!moreDue) return { claimed, ended, dueElsewhere };
      // Nothing was claimed: any of what is due may have to go first.
      const { ending: _, ...rest } = claim;
      wanted = rest;
    }
  }

  private statement(claim: ListedClaim): SqlStatement {
    const builder = new SqlBuilder(this.dialect);
    const bind: Bind = (name, type = "text") => builder.bindAs(this.fixed[name] as SqlValue, type);
    const limit = claim.wishes.reduce((sum, wish) => sum + wish.limit, 0);
    const most = builder.bindAs(limit, "integer");
    const parts = [
      this.clockOf(claim),
      ...this.pick(bind, limit, most, claim.inTransaction),
      ...(claim.terms.renew ? [this.renew(claim, builder)] : []),
      ...(claim.ending === undefined ? [] : [`"ended" AS (${claim.ending(builder)})`]),
      `"claimed" AS (${this.take(claim, builder)})`,
    ];
    const results = [
      `SELECT "claimed".*, ${CLAIMED}, NULL FROM "claimed"`,
      ...(claim.ending === undefined ? [] : [this.other(ENDED, '"id"', '"status" FROM "ended"')]),
      ...(claim.inTransaction
        ? []
        : [
            this.other(MORE_DUE, "NULL", `NULL WHERE ${this.overdue}`),
            this.other(DUE_ELSEWHERE, "NULL", `NULL WHERE ${this.dueElsewhere(bind, most)}`),
          ]),
    ];
    return builder.statement(`WITH ${parts.join(",\n")}\n${results.join("\nUNION ALL ")}`);
  }

  private clockOf({ lazily }: ListedClaim): string {
    const { lazyCommit } = this.dialect;
    if (!lazily || lazyCommit === undefined) return this.clock;
    return `"clock" ("now", "lazily") AS MATERIALIZED (SELECT ${this.now}, ${lazyCommit})`;
  }

  /**
   * "due" relies on the index (run_after, id) of what waits for its time, "ready" on the index
   * (priority DESC, run_after, id) of what is ready. Rows are locked as they are asked for; the
   * limit inside is a constant, so that a plan for any `most` does not look expensive.
   */
  private pick(bind: Bind, limit: number, most: string, inTransaction: boolean): string[] {
    const jobs = (ready: 0 | 1): string =>
      `SELECT "id", "priority", "run_after" FROM ${this.jobs} WHERE ${this.waiting(bind, ready)}`;
    const inOrder = `ORDER BY "priority" DESC, "run_after", "id"`;
    const { lockSkippingLocked } = this.dialect;
    const bound = READY_BATCH * 2 ** Math.max(0, Math.ceil(Math.log2(limit / READY_BATCH)));
    const first = (source: string): string =>
      `SELECT * FROM (${source} ${inOrder} LIMIT ${bound}${lockSkippingLocked}) AS "first" LIMIT ${most}`;
    const due = `${jobs(0)} AND ${IS_DUE}`;
    const ready = `"ready" AS MATERIALIZED (${first(jobs(1))})`;
    const candidates = `SELECT "id" FROM (SELECT * FROM "ready" UNION ALL SELECT * FROM "due") AS "candidates"
  ${inOrder}`;
    if (inTransaction) {
      return [
        `"due" AS MATERIALIZED (${first(due)})`,
        ready,
        `"picked" AS MATERIALIZED (${candidates} LIMIT ${most})`,
      ];
    }
    return [
      `"due" AS MATERIALIZED (${due}
  ORDER BY "run_after", "id" LIMIT ${DUE_BATCH}${lockSkippingLocked})`,
      ready,
      `"picked" AS MATERIALIZED (
  ${candidates} LIMIT CASE WHEN ${this.overdue} THEN 0 ELSE ${most} END)`,
      `"promoted" AS (UPDATE ${this.jobs} SET "ready" = 1
  WHERE "id" = ANY (ARRAY(SELECT "id" FROM "due" WHERE "id" NOT IN (SELECT "id" FROM "picked"))))`,
    ];
  }

  private waiting(bind: Bind, ready: 0 | 1): string {
    return `${this.mine(bind)} AND "status" = 'PENDING' AND "ready" = ${ready}`;
  }

  /** Reads nothing where the claim got what it wanted, else one row more than it has locked itself. */
  private dueElsewhere(bind: Bind, most: string): string {
    return `CASE WHEN (SELECT count(*) FROM "picked") < ${most} THEN EXISTS (
  SELECT 1 FROM ${this.jobs}
  WHERE ${this.waiting(bind, 0)} AND ${IS_DUE} AND "id" NOT IN (SELECT "id" FROM "due")) ELSE FALSE END`;
  }

  private get overdue(): string {
    return `(SELECT count(*) FROM "due") >= ${DUE_BATCH}`;
  }

  private renew({ terms }: ListedClaim, builder: SqlBuilder): string {
    const expiry = this.dialect.addMilliseconds('"now"', builder.bindAs(terms.leaseMs, "integer"));
    return `"renewed" AS (INSERT INTO ${this.leases} ("instance", "expires_at")
  SELECT ${builder.bindAs(terms.instance, "text")}, ${expiry} FROM "clock" WHERE EXISTS (SELECT 1 FROM "picked")
  ON CONFLICT ("instance") DO UPDATE SET "expires_at" = excluded."expires_at")`;
  }

  /** The jobs go to the wishes by their places: the list gives a planner no wrong idea of its length. */
  private take({ token, terms, wishes }: ListedClaim, builder: SqlBuilder): string {
    const workers = builder.bind(wishes.map(({ workerId }) => workerId));
    let place = 1;
    const firsts = builder.bind(
      wishes.map(({ limit }) => {
        const first = place;
        place += limit;
        return first;
      }),
    );
    const claimed = this.claiming({
      worker: `(${workers}::text[])[width_bucket("turn"."_workglow_place", ${firsts}::bigint[])]`,
      token: builder.bindAs(token, "text"),
      instance: builder.bindAs(terms.instance, "text"),
    });
    const columns = this.codec.claimColumns.map(
      ({ name, type }, at) =>
        `${this.dialect.selectExpression(this.quote(name), type)} AS "c${at}"`,
    );
    return `UPDATE ${this.jobs} SET ${claimed}, "ready" = 1
FROM unnest(ARRAY(SELECT "id" FROM "picked")) WITH ORDINALITY AS "turn" ("_workglow_id", "_workglow_place")
WHERE "id" = "turn"."_workglow_id"
RETURNING ${columns.join(", ")}`;
  }

  /** A row of the same columns that is no job. */
  private other(kind: number, id: string, rest: string): string {
    const blanks = this.codec.claimColumns.slice(1).map(() => "NULL");
    return `SELECT ${[id, ...blanks, kind].join(", ")}, ${rest}`;
  }
}
