import { formatPosition, type LogEntry, subscribersChange } from "@workglow/storage";
import type {
  SqlChangeSource,
  SqlDialect,
  SqlParam,
  SqlRow,
  SqlStatement,
} from "@workglow/storage/sql";
import {
  changeLogNames,
  DELETE,
  INSERT,
  type LoggedColumn,
  loggedColumns,
  OPENED,
  quote,
  TRUNCATE,
} from "./changeLogNames.ts";

/** What stands before the values: first of the log, its number, the change's, kind and sides. */
const FIXED_COLUMNS = 6;

/** What was read of a log at a time. */
export interface ReadChanges {
  /** The number of the oldest change that the log still has. */
  readonly first: number;
  /** The log's number in the database's catalog. */
  readonly oid: number;
  readonly changes: readonly LogEntry<SqlRow>[];
  /** How many rows there were, whatever became of them. */
  readonly rows: number;
  readonly lastSequence: number | undefined;
  /** The log was begun anew before the first change, or between two. */
  readonly reopened: boolean;
}

/** Pages of one subscriber's changes, found by the log's primary key. */
export class ChangePages {
  private readonly source: SqlChangeSource<unknown>;
  private readonly texts: { readonly following: string; readonly late: string };

  public constructor(dialect: SqlDialect, source: SqlChangeSource<unknown>) {
    this.source = source;
    const { log } = changeLogNames(dialect, source.table);
    this.texts = {
      following: pageText(dialect, log, source, `"seq" > $1::bigint AND "seq" <= $2::bigint`),
      late: pageText(dialect, log, source, `"seq" > $1::bigint AND "seq" <@ $2::int8multirange`),
    };
  }

  /** The changes after one number up to another, at most `limit`. */
  public following(after: number, end: number, limit: number): SqlStatement {
    return { text: this.texts.following, params: this.params(after, end, limit) };
  }

  /** The changes after a number that have one of these numbers. */
  public late(after: number, numbers: string, limit: number): SqlStatement {
    return { text: this.texts.late, params: this.params(after, numbers, limit) };
  }

  /** Reads what one of the statements gave; `undefined` where the log is empty. */
  public read(rows: readonly SqlRow[], oid: number): ReadChanges | undefined {
    const [head] = rows;
    if (head === undefined) return undefined;
    const found = head[2] === null ? [] : rows;
    const reopening = found.findIndex((row) => Number(row[3]) === OPENED);
    const whole = reopening === -1 ? found : found.slice(0, reopening);
    return {
      first: Number(head[0]),
      oid: Number(head[1]),
      changes: whole.map((row) => this.change(row, oid)),
      rows: found.length,
      lastSequence: whole.length === 0 ? undefined : Number(whole.at(-1)?.[2]),
      reopened: reopening !== -1,
    };
  }

  private params(after: number, end: SqlParam, limit: number): readonly SqlParam[] {
    return [after, end, limit, ...this.source.where.map(({ value }) => value)];
  }

  private change(row: SqlRow, oid: number): LogEntry<SqlRow> {
    const [sequence, kind, oldMatches, newMatches] = row.slice(2, FIXED_COLUMNS).map(Number);
    const position = formatPosition({ log: oid.toString(16), sequence: sequence as number });
    if (kind === TRUNCATE) return { type: "RESYNC", old: undefined, new: undefined, position };
    const width = this.source.columns.length;
    const change = subscribersChange({
      type: kind === INSERT ? "INSERT" : kind === DELETE ? "DELETE" : "UPDATE",
      oldMatches: oldMatches !== 0,
      newMatches: newMatches !== 0,
      old: row.slice(FIXED_COLUMNS, FIXED_COLUMNS + width),
      new: row.slice(FIXED_COLUMNS + width),
    });
    return { ...change, position };
  }
}

/** $1 and $2 are the bounds, $3 is the limit, and the filter's values follow. */
function pageText(
  dialect: SqlDialect,
  log: string,
  { columns, keyColumns, where }: SqlChangeSource<unknown>,
  bounds: string,
): string {
  const types = new Map(columns.map(({ name, type }) => [name, type]));
  const logged = new Map(
    loggedColumns([...types.keys()], keyColumns).map((column) => [column.name, column]),
  );
  const side = (which: "old" | "new", name: string): string =>
    quote((logged.get(name) as LoggedColumn)[which]);
  const matches = (which: "old" | "new"): string =>
    where
      .map(({ column }, i) => {
        const type = types.get(column) ?? "text";
        const bound = dialect.bindExpression(dialect.placeholder(i + 4), type);
        return ` AND ${side(which, column)} IS NOT DISTINCT FROM ${bound}`;
      })
      .join("");
  const values = (which: "old" | "new"): readonly string[] =>
    columns.map(({ name, type }) => dialect.selectExpression(side(which, name), type));
  const isOld = `("kind" <> ${INSERT}${matches("old")})`;
  const isNew = `("kind" <> ${DELETE}${matches("new")})`;
  const selected = [...values("old"), ...values("new")].map((value, i) => `${value} AS v${i}`);
  return `SELECT f.*, p.* FROM (SELECT "seq", "tableoid"::bigint FROM ${log} ORDER BY "seq" LIMIT 1) f
LEFT JOIN (SELECT "seq" AS s, "kind", ${isOld} AS o, ${isNew} AS n, ${selected.join(", ")}
  FROM ${log} WHERE ${bounds} AND ("kind" IN (${OPENED}, ${TRUNCATE}) OR ${isOld} OR ${isNew})
  ORDER BY "seq" LIMIT $3::bigint) p ON true
ORDER BY p.s`;
}
