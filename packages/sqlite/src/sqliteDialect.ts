import { type ColumnType, TYPED_ARRAY_NAMES } from "@workglow/storage";
import {
  type Bind,
  CounterTable,
  type DescribedColumn,
  type DescribedIndex,
  type DescribedTable,
  type PropertyType,
  quoteIdentifier,
  type SqlColumnType,
  type SqlDialect,
  type SqlProgram,
  type SqlValue,
} from "@workglow/storage/sql";
import { jsonField } from "./jsonField.ts";

/**
 * SQLite keeps any type name and derives a storage affinity from it; the names say what the values
 * mean, so that a table of another schema is recognised.
 */
const TYPES: Readonly<Record<SqlColumnType, string>> = {
  text: "TEXT",
  double: "REAL",
  integer: "INTEGER",
  int64: "INT64",
  boolean: "BOOLEAN INT",
  timestamp: "TEXT DATETIME",
  bytes: "BLOB",
  json: "TEXT JSON",
};

const KNOWN_TYPE =
  /^(?:TEXT|REAL|INTEGER|INT64|BOOLEAN INT|TEXT DATETIME|TEXT JSON|BLOB(?: [A-Z0-9]+ARRAY)?)$/;

/** SQLite's rules of type affinity, in their order. */
function affinity(declared: string): string {
  const type = declared.toUpperCase();
  if (type.includes("INT")) return "INTEGER";
  if (/CHAR|CLOB|TEXT/.test(type)) return "TEXT";
  if (type === "" || type.includes("BLOB")) return "BLOB";
  if (/REAL|FLOA|DOUB/.test(type)) return "REAL";
  return "NUMERIC";
}

const SHORT_TYPES: ReadonlySet<SqlColumnType> = new Set([
  "double",
  "integer",
  "int64",
  "boolean",
  "timestamp",
]);

const placeholder = (): string => "?";

// SQLite itself has no limit below that of a statement.
const MAX_IDENTIFIER_BYTES = 1024;

const qualified = (table: string): string => quoteIdentifier(table, MAX_IDENTIFIER_BYTES);

export const sqliteDialect: SqlDialect = {
  name: "sqlite",
  maxIdentifierBytes: MAX_IDENTIFIER_BYTES,
  maxColumns: 2000,
  maxParameters: 32_766,
  caseInsensitiveColumns: true,
  isReservedTable: (name) => /^sqlite_/i.test(name),
  isReservedColumn: () => false,
  qualified,

  placeholder,
  columnType: (type, arrayName) =>
    arrayName === undefined
      ? TYPES[type]
      : `BLOB ${arrayName === "any" ? "TYPEDARRAY" : arrayName.toUpperCase()}`,
  sameType(declaredType, columnType) {
    const declared = declaredType.toUpperCase();
    // Tables that users made themselves need only keep the values as they are.
    if (!KNOWN_TYPE.test(declared)) {
      return affinity(declared) === (columnType.startsWith("BLOB") ? "BLOB" : affinity(columnType));
    }
    return declared === columnType || (declared === "BLOB" && columnType.startsWith("BLOB "));
  },
  literal,
  selectExpression: (column, type) => (type === "int64" ? `CAST(${column} AS TEXT)` : column),
  bindExpression: (text) => text,
  orderTerm: (column, descending) => (descending ? `${column} DESC` : column),
  limitClause(limit, offset, bind) {
    // SQLite looks at a bare parameter here when it plans, and so prepares the statement anew for
    // every value.
    const bound = (value: number): string => `CAST(${bind(value)} AS INTEGER)`;
    if (offset !== undefined && offset > 0) {
      return ` LIMIT ${bound(limit ?? -1)} OFFSET ${bound(offset)}`;
    }
    return limit === undefined ? "" : ` LIMIT ${bound(limit)}`;
  },
  rowSource,
  membership: (operand, type, values, negated, bind) =>
    `${operand} ${negated ? "NOT IN" : "IN"} (${rowSource(
      [type],
      values.map((value) => [value]),
      bind,
    )})`,
  jsonField,
  nowExpression: "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
  addMilliseconds: (timestamp, milliseconds) =>
    `strftime('%Y-%m-%dT%H:%M:%fZ', ${timestamp}, (${milliseconds} / 1000.0) || ' seconds')`,
  // There is one writer at a time.
  lockSkippingLocked: "",

  // The write lock is taken with the transaction.
  *beginSetup() {},
  setupSql: [],
  lockTable: () => undefined,
  tableExistsExpression,
  propertyType,
  identityKey: "INTEGER PRIMARY KEY AUTOINCREMENT",
  // Rows that are kept in the tree of a key are found with one search instead of two, but cost
  // three times as much to reach and to insert from some 1,000 bytes on: only rows that cannot
  // grow are kept so. A key of one integer is the row's number in any case.
  tableSuffix: ({ key, values }) =>
    (key.length === 1 && key[0] === "integer") || !values.every((type) => SHORT_TYPES.has(type))
      ? ""
      : " WITHOUT ROWID",
  describeTable,
  keyCounter: new CounterTable({ placeholder, literal, tableExistsExpression, qualified }),
};

