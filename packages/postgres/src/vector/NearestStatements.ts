import { type Column, type NearestPlan, nominationMargin, type Row } from "@workglow/storage";
import {
  type DerivedColumn,
  RowCodec,
  SqlBuilder,
  type SqlColumn,
  type SqlResult,
  type SqlRow,
  type SqlStatement,
  type SqlTable,
  type TableStatements,
} from "@workglow/storage/sql";
import type { HnswIndex } from "./HnswIndex.ts";
import type { PgVector } from "./PgVector.ts";
import { encodeUnitVector, type VectorForm } from "./unitVector.ts";

/** The largest number that `LIMIT` and `OFFSET` take. */
const MOST_ROWS = Number.MAX_SAFE_INTEGER;
/** The largest limit that stands in a statement's text. */
const MOST_WRITTEN = 2 ** 20;

/**
 * The limit that statements are made with: a power of two, so that there are few different texts.
 * Where a limit is a parameter the server takes it for a tenth of the table, and so never keeps a
 * plan.
 */
export const nextLimit = (rows: number): number =>
  rows <= MOST_WRITTEN ? 2 ** Math.ceil(Math.log2(rows)) : rows;

/** Rows that may be among the best, and what the database says of those that it left out. */
export interface Nomination {
  readonly rows: readonly Row[];
  /** How many rows were looked at in the order of distance. */
  readonly examined: number;
  /** The distance of the last of them. */
  readonly last: number;
  /** Beyond this distance no row can be among the best. */
  readonly furthest: number;
}

/** A query as a parameter, bound once however often it is written. */
interface Bound {
  readonly sql: SqlBuilder;
  readonly vector: string;
}

/**
 * The statements of similarity search on one table. Distances are negative inner products of unit
 * vectors, so negative cosines, summed in single precision.
 */
export class NearestStatements {
  private readonly table: SqlTable;
  private readonly unit: DerivedColumn;
  private readonly pgVector: PgVector;
  private readonly form: VectorForm;
  /** Names of columns that no property has. */
  private readonly distance: string;
  private readonly examined: string;
  private readonly last: string;
  private readonly edge: string;

  public constructor(table: SqlTable, pgVector: PgVector, form: VectorForm) {
    this.table = table;
    this.unit = table.derived[0] as DerivedColumn;
    this.pgVector = pgVector;
    this.form = form;
    const taken = new Set([...table.prefixColumns, ...table.properties].map(({ name }) => name));
    const free = (name: string): string => {
      let unused = name;
      while (taken.has(unused)) unused += "~";
      return table.quote(unused);
    };
    this.distance = free("distance");
    this.examined = free("examined");
    this.last = free("last");
    this.edge = free("edge");
  }

  /** Looks at every row; gives those within the margin of the last of the best. */
  public exact(statements: TableStatements, plan: NearestPlan, limit: number): SqlStatement {
    const bound = this.bound(plan);
    // No index is on the sum, so all rows are read.
    const near = this.rowsBy(statements, plan, bound, `(${this.distanceTo(bound)}) + 0`);
    return this.selected(
      plan,
      bound,
      `${near} ORDER BY ${this.distance} LIMIT ${this.limit(bound.sql, limit)}`,
    );
  }

  /** The rows that are no further than `furthest`. */
  public within(statements: TableStatements, plan: NearestPlan, furthest: number): SqlStatement {
    const bound = this.bound(plan);
    const { sql } = bound;
    const columns = this.columnsOf(plan).map(({ selected }) => selected);
    const where = statements.where(
      sql,
      plan.where,
      () =>
        `${this.unit.reference} IS NOT NULL AND ${this.distanceTo(bound)} <= ${sql.bindAs(furthest, "double")}`,
    );
    return sql.statement(`SELECT ${columns.join(", ")} FROM ${this.table.quoted}${where}`);
  }

