import {
  SqlBuilder,
  type SqlColumnType,
  type SqlDialect,
  type SqlProgram,
  type SqlResult,
  type SqlStatement,
  type SqlValue,
} from "@workglow/storage/sql";
import type { JobStatus } from "../JobStatus.ts";
import { type BindNamed, type StatementTemplate, statementTemplate } from "./statementTemplate.ts";

/** What happens to a job, as SQL. */
export interface ChangeText {
  /** The columns that change; without it the job is deleted. */
  readonly set?: string;
  readonly where: string;
  /** The status that the job then has, where it is the same for all. */
  readonly outcome?: JobStatus;
}

/** Jobs, and values that are the same at every call. */
export interface ChangeTarget {
  readonly dialect: SqlDialect;
  readonly jobs: string;
  readonly fixed: Readonly<Record<string, SqlValue>>;
  /** Whether several calls are best made as one statement that takes lists. */
  readonly lists: boolean;
}

export type ChangeValues<Name extends string> = Readonly<Record<Name | "id", SqlValue>>;

/**
 * A change that each call makes of one job, written once: as a statement for one call, and as one
 * that takes the values of any number of calls as lists.
 */
export class JobChange<Name extends string> {
  private readonly target: ChangeTarget;
  private readonly write: (bind: BindNamed<string>) => ChangeText;
  private single: StatementTemplate<Name | "id"> | undefined;
  private outcome: JobStatus | undefined;
  private listed: ReadonlyMap<string, SqlColumnType> | undefined;

  /** @param write the change, its values placed by `bind` */
  public constructor(target: ChangeTarget, write: (bind: BindNamed<string>) => ChangeText) {
    this.target = target;
    this.write = write;
  }

  /**
   * Makes the change for several calls, no two of one job; gives the status that each job then
   * has, `undefined` where there was none to change.
   */
  public *each(
    calls: readonly ChangeValues<Name>[],
  ): SqlProgram<readonly (JobStatus | undefined)[]> {
    if (calls.length === 0) return [];
    if (!this.target.lists) {
      const outcomes: (JobStatus | undefined)[] = [];
      for (const call of calls) outcomes.push(yield* this.one(call));
      return outcomes;
    }
    const builder = new SqlBuilder(this.target.dialect);
    const { rows } = yield builder.statement(this.together(calls, builder));
    const outcomes = new Map(rows.map(([id, status]) => [Number(id), status as JobStatus]));
    return calls.map(({ id }) => outcomes.get(Number(id)));
  }

  /** {@link each} for one call. */
  public *one(call: ChangeValues<Name>): SqlProgram<JobStatus | undefined> {
    if (this.target.lists) return (yield* this.each([call]))[0];
    return this.outcomeOf(yield this.statement(call));
  }

  /** What the statement of one call has come to. */
  public outcomeOf({ changes, rows }: SqlResult): JobStatus | undefined {
    if (changes === 0) return undefined;
    return this.outcome ?? (rows[0]?.[0] as JobStatus);
  }

  /** The statement for several calls; it returns id and status of the jobs that it changes. */
  public together(calls: readonly ChangeValues<Name>[], builder: SqlBuilder): string {
    const { dialect, fixed, jobs } = this.target;
    this.listed ??= this.listedValues();
    const names = [...this.listed.keys()];
    // Two statements that meet in the same jobs must lock them in the same order.
    const sorted =
      calls.length < 2 ? calls : [...calls].sort((a, b) => Number(a.id) - Number(b.id));
    const source = dialect.rowSource(
      [...this.listed.values()],
      sorted.map((call) => names.map((name) => call[name as Name])),
      builder.bind,
    );
    const { set, where } = this.write((name, type = "text") =>
      Object.hasOwn(fixed, name) ? builder.bindAs(fixed[name] as SqlValue, type) : listed(name),
    );
    const calling = `(${source}) AS "call" (${names.map(listed).join(", ")})`;
    const change =
      set === undefined
        ? `DELETE FROM ${jobs} AS "job" USING ${calling}`
        : `UPDATE ${jobs} AS "job" SET ${set}\nFROM ${calling}`;
    const status = set === undefined ? dialect.literal(this.deleted()) : '"job"."status"';
    return `${change}\nWHERE ${where}\nRETURNING "job"."id" AS "id", ${status} AS "status"`;
  }

  /** The statement for one call. */
  public statement(call: ChangeValues<Name>): SqlStatement {
    if (this.single === undefined) {
      const { dialect, fixed, jobs } = this.target;
      this.single = statementTemplate(dialect, fixed, (bind) => {
        const { set, where, outcome } = this.write(bind);
        this.outcome = outcome;
        const change = set === undefined ? `DELETE FROM ${jobs}` : `UPDATE ${jobs} SET ${set}`;
        return `${change}\nWHERE ${where}${outcome === undefined ? ' RETURNING "status"' : ""}`;
      }) as StatementTemplate<Name | "id">;
    }
    return this.single(call);
  }

  /** The status that a deleted job is told to have. */
  private deleted(): JobStatus {
    return this.write(() => "").outcome as JobStatus;
  }

  private listedValues(): ReadonlyMap<string, SqlColumnType> {
    const values = new Map<string, SqlColumnType>();
    this.write((name, type = "text") => {
      if (!Object.hasOwn(this.target.fixed, name) && !values.has(name)) values.set(name, type);
      return "";
    });
    return values;
  }
}

/** No column of a job has a name like that, tenant columns included. */
const listed = (name: string): string => `"_workglow_${name}"`;