const PROPERTY_TYPES: Readonly<Record<string, ColumnType>> = {
  TEXT: "string",
  REAL: "number",
  NUMERIC: "number",
  INTEGER: "integer",
  INT64: "int64",
  "BOOLEAN INT": "boolean",
  "TEXT DATETIME": "date-time",
  BLOB: "blob",
  "TEXT JSON": "json",
};

function propertyType(declaredType: string): PropertyType {
  const declared = declaredType.toUpperCase();
  if (declared.startsWith("BLOB ")) {
    const arrayName = TYPED_ARRAY_NAMES.find((name) => declared === `BLOB ${name.toUpperCase()}`);
    return { type: "typedArray", arrayName };
  }
  return {
    type: PROPERTY_TYPES[declared] ?? (PROPERTY_TYPES[affinity(declared)] as ColumnType),
    arrayName: undefined,
  };
}

function tableExistsExpression(table: string): string {
  return `EXISTS (SELECT 1 FROM "sqlite_schema" WHERE "type" = 'table' AND "name" = ${literal(table)})`;
}

function literal(value: SqlValue): string {
  if (value === null) return "NULL";
  if (typeof value === "string") return `'${value.replaceAll("'", "''")}'`;
  if (value instanceof Uint8Array) {
    return `x'${Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("")}'`;
  }
  return String(value);
}

/** One JSON text holds all values: any number of them is one parameter and one statement text. */
function rowSource(
  types: readonly SqlColumnType[],
  rows: readonly (readonly SqlValue[])[],
  bind: Bind,
): string {
  if (types.length === 1) {
    const [type] = types as readonly [SqlColumnType];
    const json = `[${rows.map(([value]) => jsonText(value as SqlValue)).join(",")}]`;
    return `SELECT ${fromJson("value", type)} FROM json_each(${bind(json)})`;
  }
  const json = `[${rows.map((row) => `[${row.map(jsonText).join(",")}]`).join(",")}]`;
  const columns = types.map((type, i) => fromJson(`json_extract(value, '$[${i}]')`, type));
  return `SELECT ${columns.join(", ")} FROM json_each(${bind(json)})`;
}

const fromJson = (value: string, type: SqlColumnType): string =>
  type === "bytes" ? `unhex(${value})` : value;

function jsonText(value: SqlValue): string {
  if (typeof value === "number") {
    // Without a point SQLite would read the rounded digits of a large double as an integer.
    const text = String(value);
    return Number.isSafeInteger(value) || /[.e]/.test(text) ? text : `${text}.0`;
  }
  if (value instanceof Uint8Array) {
    return `"${Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("")}"`;
  }
  return typeof value === "bigint" ? value.toString() : JSON.stringify(value);
}

function* describeTable(table: string): SqlProgram<DescribedTable | undefined> {
  const named = yield {
    text: `SELECT "name" FROM "sqlite_schema" WHERE "type" = 'table' AND "name" = ? COLLATE NOCASE`,
    params: [table],
  };
  if (named.rows.length === 0) return undefined;
  const { rows } = yield {
    text: `SELECT "name", "type", "notnull", "pk" FROM pragma_table_info(?)`,
    params: [table],
  };
  const columns = rows.map(
    ([name, declaredType, notNull, keyPosition]): DescribedColumn => ({
      name: String(name),
      declaredType: String(declaredType),
      nullable: notNull === 0,
      keyPosition: Number(keyPosition),
    }),
  );
  return { name: String(named.rows[0]?.[0]), columns, indexes: yield* describeIndexes(table) };
}

function* describeIndexes(table: string): SqlProgram<readonly DescribedIndex[]> {
  // "pk" is the origin of the key's own index.
  const { rows } = yield {
    text: `SELECT l."name", l."unique", l."partial", i."name" FROM pragma_index_list(?) AS l
JOIN pragma_index_info(l."name") AS i WHERE l."origin" <> 'pk' ORDER BY l."name", i."seqno"`,
    params: [table],
  };
  const indexes = new Map<string, { columns: string[]; unique: boolean; plain: boolean }>();
  for (const [name, unique, partial, column] of rows) {
    const index = indexes.get(String(name)) ?? {
      columns: [],
      unique: unique === 1,
      plain: partial === 0,
    };
    // An expression has no name.
    if (column === null) index.plain = false;
    else index.columns.push(String(column));
    indexes.set(String(name), index);
  }
  return [...indexes].map(([name, index]) => ({ name, ...index }));
}
