import type { ColumnType } from "@workglow/storage";
import type {
  Bind,
  PropertyType,
  SqlColumnType,
  SqlOwnType,
  SqlValue,
} from "@workglow/storage/sql";

/** Types as `describeTable` spells them, too. */
const TYPES: Readonly<Record<SqlColumnType, string>> = {
  text: 'text COLLATE "C"',
  double: "double precision",
  integer: "bigint",
  int64: "bigint",
  boolean: "boolean",
  timestamp: "timestamptz(3)",
  bytes: "bytea",
  json: "json",
};

/** Types of parameters: without collation and precision, which are the column's. */
const PARAMETER_TYPES: Readonly<Record<SqlColumnType, string>> = {
  ...TYPES,
  text: "text",
  timestamp: "timestamptz",
};

/**
 * Types of tables that users made themselves which keep the values as they are, or refuse them, and
 * whose indexes serve parameters of the library's type.
 */
const EQUIVALENTS: Readonly<Record<string, RegExp>> = {
  [TYPES.text]: /^character varying(?:\(\d+\))? COLLATE "C"$/,
  [TYPES.integer]: /^(?:integer|smallint)$/,
};

const PROPERTY_TYPES: readonly (readonly [RegExp, ColumnType])[] = [
  [/^(?:bigint|integer|smallint)$/, "integer"],
  [/^(?:double precision|real|numeric)/, "number"],
  [/^boolean$/, "boolean"],
  [/^timestamptz/, "date-time"],
  [/^bytea$/, "blob"],
  [/^jsonb?$/, "json"],
];

export const columnType = (type: SqlColumnType): string => TYPES[type];

export const sameType = (declaredType: string, wanted: string): boolean =>
  declaredType === wanted || EQUIVALENTS[wanted]?.test(declaredType) === true;

/** Typed arrays are plain bytes here, and 64-bit integers plain integers. */
export function propertyType(declaredType: string): PropertyType {
  const found = PROPERTY_TYPES.find(([pattern]) => pattern.test(declaredType));
  return { type: found?.[1] ?? "string", arrayName: undefined };
}

/** The text of a timestamp, whatever the session's time zone and date style. */
const isoText = (timestamp: string): string =>
  `to_char(${timestamp} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** Integers beyond 2^53 come as text, and timestamps as ISO text. */
export function selectExpression(quotedColumn: string, type: SqlColumnType): string {
  if (type === "int64") return `${quotedColumn}::text`;
  return type === "timestamp" ? isoText(quotedColumn) : quotedColumn;
}

const MARK = "U&'\\FEFF'";

/** {@link selectExpression}, with another mark for the driver to take where a text begins with one. */
export function markedExpression(quotedColumn: string, type: SqlColumnType): string {
  if (type !== "text") return selectExpression(quotedColumn, type);
  return `(CASE WHEN starts_with(${quotedColumn}, ${MARK}) THEN ${MARK} ELSE '' END || ${quotedColumn})`;
}

/** Parameters travel as texts; the cast says of what, also where no column stands beside them. */
export const bindExpression = (placeholder: string, type: SqlColumnType): string =>
  `${placeholder}::${PARAMETER_TYPES[type]}`;

/** One array a column: any number of rows are the same text and as many parameters as columns. */
export function rowSource(
  types: readonly (SqlColumnType | SqlOwnType)[],
  rows: readonly (readonly SqlValue[])[],
  bind: Bind,
): string {
  const lists = types.map((type, i) =>
    list(
      type,
      rows.map((row) => row[i] as SqlValue),
      bind,
    ),
  );
  return `SELECT * FROM unnest(${lists.map((one) => `(SELECT ${one})`).join(", ")})`;
}

/** Compared with an array instead of a subquery: an index is read by it in one scan. */
export function membership(
  operand: string,
  type: SqlColumnType,
  values: readonly SqlValue[],
  negated: boolean,
  bind: Bind,
): string {
  return `${operand} ${negated ? "<> ALL" : "= ANY"} (${list(type, values, bind)})`;
}

const list = (type: SqlColumnType | SqlOwnType, values: readonly SqlValue[], bind: Bind): string =>
  typeof type === "string"
    ? `${bind(values)}::${PARAMETER_TYPES[type]}[]`
    : type.list(values, bind);
