import type { SqlColumn, SqlIndex, SqlTable } from "./SqlTable.ts";

/** The statements that make a table; with `ifMissing` they may run where it is already there. */
export function createTableSql(table: SqlTable, ifMissing = false): string {
  const columns = [...table.prefixColumns, ...table.properties].map(columnSql);
  const key = `PRIMARY KEY (${table.key.map(({ quoted }) => quoted).join(", ")})`;
  const suffix = table.dialect.tableSuffix({
    key: table.key.map(({ type }) => type),
    values: table.properties.filter(({ property }) => !property?.inKey).map(({ type }) => type),
  });
  return `CREATE TABLE ${ifMissing ? "IF NOT EXISTS " : ""}${table.quoted} (
  ${[...columns, key].join(",\n  ")}
)${suffix}`;
}

export function columnSql({ quoted, ddlType, nullable }: SqlColumn): string {
  return `${quoted} ${ddlType}${nullable ? "" : " NOT NULL"}`;
}

export function createIndexSql(table: SqlTable, index: SqlIndex, ifMissing = false): string {
  const columns = index.columns.map(({ quoted, nullable }) =>
    index.unique ? quoted : table.dialect.orderTerm(quoted, false, nullable),
  );
  return `CREATE ${index.unique ? "UNIQUE " : ""}INDEX ${ifMissing ? "IF NOT EXISTS " : ""}${table.quote(index.name)} ON ${table.quoted} (${columns.join(", ")})`;
}

export function addColumnSql(table: SqlTable, column: SqlColumn): string {
  return `ALTER TABLE ${table.quoted} ADD COLUMN ${columnSql(column)}`;
}
