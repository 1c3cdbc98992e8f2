import {
  SqlBuilder,
  type SqlColumnType,
  type SqlStatement,
  type SqlValue,
} from "@workglow/storage/sql";
import type { NewJob } from "../newJob.ts";
import { jsonText } from "./jobRow.ts";
import type { QueueStatements } from "./QueueStatements.ts";
import { CLAIM_BYTES } from "./queueTables.ts";

/** How many rows one statement has, so that few texts serve any number of jobs. */
const ROWS = [64, 8, 1] as const;
/** The same where the rows are lists, which any number fits into: so many that it matters no more. */
const LISTED_ROWS = 10_000;

interface InsertedColumn {
  readonly name: string;
  readonly type: SqlColumnType;
  value(job: NewJob, statements: QueueStatements): SqlValue;
  /** What the table fills in, or the statement does without the value. */
  readonly absent?: SqlValue;
}

const COLUMNS: readonly InsertedColumn[] = [
  { name: "input", type: "json", value: (job) => job.inputText },
  { name: "fingerprint", type: "text", value: (job) => job.fingerprint },
  {
    name: "fingerprint_hash",
    type: "integer",
    value: (job, statements) => statements.fingerprintHash(job.fingerprint),
  },
  { name: "run_after", type: "timestamp", value: (job) => job.run_after, absent: null },
  { name: "created_at", type: "timestamp", value: (job) => job.created_at, absent: null },
  { name: "max_retries", type: "integer", value: (job) => job.max_retries, absent: 10 },
  { name: "priority", type: "integer", value: (job) => job.priority, absent: 0 },
  { name: "job_run_id", type: "text", value: (job) => job.job_run_id, absent: null },
  { name: "deadline_at", type: "timestamp", value: (job) => job.deadline_at, absent: null },
  { name: "timeout_ms", type: "integer", value: (job) => job.timeout_ms, absent: null },
  { name: "backoff", type: "json", value: (job) => jsonText(job.backoff), absent: null },
  { name: "tags", type: "json", value: (job) => jsonText(job.tags), absent: null },
  {
    name: "trace_context",
    type: "json",
    value: (job) => jsonText(job.trace_context),
    absent: null,
  },
];

/**
 * The statements that add jobs. They name only the columns that some job of theirs has a value
 * for; the texts are kept by which these are, and by the number of rows.
 */
export class JobInserts {
  private readonly statements: QueueStatements;
  private readonly texts = new Map<string, string>();

  public constructor(statements: QueueStatements) {
    this.statements = statements;
  }

  /** Whether one statement adds them all. */
  public fitOne(jobs: readonly NewJob[]): boolean {
    return this.statements.lists && jobs.length <= LISTED_ROWS;
  }

  /** Statements that return ids; all ids together ascend in the order of the jobs. */
  public *of(jobs: readonly NewJob[]): Generator<SqlStatement> {
    let at = 0;
    if (this.statements.lists) {
      for (; at < jobs.length; at += LISTED_ROWS) {
        yield this.listed(
          at === 0 && jobs.length <= LISTED_ROWS ? jobs : jobs.slice(at, at + LISTED_ROWS),
        );
      }
      return;
    }
    for (const rows of ROWS) {
      for (; jobs.length - at >= rows; at += rows) yield this.statement(jobs.slice(at, at + rows));
    }
  }

  private statement(jobs: readonly NewJob[]): SqlStatement {
    const used = this.columnsOf(jobs);
    const params = this.statements.scopeValues.slice();
    for (const job of jobs) for (const { value } of used) params.push(value(job, this.statements));
    return { text: this.textOf(used, jobs.length), params };
  }

  private listed(jobs: readonly NewJob[]): SqlStatement {
    const { statements } = this;
    const used = this.columnsOf(jobs);
    const builder = new SqlBuilder(statements.dialect);
    const bound = statements.scope.map(({ type }, at) =>
      builder.bindAs(statements.scopeValues[at] as SqlValue, type),
    );
    const source = statements.dialect.rowSource(
      used.map(({ type }) => type),
      jobs.map((job) => used.map(({ value }) => value(job, statements))),
      builder.bind,
    );
    return builder.statement(this.text(used, bound, source));
  }

  private columnsOf(jobs: readonly NewJob[]): readonly InsertedColumn[] {
    return COLUMNS.filter(
      ({ absent, value }) =>
        absent === undefined || jobs.some((job) => value(job, this.statements) !== absent),
    );
  }

  private textOf(columns: readonly InsertedColumn[], rows: number): string {
    const id = `${rows}:${columns.map(({ name }) => name).join()}`;
    let text = this.texts.get(id);
    if (text === undefined) {
      text = this.textOfRows(columns, rows);
      this.texts.set(id, text);
    }
    return text;
  }

  private textOfRows(columns: readonly InsertedColumn[], rows: number): string {
    const { dialect, scope } = this.statements;
    let position = 0;
    const bind = (type: SqlColumnType): string =>
      dialect.bindExpression(dialect.placeholder(++position), type);
    const bound = scope.map(({ type }) => bind(type));
    const lines = Array.from(
      { length: rows },
      () => `(${columns.map(({ type }) => bind(type)).join(", ")})`,
    );
    return this.text(columns, bound, `VALUES ${lines.join(", ")}`);
  }

  /**
   * @param bound what is the same in all rows
   * @param source the rows, of the given columns
   */
  private text(
    columns: readonly InsertedColumn[],
    bound: readonly string[],
    source: string,
  ): string {
    const { statements } = this;
    const { dialect, scope, lists } = statements;
    const cell = (at: number): string => `"job"."column${at + 1}"`;
    const moment = (name: string): string => {
      const at = columns.findIndex((column) => column.name === name);
      return at < 0 ? `"clock"."now"` : `coalesce(${cell(at)}, "clock"."now")`;
    };
    const cells = new Map([
      ...scope.map(({ name }, at) => [name, bound[at] as string] as const),
      ...columns.map(({ name }, at) => [name, cell(at)] as const),
      ["created_at", moment("created_at")],
      ["run_after", moment("run_after")],
      ["ready", `CASE WHEN ${moment("run_after")} <= "clock"."now" THEN 1 ELSE 0 END`],
    ]);
    if (!lists) cells.set("room", dialect.literal(" ".repeat(CLAIM_BYTES)));
    // VALUES names its columns like that by itself, and SQLite lets nobody name them.
    const names = lists ? ` (${columns.map((_, at) => `column${at + 1}`).join(", ")})` : "";
    return `WITH ${statements.clock}
INSERT INTO ${statements.jobs} (${[...cells.keys()].map((name) => statements.quote(name)).join(", ")})
SELECT ${[...cells.values()].join(", ")} FROM (${source}) AS "job"${names}, "clock" WHERE true
RETURNING "id"`;
  }
}
