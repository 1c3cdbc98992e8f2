import type { Predicate } from "../tabular/Predicate.ts";
import type { SelectPlan } from "../tabular/SelectPlan.ts";
import type { CanonicalValue } from "../tabular/schema/canonicalValue.ts";
import { cell, type Row } from "../tabular/schema/TableSchema.ts";
import { compilePredicate } from "./compilePredicate.ts";
import { type DerivedColumn, derivedValue } from "./DerivedColumn.ts";
import { type KeysetSegment, keysetSegments } from "./keysetSegments.ts";
import { SqlBuilder } from "./SqlBuilder.ts";
import type { SqlStatement, SqlValue, StatementLookup, StatementStack } from "./SqlExecutor.ts";
import type { SqlColumn, SqlTable } from "./SqlTable.ts";

/** No table of a user's has a name like that. */
const WANTED = '"_workglow_wanted"';

interface InsertNext {
  readonly unlessKey: string;
  readonly orIgnore: string;
  /** Which parameter of the other texts is left out. */
  readonly keyPlace: number;
}

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
  /** Several rows of {@link insertUnlessKey} at once; gives the generated keys that were free. */
  public readonly insertUnlessKeyListed: (rows: readonly (readonly SqlValue[])[]) => SqlStatement;
  /**
   * The texts of {@link insertUnlessKey} and {@link insertOrIgnore} for rows whose generated key the
   * statement itself takes and gives; their parameters leave it out. Where the counter can do so.
   */
  public readonly insertNext: InsertNext | undefined;
  public readonly deleteByKey: string;
  /** Several rows of {@link upsert} at once. */
  public readonly upsertStack: StatementStack;
  /** Several rows of {@link selectByKey} at once. */
  public readonly lookup: StatementLookup;
  private readonly table: SqlTable;

  public constructor(table: SqlTable) {
    this.table = table;
    const { dialect, quoted } = table;
    const all = [...table.prefixColumns, ...table.properties, ...table.derived];
    const place = ({ type }: SqlColumn | DerivedColumn, i: number): string => {
      const placeholder = dialect.placeholder(i + 1);
      return typeof type === "string"
        ? dialect.bindExpression(placeholder, type)
        : type.bindExpression(placeholder);
    };
    const oneRow = table.key
      .map((column, i) => `${column.reference} = ${place(column, i)}`)
      .join(" AND ");
    const key = list(table.key);
    this.selectByKey = `SELECT ${selected(table.properties)} FROM ${quoted} WHERE ${oneRow}`;
    const into = `INSERT INTO ${quoted} (${list(all)})`;
    this.insert = `${into} VALUES (${all.map(place).join(", ")})`;
    this.insertOrIgnore = `${this.insert} ON CONFLICT DO NOTHING`;
    this.insertUnlessKey = `${this.insert} ON CONFLICT (${key}) DO NOTHING`;
    const replacing = `ON CONFLICT (${key}) DO ${overwriting(table)}`;
    this.upsert = `${this.insert} ${replacing}`;
    const { countedKey } = table;
    const next = countedKey && dialect.keyCounter.nextKey?.(countedKey);
    if (next !== undefined) {
      const at = all.findIndex(({ quoted: name }) => name === countedKey?.quotedColumn);
      const values = all.map((c, i) => (i === at ? next : place(c, i < at ? i : i - 1)));
      const insert = `${into} VALUES (${values.join(", ")}) ON CONFLICT`;
      const returning = `DO NOTHING RETURNING ${countedKey?.quotedColumn}`;
      this.insertNext = {
        keyPlace: at,
        unlessKey: `${insert} (${key}) ${returning}`,
        orIgnore: `${insert} ${returning}`,
      };
    }
    const types = all.map(({ type }) => type);
    this.insertUnlessKeyListed = (rows) => {
      const sql = new SqlBuilder(dialect);
      const source = dialect.rowSource(types, rows, sql.bind);
      const generated = table.key.filter(({ property }) => property === table.schema.generated);
      return sql.statement(
        `${into} ${source} ON CONFLICT (${key}) DO NOTHING RETURNING ${selected(generated)}`,
      );
    };
    const keyPlaces = table.key.map((column) => all.indexOf(column));
    this.upsertStack = {
      text: onceEach((rows) => {
        const tuples = Array.from({ length: rows }, (_, row) =>
          all.map((column, i) => place(column, row * all.length + i)).join(", "),
        );
        return `${into} VALUES (${tuples.join("), (")}) ${replacing}`;
      }),
      listed: (rows) => {
        const sql = new SqlBuilder(dialect);
        const source = dialect.rowSource(types, rows as SqlValue[][], sql.bind);
        return sql.statement(`${into} ${source} ${replacing}`);
      },
      key: keyPlaces,
      // A row may take over what another one of the list gives up in a unique index.
      ...(!table.indexes.some(({ unique }) => unique) && { lockOrder: keyPlaces }),
    };
    this.lookup = { listed: (keys) => this.selectByListedKeys(keys as SqlValue[][]) };
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
      const { dialect } = this.table;
      const [column] = columns as [SqlColumn];
      if (columns.length === 1) {
        const values = keys.map((key) => encoded(column, key));
        return dialect.membership(column.reference, column.type, values, false, sql.bind);
      }
      const names = columns.map(({ reference }) => reference).join(", ");
      const rows = keys.map((key) => columns.map((part) => encoded(part, key)));
      const types = columns.map(({ type }) => type);
      return `(${names}) IN (${dialect.rowSource(types, rows, sql.bind)})`;
    };
    const where = this.where(sql, undefined, condition);
    return sql.statement(`SELECT ${selected(wanted)} FROM ${this.table.quoted}${where}`);
  }

  /** Rows of whole keys, each behind the place of its key in the list. */
  private selectByListedKeys(keys: readonly (readonly SqlValue[])[]): SqlStatement {
    const { dialect, key, properties, quoted } = this.table;
    const sql = new SqlBuilder(dialect);
    const types = [...key.map(({ type }) => type), "integer" as const];
    const wanted = key.map((_, i) => `"key${i}"`);
    const source = dialect.rowSource(
      types,
      keys.map((values, place) => [...values, place]),
      sql.bind,
    );
    const matches = key.map(({ reference }, i) => `${reference} = ${WANTED}.${wanted[i]}`);
    return sql.statement(
      `SELECT ${WANTED}."place", ${selected(properties)} FROM (${source}) AS ${WANTED} (${wanted.join(", ")}, "place") JOIN ${quoted} ON ${matches.join(" AND ")}`,
    );
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
      .map((column) => `${column.quoted} = ${sql.bindAs(encoded(column, patch), column.type)}`)
      .concat(this.derivedChanges(patch, sql));
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

  private derivedChanges(
    patch: { readonly [column: string]: CanonicalValue | undefined },
    sql: SqlBuilder,
  ): string[] {
    return this.table.derived
      .filter(({ from }) => Object.hasOwn(patch, from.name))
      .map((column) => {
        const value = sql.bind(derivedValue(column, patch));
        return `${column.quoted} = ${column.type.bindExpression(value)}`;
      });
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
function onceEach(textFor: (rows: number) => string): (rows: number) => string {
  const texts: string[] = [];
  return (rows) => {
    texts[rows] ??= textFor(rows);
    return texts[rows];
  };
}

const list = (columns: readonly (SqlColumn | DerivedColumn)[]): string =>
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
  const changes = [...values, ...table.derived].map(
    ({ quoted }) => `${quoted} = excluded.${quoted}`,
  );
  return `UPDATE SET ${changes.join(", ")}`;
}
