import type { Column } from "../tabular/schema/Column.ts";
import type { CanonicalValue } from "../tabular/schema/canonicalValue.ts";
import { cell, type Row } from "../tabular/schema/TableSchema.ts";
import { type DerivedColumn, derivedValue } from "./DerivedColumn.ts";
import type { SqlRow, SqlValue } from "./SqlExecutor.ts";
import type { SqlColumn } from "./SqlTable.ts";

interface Field {
  readonly property: Column;
  readonly name: string;
  readonly encode: (value: CanonicalValue) => SqlValue;
  readonly decode: ((value: SqlValue) => CanonicalValue) | undefined;
  /** How a null in the database is read: as null, or as an absent property. */
  readonly nullable: boolean;
}

/** Rows of some columns, between their canonical form and positional values. */
export class RowCodec {
  private readonly fields: readonly Field[];
  private readonly derived: readonly DerivedColumn[];

  /**
   * @param columns columns that keep properties, in the order of the values
   * @param derived what is stored behind them and never read
   */
  public constructor(columns: readonly SqlColumn[], derived: readonly DerivedColumn[] = []) {
    this.derived = derived;
    this.fields = columns.map(({ property, codec }) => {
      const { name, nullable } = property as Column;
      return {
        property: property as Column,
        name,
        nullable,
        encode: codec.encode,
        decode: codec.decode,
      };
    });
  }

  /** Appends the row's values to `params`. */
  public encode(row: Row, params: SqlValue[]): SqlValue[] {
    const { fields } = this;
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i] as Field;
      const value = cell(row, field.property);
      params.push(value === undefined || value === null ? null : field.encode(value));
    }
    for (const column of this.derived) params.push(derivedValue(column, row));
    return params;
  }

  public decode(values: SqlRow): Row {
    const { fields } = this;
    const row: Row = {};
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i] as Field;
      const value = values[i] as SqlValue;
      if (value !== null)
        row[field.name] = field.decode === undefined ? value : field.decode(value);
      else if (field.nullable) row[field.name] = null;
    }
    return row;
  }
}
