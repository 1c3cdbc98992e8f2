import type { RowPatch } from "./rowKeys.ts";
import { cell, type Row, type TableSchema } from "./schema/TableSchema.ts";

/** A row with some columns changed; neither argument is touched. */
export function patchedRow(table: TableSchema, row: Readonly<Row>, patch: RowPatch): Row {
  const next = { ...row };
  for (const name of Object.keys(patch)) {
    const value = patch[name];
    if (value === undefined) delete next[name];
    else next[name] = value;
  }
  return inSchemaOrder(table, next);
}

/** The row with its columns in the schema's order. */
export function inSchemaOrder(table: TableSchema, row: Readonly<Row>): Row {
  const ordered: Row = {};
  for (const column of table.columns) {
    const value = cell(row, column);
    if (value !== undefined) ordered[column.name] = value;
  }
  return ordered;
}
