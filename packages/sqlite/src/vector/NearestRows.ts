import {
  type Column,
  completeOrder,
  type NearestPlan,
  NearestRanking,
  nominationMargin,
  type Row,
  type ScoredRow,
  typedArrayConstructor,
} from "@workglow/storage";
import {
  RowCodec,
  SqlBuilder,
  type SqlColumn,
  type SqlProgram,
  type SqlStatement,
  type SqlTable,
  type SqlValue,
  type TableStatements,
} from "@workglow/storage/sql";
import { type Expression, UNKNOWN_DISTANCE } from "./vectorDistance.ts";

/** How many rows beyond the best are asked for at first, so that the gap behind them shows. */
const FIRST_SURPLUS = 64;
/** How many rows are read at once: enough that a statement costs little beside its rows. */
const ROWS_AT_ONCE = 256;

/** Finds the rows of one table that are most similar to a vector, as programs for its executor. */
export class NearestRows {
  private readonly table: SqlTable;
  private readonly statements: TableStatements;
  private readonly key: readonly SqlColumn[];
  private readonly keyCodec: RowCodec;

  public constructor(table: SqlTable, statements: TableStatements) {
    this.table = table;
    this.statements = statements;
    this.key = table.schema.keyColumns.map((column) => table.column(column));
    this.keyCodec = new RowCodec(this.key);
  }

  /**
   * The rows that the plan asks for, best first, each with its score.
   *
   * @param distance what the database computes to nominate rows; without it every vector is read
   */
  public *find(plan: NearestPlan, distance: Expression | undefined): SqlProgram<Row[]> {
    const ranking = new NearestRanking(this.table.schema, plan);
    if (distance === undefined) yield* this.readAll(plan, ranking);
    else yield* this.readNominated(plan, distance, ranking);
    return yield* this.complete(ranking.results(), plan.columns);
  }

  /** Reads the vectors of all rows that the filter lets through, page after page. */
  private *readAll(plan: NearestPlan, ranking: NearestRanking): SqlProgram<void> {
    const { schema } = this.table;
    const columns = [...schema.keyColumns, plan.column];
    const codec = this.codecOf(columns);
    const order = completeOrder(schema, undefined);
    let after: Row | undefined;
    for (;;) {
      const position = after && order.map(({ column }) => after?.[column.name] ?? null);
      const page = { where: plan.where, order, offset: undefined, after: position, columns };
      // The key has no nulls, so what comes after one is a single range of its index.
      const [query] = this.statements.select({ ...page, limit: ROWS_AT_ONCE });
      const { rows } = yield (query as (limit: number) => SqlStatement)(ROWS_AT_ONCE);
      for (const values of rows) {
        after = codec.decode(values);
        if (after[plan.column.name] !== undefined) ranking.add(after);
      }
      if (rows.length < ROWS_AT_ONCE) return;
    }
  }

  /** Reads the vectors of those rows that can be among the best by the database's own account. */
  private *readNominated(
    plan: NearestPlan,
    distance: Expression,
    ranking: NearestRanking,
  ): SqlProgram<void> {
    const keys = yield* this.nominate(plan, distance);
    const columns = [...this.table.schema.keyColumns, plan.column];
    for (let at = 0; at < keys.length; at += ROWS_AT_ONCE) {
      const some = keys.slice(at, at + ROWS_AT_ONCE);
      for (const row of yield* this.rowsOf(some, columns)) ranking.add(row);
    }
  }

