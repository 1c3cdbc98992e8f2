import type { TypedArrayName } from "@workglow/util/schema";
import type { Column } from "../tabular/schema/Column.ts";
import type { SqlOwnType } from "./DerivedColumn.ts";
import type { KeyCounter } from "./KeyCounter.ts";
import type { SqlParam, SqlProgram, SqlValue } from "./SqlExecutor.ts";
import type { TableGuard } from "./TableGuard.ts";

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
  /** Names of columns that every table has besides its own. */
  isReservedColumn(name: string): boolean;

  /**
   * A table's name, or an index's where it is not created, as statements take it: quoted, and with
   * its schema where the dialect is for one. Columns are referred to by the quoted table name alone.
   *
   * @throws StorageValidationError for a name that the database cannot have
   */
  qualified(table: string): string;
  /** The n-th placeholder, from 1. */
  placeholder(position: number): string;
  /** The column type in DDL, with its collation where texts compare by code point only with one. */
  columnType(type: SqlColumnType, arrayName?: TypedArrayName | "any"): string;
  /** Whether a column of `declaredType` holds what `columnType` stands for. */
  sameType(declaredType: string, columnType: string): boolean;
  /** A constant in DDL, whose type the place tells; everywhere else values are bound. */
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
    types: readonly (SqlColumnType | SqlOwnType)[],
    rows: readonly (readonly SqlValue[])[],
    bind: Bind,
  ): string;
  /**
   * Whether an operand is one of some values, or none of them: a condition whose text does not
   * depend on how many values there are, and whose values no bound on parameters limits. Neither
   * for a null operand. It reads the range of an index for each value where there is one.
   */
  membership(
    operand: string,
    type: SqlColumnType,
    values: readonly SqlValue[],
    negated: boolean,
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
  /**
   * The database's clock, in whole milliseconds and the same throughout a statement: an expression
   * of the kind that "timestamp" columns hold, which is text only where they hold text. Results
   * get it through `selectExpression`.
   */
  readonly nowExpression: string;
  /**
   * Milliseconds added to a timestamp, both expressions; null where either is null. The result is
   * of the timestamp's kind.
   */
  addMilliseconds(timestamp: string, milliseconds: string): string;
  /** Ends a SELECT that locks its rows and passes over those that others have locked. */
  readonly lockSkippingLocked: string;
  /**
   * An expression that, evaluated in a statement, spares its commit the wait for the disk; a crash
   * of the server may undo it.
   */
  readonly lazyCommit?: string;
  /**
   * A statement after which the rest of the transaction is not compiled: for what looks dear to a
   * planner and is not.
   */
  readonly withoutCompiling?: string;

  /**
   * Begins a transaction that makes or changes tables: whoever else begins one waits until this one
   * has ended. Makes the dialect's schema where it is not there.
   */
  beginSetup(): SqlProgram<void>;
  /** The statements without which printed DDL cannot run, to be printed before it. */
  readonly setupSql: readonly string[];
  /**
   * A statement by which others cannot write to a table until the transaction ends, nor read it
   * with `alone`; `undefined` where a transaction that writes is alone in any case.
   */
  lockTable(quotedTable: string, alone: boolean): string | undefined;
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
  /** The same where rows change and go soon after they came. */
  readonly churningTableSuffix?: string;
  /** Reads what a table is made of; `undefined` where there is none. */
  describeTable(table: string): SqlProgram<DescribedTable | undefined>;
  /** How generated integer keys are counted. */
  readonly keyCounter: KeyCounter;
  /** Rules that keep tenants apart, where the database is to enforce them. */
  readonly guard?: TableGuard;
}
