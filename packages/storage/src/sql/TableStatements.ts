import type { Predicate } from "../tabular/Predicate.ts";
import type { SelectPlan } from "../tabular/SelectPlan.ts";
import type { CanonicalValue } from "../tabular/schema/canonicalValue.ts";
import { cell, type Row } from "../tabular/schema/TableSchema.ts";
import { compilePredicate } from "./compilePredicate.ts";
import { type KeysetSegment, keysetSegments } from "./keysetSegments.ts";
import { SqlBuilder } from "./SqlBuilder.ts";
import type { SqlStatement, SqlValue, StatementStack } from "./SqlExecutor.ts";
import type { SqlColumn, SqlTable } from "./SqlTable.ts";

/**
 * Every statement on the rows of one table. Texts of fixed shape are made once; their parameters
 * are the tenant's values, then the row's or key's.
 */
export class TableStatements {
  /** The columns of one row, by its key. */
  public readonly selectByKey: string;
  /** Inserts a row or replaces the row of its key; a taken unique index is an error. */
  public readonly upsert: string;
  public readonly insert: string;
  /** Changes nothing where the key or a unique index is taken. */
  public readonly insertOrIgnore: string;
  /** Changes nothing where the key is taken; a taken unique index is an error. */
  public readonly insertUnlessKey: string;
  public readonly deleteByKey: string;
  /** Several rows of {@link upsert} at once. */
  public readonly upsertStack: StatementStack;
  private readonly table: SqlTable;

  public constructor(table: SqlTable) {
    this.table = table;
    const { dialect, quoted } = table;
    const all = [...table.prefixColumns, ...table.properties];
    const place = (column: SqlColumn, i: number): string =>
      dialect.bindExpression(dialect.placeholder(i + 1), column.type);
    const oneRow = table.key
      .map((column, i) => `${column.reference} = ${place(column, i)}`)
      .join(" AND ");
    const key = list(table.key);
    this.selectByKey = `SELECT ${selected(table.properties)} FROM ${quoted} WHERE ${oneRow}`;
    const into = `INSERT INTO ${quoted} (${list(all)}) VALUES`;
    this.insert = `${into} (${all.map(place).join(", ")})`;
    this.insertOrIgnore = `${this.insert} ON CONFLICT DO NOTHING`;
    this.insertUnlessKey = `${this.insert} ON CONFLICT (${key}) DO NOTHING`;
    const replacing = `ON CONFLICT (${key}) DO ${overwriting(table)}`;
    this.upsert = `${this.insert} ${replacing}`;
    this.upsertStack = stackOf((rows) => {
      const tuples = Array.from({ length: rows }, (_, row) =>
        all.map((column, i) => place(column, row * all.length + i)).join(", "),
      );
      return `${into} (${tuples.join("), (")}) ${replacing}`;
    });
    this.deleteByKey = `DELETE FROM ${quoted} WHERE ${oneRow}`;
  }

  /** The queries whose results, one after another, are what the plan asks for. */
  public select(plan: SelectPlan): readonly ((limit: number | undefined) => SqlStatement)[] {
    const columns = selected(plan.columns.map((column) => this.table.column(column)));
    const order = plan.order.map(({ column, descending }) => {
      const { reference, nullable } = this.table.column(column);
      return this.table.dialect.orderTerm(reference, descending, nullable);
    });
    return keysetSegments(this.table, plan).map((segment) => (limit) => {
      const sql = new SqlBuilder(this.table.dialect);
      const where = this.where(sql, plan.where, segment);
      const page = this.table.dialect.limitClause(limit, plan.offset, sql.bind);
      return sql.statement(
        `SELECT ${columns} FROM ${this.table.quoted}${where} ORDER BY ${order.join(", ")}${page}`,
      );
    });
  }

  public count(where: Predicate | undefined): SqlStatement {
    const sql = new SqlBuilder(this.table.dialect);
    const condition = this.where(sql, where);
    return sql.statement(`SELECT count(*) FROM ${this.table.quoted}${condition}`);
  }

