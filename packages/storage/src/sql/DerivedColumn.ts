import type { Column } from "../tabular/schema/Column.ts";
import type { CanonicalValue } from "../tabular/schema/canonicalValue.ts";
import type { Row } from "../tabular/schema/TableSchema.ts";
import { cell } from "../tabular/schema/TableSchema.ts";
import type { Bind } from "./SqlDialect.ts";
import type { SqlValue } from "./SqlExecutor.ts";

/** A type that one database has and others do not, for columns that a backend derives. */
export interface SqlOwnType {
  /** As DDL spells it. */
  readonly ddl: string;
  /** Whether a column that the database says to be of `declaredType` has it. */
  isSame(declaredType: string): boolean;
  /** The placeholder of a value that is stored. */
  bindExpression(placeholder: string): string;
  /** Values as one array, for the databases whose row sources are arrays. */
  list(values: readonly SqlValue[], bind: Bind): string;
}

/** A column that is computed of a property and kept true with it, and that no row shows. */
export interface DerivedColumnSpec {
  readonly name: string;
  /** The name of the property that it is computed of. */
  readonly from: string;
  readonly type: SqlOwnType;
  /** @param value never null: of nothing, nothing is derived */
  encode(value: CanonicalValue): SqlValue;
}

/** A {@link DerivedColumnSpec} in its table. */
export interface DerivedColumn {
  /** Its name in the database, unquoted. */
  readonly name: string;
  readonly quoted: string;
  /** The quoted name with the table's before it. */
  readonly reference: string;
  readonly type: SqlOwnType;
  readonly ddlType: string;
  readonly nullable: true;
  readonly from: Column;
  encode(value: CanonicalValue): SqlValue;
}

/** What is stored beside a row, or beside what a patch changes. */
export function derivedValue(
  { from, encode }: DerivedColumn,
  row: { readonly [column: string]: CanonicalValue | undefined },
): SqlValue {
  const value = cell(row as Row, from);
  return value === undefined || value === null ? null : encode(value);
}