  /**
   * The keys of all rows that are no further than the last of the best, with the margin that the
   * database's account needs, and of those that it cannot judge.
   */
  private *nominate(plan: NearestPlan, distance: Expression): SqlProgram<Row[]> {
    const margin = nominationMargin(plan.query.length);
    for (let limit = plan.count + FIRST_SURPLUS; ; limit *= 4) {
      const { rows } = yield this.closest(plan, distance, limit);
      const distances = rows.map((row) => row.at(-1) as number);
      const known = distances.findIndex((value) => value > UNKNOWN_DISTANCE);
      const last = known < 0 ? undefined : distances[known + plan.count - 1];
      const furthest = (last ?? Number.POSITIVE_INFINITY) + margin;
      if (rows.length < limit || (distances.at(-1) as number) > furthest) {
        const end = distances.findIndex((value) => value > furthest);
        const nominated = end < 0 ? rows : rows.slice(0, end);
        return nominated.map((row) => this.keyCodec.decode(row));
      }
      if (last !== undefined) {
        const within = yield this.within(plan, distance, furthest);
        return within.rows.map((row) => this.keyCodec.decode(row));
      }
    }
  }

  private closest(plan: NearestPlan, distance: Expression, limit: number): SqlStatement {
    const sql = new SqlBuilder(this.table.dialect);
    const selected = [...this.key.map((column) => column.selected), distance(sql)];
    const where = this.searchable(plan, sql);
    return sql.statement(
      `SELECT ${selected.join(", ")} FROM ${this.table.quoted}${where} ORDER BY ${selected.length} LIMIT CAST(${sql.bind(limit)} AS INTEGER)`,
    );
  }

  private within(plan: NearestPlan, distance: Expression, furthest: number): SqlStatement {
    const sql = new SqlBuilder(this.table.dialect);
    const selected = this.key.map((column) => column.selected).join(", ");
    const where = this.searchable(plan, sql);
    // Only CASE makes sure that nothing is computed of a row that has no vector.
    const guarded = `CASE WHEN ${this.hasVector(plan, sql)} THEN ${distance(sql)} END`;
    return sql.statement(
      `SELECT ${selected} FROM ${this.table.quoted}${where} AND ${guarded} <= ${sql.bind(furthest)}`,
    );
  }

  private searchable(plan: NearestPlan, sql: SqlBuilder): string {
    return this.statements.where(sql, plan.where, () => this.hasVector(plan, sql));
  }

  /** Whether there is a vector, of the dimensions without which sqlite-vec fails. */
  private hasVector({ column, query }: NearestPlan, sql: SqlBuilder): string {
    const { BYTES_PER_ELEMENT } = typedArrayConstructor(column.arrayName ?? "Float32Array");
    const bytes: SqlValue = query.length * BYTES_PER_ELEMENT;
    return `length(${this.table.column(column).quoted}) = ${sql.bind(bytes)}`;
  }

  /** The results with the columns that were asked for. */
  private *complete(results: readonly ScoredRow[], wanted: readonly Column[]): SqlProgram<Row[]> {
    const { schema } = this.table;
    const columns = [...new Set([...schema.keyColumns, ...wanted])];
    const complete: Row[] = [];
    for (let at = 0; at < results.length; at += ROWS_AT_ONCE) {
      const some = results.slice(at, at + ROWS_AT_ONCE);
      const rows = new Map<unknown, Row>();
      for (const row of yield* this.rowsOf(
        some.map(({ row }) => row),
        columns,
      )) {
        rows.set(schema.keyIdentity(row), row);
      }
      for (const { row, score } of some) {
        const found = rows.get(schema.keyIdentity(row)) as Row;
        complete.push({ ...selectedOf(found, wanted), score });
      }
    }
    return complete;
  }

  private *rowsOf(keys: readonly Readonly<Row>[], columns: readonly Column[]): SqlProgram<Row[]> {
    const codec = this.codecOf(columns);
    const physical = columns.map((column) => this.table.column(column));
    const { rows } = yield this.statements.selectByKeys(keys, physical);
    return rows.map((values) => codec.decode(values));
  }

  private codecOf(columns: readonly Column[]): RowCodec {
    return new RowCodec(columns.map((column) => this.table.column(column)));
  }
}

/** The row's wanted columns, in the schema's order. */
function selectedOf(row: Row, wanted: readonly Column[]): Row {
  const selected: Row = {};
  for (const { name } of wanted) {
    if (Object.hasOwn(row, name)) selected[name] = row[name] as Row[string];
  }
  return selected;
}