  /** Follows the index, which may give fewer than `limit` rows where a filter lets few through. */
  public approximate(
    statements: TableStatements,
    plan: NearestPlan,
    index: HnswIndex,
    limit: number,
  ): SqlStatement {
    const bound = this.bound(plan);
    const { sql } = bound;
    const { efSearch } = index.options;
    const view = Math.max(plan.efSearch ?? efSearch, limit);
    // To be able to go on costs, and what is in view is enough where nothing is left out of it.
    const isFiltered = plan.where !== undefined || this.table.prefixColumns.length > 0;
    const iterativeScan = isFiltered ? index.options.iterativeScan : "off";
    // The settings hold for this statement alone. They are made before the scan, which waits for
    // their row.
    const settings = `SELECT set_config('hnsw.ef_search', ${sql.bindAs(String(view), "text")}, true) AS "view", set_config('hnsw.iterative_scan', ${sql.bindAs(iterativeScan, "text")}, true) AS "scan" OFFSET 0`;
    const set = `"settings"."view" IS NOT NULL AND "settings"."scan" IS NOT NULL`;
    const near = this.rowsBy(statements, plan, bound, this.distanceTo(bound), set);
    const order = `${index.indexed(this.unit.reference)} ${this.pgVector.distance} ${index.indexed(bound.vector)}`;
    return this.selected(
      plan,
      bound,
      `SELECT "found".* FROM (${settings}) AS "settings", LATERAL (${near} ORDER BY ${order} LIMIT ${this.limit(sql, limit)}) AS "found"`,
    );
  }

  /** What {@link exact} and {@link approximate} answer. */
  public nomination(plan: NearestPlan, { rows }: SqlResult): Nomination {
    const codec = this.codecOf(plan);
    const width = this.columnsOf(plan).length;
    const [examined = 0, last = 0, edge = null] = (rows[0] ?? []).slice(width) as number[];
    return {
      rows: rows.map((values) => codec.decode(values)),
      examined,
      last,
      furthest: edge ?? Number.POSITIVE_INFINITY,
    };
  }

  /** What {@link within} answers. */
  public rows(plan: NearestPlan, { rows }: SqlResult): readonly Row[] {
    const codec = this.codecOf(plan);
    return rows.map((values: SqlRow) => codec.decode(values));
  }

  private bound({ query }: NearestPlan): Bound {
    const sql = new SqlBuilder(this.table.dialect);
    const vector = this.unit.type.bindExpression(sql.bind(encodeUnitVector(query, this.form)));
    return { sql, vector };
  }

  /** Of the nearest rows those that can be among the best: up to the last of them, or nearly so. */
  private selected(plan: NearestPlan, { sql }: Bound, near: string): SqlStatement {
    const { distance, examined, last, edge } = this;
    const margin = nominationMargin(plan.query.length);
    const columns = this.columnsOf(plan);
    const names = columns.map(({ quoted }) => quoted);
    const place = sql.bindAs(Math.min(plan.count, MOST_ROWS) - 1, "integer");
    const threshold =
      plan.threshold === Number.NEGATIVE_INFINITY
        ? ""
        : `, ${sql.bindAs(-plan.threshold, "double")}`;
    const kth = `(SELECT ${distance} FROM "near" ORDER BY ${distance} OFFSET ${place} LIMIT 1)`;
    const bounds = `SELECT count(*) AS ${examined}, max(${distance}) AS ${last}, least(${kth}${threshold}) + ${sql.bindAs(margin, "double")} AS ${edge} FROM "near"`;
    return sql.statement(
      `SELECT ${[...columns.map(({ selected }) => selected), examined, last, edge].join(", ")}
FROM (WITH "near" AS MATERIALIZED (${near})
SELECT ${[...names, examined, last, edge].join(", ")} FROM "near", (${bounds}) AS "bounds" WHERE ${edge} IS NULL OR ${distance} <= ${edge}) AS ${this.table.quote(this.table.name)}`,
    );
  }

  private rowsBy(
    statements: TableStatements,
    plan: NearestPlan,
    { sql }: Bound,
    distance: string,
    condition?: string,
  ): string {
    const columns = this.columnsOf(plan).map(({ reference }) => reference);
    const searchable = `${this.unit.reference} IS NOT NULL`;
    const where = statements.where(sql, plan.where, () =>
      condition === undefined ? searchable : `${condition} AND ${searchable}`,
    );
    return `SELECT ${columns.join(", ")}, ${distance} AS ${this.distance} FROM ${this.table.quoted}${where}`;
  }

  private limit(sql: SqlBuilder, limit: number): string {
    if (limit <= MOST_WRITTEN) return String(limit);
    return sql.bindAs(Math.min(limit, MOST_ROWS), "integer");
  }

  private distanceTo({ vector }: Bound): string {
    return `${this.unit.reference} ${this.pgVector.distance} ${vector}`;
  }

  /** What is read of a row: its key, its vector, and what is asked for. */
  private columnsOf({ column, columns }: NearestPlan): readonly SqlColumn[] {
    const { keyColumns } = this.table.schema;
    const wanted = new Set<Column>([...keyColumns, column, ...columns]);
    return [...wanted].map((one) => this.table.column(one));
  }

  private codecOf(plan: NearestPlan): RowCodec {
    return new RowCodec(this.columnsOf(plan));
  }
}