  /** Rows of many keys, of all columns or some, through one parameter list whatever their number. */
  public selectByKeys(
    keys: readonly Readonly<Row>[],
    wanted: readonly SqlColumn[] = this.table.properties,
  ): SqlStatement {
    const sql = new SqlBuilder(this.table.dialect);
    const columns = this.table.schema.keyColumns.map((column) => this.table.column(column));
    const condition: KeysetSegment = () => {
      const names = columns.map(({ reference }) => reference).join(", ");
      const rows = keys.map((key) => columns.map((column) => encoded(column, key)));
      const types = columns.map(({ type }) => type);
      return `${columns.length === 1 ? names : `(${names})`} IN (${this.table.dialect.rowSource(types, rows, sql.bind)})`;
    };
    const where = this.where(sql, undefined, condition);
    return sql.statement(`SELECT ${selected(wanted)} FROM ${this.table.quoted}${where}`);
  }

  /** Deletes what matches; gives the keys if `returnKeys`. */
  public deleteWhere(where: Predicate | undefined, returnKeys: boolean): SqlStatement {
    const sql = new SqlBuilder(this.table.dialect);
    const condition = this.where(sql, where);
    const keys = this.table.schema.keyColumns.map((column) => this.table.column(column));
    const returning = returnKeys ? ` RETURNING ${selected(keys)}` : "";
    return sql.statement(`DELETE FROM ${this.table.quoted}${condition}${returning}`);
  }

  /** Changes one row where `expected` holds; gives it afterwards. */
  public update(
    key: Row,
    patch: { readonly [column: string]: CanonicalValue | undefined },
    expected: Predicate | undefined,
  ): SqlStatement {
    const sql = new SqlBuilder(this.table.dialect);
    const changes = this.table.properties
      .filter(({ property }) => property && !property.inKey && Object.hasOwn(patch, property.name))
      .map((column) => `${column.quoted} = ${sql.bindAs(encoded(column, patch), column.type)}`);
    const oneRow: KeysetSegment = () =>
      this.table.schema.keyColumns
        .map((property) => this.table.column(property))
        .map((column) => `${column.reference} = ${sql.bindAs(encoded(column, key), column.type)}`)
        .join(" AND ");
    const columns = selected(this.table.properties);
    if (changes.length === 0) {
      return sql.statement(
        `SELECT ${columns} FROM ${this.table.quoted}${this.where(sql, expected, oneRow)}`,
      );
    }
    return sql.statement(
      `UPDATE ${this.table.quoted} SET ${changes.join(", ")}${this.where(sql, expected, oneRow)} RETURNING ${columns}`,
    );
  }

  /** The WHERE of a statement on this tenant's rows, beginning with a space, or nothing. */
  public where(sql: SqlBuilder, predicate: Predicate | undefined, segment?: KeysetSegment): string {
    const conditions = this.table.prefixColumns.map(
      (column, i) =>
        `${column.reference} = ${sql.bindAs(this.table.prefixValues[i] as SqlValue, column.type)}`,
    );
    const range = segment?.(sql) ?? "";
    if (range !== "") conditions.push(range);
    if (predicate !== undefined) conditions.push(compilePredicate(predicate, this.table, sql));
    return conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`;
  }
}

/** Makes each text once. */
function stackOf(textFor: (rows: number) => string): StatementStack {
  const texts: string[] = [];
  return {
    text(rows) {
      texts[rows] ??= textFor(rows);
      return texts[rows];
    },
  };
}

const list = (columns: readonly SqlColumn[]): string =>
  columns.map(({ quoted }) => quoted).join(", ");

const selected = (columns: readonly SqlColumn[]): string =>
  columns.map((column) => column.selected).join(", ");

function encoded(
  { property, codec }: SqlColumn,
  row: { readonly [column: string]: CanonicalValue | undefined },
): SqlValue {
  const value = property && cell(row as Row, property);
  return value === undefined || value === null ? null : codec.encode(value);
}

function overwriting(table: SqlTable): string {
  const values = table.properties.filter(({ property }) => property?.inKey === false);
  if (values.length === 0) return "NOTHING";
  const changes = values.map(({ quoted }) => `${quoted} = excluded.${quoted}`);
  return `UPDATE SET ${changes.join(", ")}`;
}
