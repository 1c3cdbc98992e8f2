import type { DerivedColumn } from "./DerivedColumn.ts";
import type { SqlColumn, SqlIndex, SqlTable } from "./SqlTable.ts";

/** The statements that make a table; with `ifMissing` they may run where it is already there. */
export function createTableSql(table: SqlTable, ifMissing = false): string {
  const columns = [...table.prefixColumns, ...table.properties, ...table.derived].map(columnSql);
  const key = `PRIMARY KEY (${table.key.map(({ quoted }) => quoted).join(", ")})`;
  const suffix = table.dialect.tableSuffix({
    key: table.key.map(({ type }) => type),
    values: table.properties.filter(({ property }) => !property?.inKey).map(({ type }) => type),
  });
  return `CREATE TABLE ${ifMissing ? "IF NOT EXISTS " : ""}${table.quoted} (
  ${[...columns, key].join(",\n  ")}
)${suffix}`;
}

export function columnSql({ quoted, ddlType, nullable }: SqlColumn | DerivedColumn): string {
  return `${quoted} ${ddlType}${nullable ? "" : " NOT NULL"}`;
}

/** What DDL says of an index. */
type IndexDdl = Pick<SqlIndex, "name" | "unique"> & {
  readonly columns: readonly Pick<SqlColumn, "quoted" | "nullable">[];
};

export function createIndexSql(table: SqlTable, index: IndexDdl, ifMissing = false): string {
  const columns = index.columns.map(({ quoted, nullable }) =>
    table.dialect.orderTerm(quoted, false, nullable),
  );
  return `CREATE ${index.unique ? "UNIQUE " : ""}INDEX ${ifMissing ? "IF NOT EXISTS " : ""}${table.quote(index.name)} ON ${table.quoted} (${columns.join(", ")})`;
}

export function addColumnSql(table: SqlTable, column: SqlColumn | DerivedColumn): string {
  return `ALTER TABLE ${table.quoted} ADD COLUMN ${columnSql(column)}`;
}
