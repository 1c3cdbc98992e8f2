import { CounterTable, quoteIdentifier, type SqlDialect } from "@workglow/storage/sql";

/** A dialect of numbered placeholders and casts, as servers have them: it shows what binds where. */
export const numberedDialect: SqlDialect = {
  name: "numbered",
  maxIdentifierBytes: 63,
  maxColumns: 5,
  maxParameters: 65_535,
  caseInsensitiveColumns: false,
  isReservedTable: (name) => name.startsWith("pg_"),
  isReservedColumn: () => false,
  qualified: (table) => quoteIdentifier(table, 63),
  placeholder: (position) => `$${position}`,
  columnType: (type) => type.toUpperCase(),
  sameType: (declared, wanted) => declared === wanted,
  literal: (value) =>
    typeof value === "string" ? `'${value.replaceAll("'", "''")}'` : String(value),
  selectExpression: (column, type) => (type === "int64" ? `${column}::text` : column),
  bindExpression: (placeholder, type) =>
    type === "timestamp" ? `${placeholder}::timestamp` : placeholder,
  orderTerm: (column, descending, nullable) =>
    `${column} ${descending ? "DESC" : "ASC"}${nullable ? ` NULLS ${descending ? "LAST" : "FIRST"}` : ""}`,
  limitClause: (limit, offset, bind) =>
    `${limit === undefined ? "" : ` LIMIT ${bind(limit)}`}${offset === undefined ? "" : ` OFFSET ${bind(offset)}`}`,
  rowSource: (types, rows, bind) =>
    `SELECT * FROM unnest(${types.map((_, i) => bind(rows.map((row) => row[i] ?? null))).join(", ")})`,
  membership: (operand, _type, values, negated, bind) =>
    `${operand} ${negated ? "<> ALL" : "= ANY"} (${bind(values)})`,
  jsonField: (column, path, kind, bind) => `field(${column}, ${bind(path.join("."))}, '${kind}')`,
  nowExpression: "now()",
  *beginSetup() {
    yield { text: "LOCK SETUP", params: [] };
  },
  setupSql: ["CREATE SCHEMA"],
  lockTable: (table, alone) => `LOCK TABLE ${table}${alone ? " ALONE" : ""}`,
  tableExistsExpression: (table) => `exists_table('${table}')`,
  propertyType: () => ({ type: "string", arrayName: undefined }),
  tableSuffix: () => "",
  addMilliseconds: (timestamp, ms) => `${timestamp} + ${ms}`,
  lockSkippingLocked: " FOR UPDATE SKIP LOCKED",
  identityKey: "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
  *describeTable(table) {
    const { rows } = yield { text: "SELECT columns_of($1)", params: [table] };
    return rows.length === 0 ? undefined : { name: table, columns: [], indexes: [] };
  },
  keyCounter: new CounterTable({
    placeholder: (position) => `$${position}`,
    literal: (value) => `'${value}'`,
    tableExistsExpression: (table) => `exists_table('${table}')`,
    qualified: (table) => quoteIdentifier(table, 63),
  }),
};
