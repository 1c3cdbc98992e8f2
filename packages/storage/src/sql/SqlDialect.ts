import type { TypedArrayName } from "@workglow/util/schema";
import type { Column } from "../tabular/schema/Column.ts";
import type { KeyCounter } from "./KeyCounter.ts";
import type { SqlParam, SqlProgram, SqlValue } from "./SqlExecutor.ts";

/** What a column holds physically; more than the schema's types, for the library's own tables. */
export type SqlColumnType =
  | "text"
  | "double"
  | "integer"
  | "int64"
  | "boolean"
  | "timestamp"
  | "bytes"
  | "json";

/** Pushes a value onto the statement's parameters and gives its placeholder. */
export type Bind = (value: SqlParam) => string;

/** What the database says about one column of an existing table. */
export interface DescribedColumn {
  readonly name: string;
  /** The declared type, as `columnType` spells it for tables that this library made. */
  readonly declaredType: string;
  readonly nullable: boolean;
  /** Position in the primary key from 1, or 0. */
  readonly keyPosition: number;
}

/** The kind of a property, as a column's declared type tells. */
export type PropertyType = Pick<Column, "type" | "arrayName">;

export interface DescribedIndex {
  readonly name: string;
  readonly columns: readonly string[];
  readonly unique: boolean;
  /** Neither partial nor on expressions: comparable with what a schema declares. */
  readonly plain: boolean;
}

export interface DescribedTable {
  /** The table's name as the database has it, which may differ in case from what was asked for. */
  readonly name: string;
  readonly columns: readonly DescribedColumn[];
  readonly indexes: readonly DescribedIndex[];
}

/**
 * Where databases differ in the SQL that the shared layer writes. One object per database; the
 * shared layer never asks for a database's name.
 */
export interface SqlDialect {
  /** For diagnostics and telemetry (`db.system.name`). Never branch on it. */
  readonly name: string;
  /** Longest identifier in UTF-8 bytes. */
  readonly maxIdentifierBytes: number;
  /** Most columns of one table. */
  readonly maxColumns: number;
  /** Most parameters of one statement. */
  readonly maxParameters: number;
  /** Whether `a` and `A` are the same column. */
  readonly caseInsensitiveColumns: boolean;
  /** Names of tables that the database keeps for itself. */
  isReservedTable(name: string): boolean;

  /** The n-th placeholder, from 1. */
  placeholder(position: number): string;
  /** The column type in DDL, with its collation where texts compare by code point only with one. */
  columnType(type: SqlColumnType, arrayName?: TypedArrayName | "any"): string;
  /** Whether a column of `declaredType` holds what `columnType` stands for. */
  sameType(declaredType: string, columnType: string): boolean;
  /** A constant in DDL; everywhere else values are bound. */
  literal(value: SqlValue): string;
  /** How a column is selected so that the driver's value can be decoded (int64 as text, …). */
  selectExpression(quotedColumn: string, type: SqlColumnType): string;
  /** The placeholder of a value that is compared with or stored in a column of this type. */
  bindExpression(placeholder: string, type: SqlColumnType): string;
  /** Ascending order with nulls first and descending with nulls last. */
  orderTerm(quotedColumn: string, descending: boolean, nullable: boolean): string;
  /** `LIMIT` and `OFFSET`, beginning with a space, or nothing. */
  limitClause(limit: number | undefined, offset: number | undefined, bind: Bind): string;
  /**
   * A subquery whose rows are the given ones, of columns of these types. Its text must not depend
   * on how many rows there are, and their number is not bounded by that of parameters.
   */
  rowSource(
    types: readonly SqlColumnType[],
    rows: readonly (readonly SqlValue[])[],
    bind: Bind,
  ): string;
  /**
   * The field of a JSON column that `path` leads to, where it is of the kind; null elsewhere.
   * `json` takes any kind and says only whether there is a value.
   */
  jsonField(
    quotedColumn: string,
    path: readonly string[],
    kind: "string" | "number" | "boolean" | "json",
    bind: Bind,
  ): string;
  /** The database's clock as text `YYYY-MM-DDTHH:mm:ss.sssZ`, an expression. */
  readonly nowExpression: string;
  /** Milliseconds added to a timestamp, both expressions; null where either is null. */
  addMilliseconds(timestamp: string, milliseconds: string): string;
  /** Ends a SELECT that locks its rows and passes over those that others have locked. */
  readonly lockSkippingLocked: string;

  /** Whether there is a table of that name, an expression with nothing to bind. */
  tableExistsExpression(table: string): string;
  /** What a column of this declared type keeps, for columns that the schema no longer has. */
  propertyType(declaredType: string): PropertyType;
  /** A primary key of one column that the database counts up and never gives twice, in DDL. */
  readonly identityKey: string;
  /** Suffix of CREATE TABLE. */
  tableSuffix(o: {
    readonly key: readonly SqlColumnType[];
    readonly values: readonly SqlColumnType[];
  }): string;
  /** Reads what a table is made of; `undefined` where there is none. */
  describeTable(table: string): SqlProgram<DescribedTable | undefined>;
  /** How generated integer keys are counted. */
  readonly keyCounter: KeyCounter;
}
