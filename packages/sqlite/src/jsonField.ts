import type { SqlDialect } from "@workglow/storage/sql";

/**
 * A field of a JSON column, an expression. Its kind is looked at first: SQLite's JSON functions
 * give 1 for `true` as for the number, and numbers beyond 2^53 as integers of other digits.
 */
export const jsonField: SqlDialect["jsonField"] = (quotedColumn, path, kind, bind) => {
  const text = jsonPath(path);
  const type = (): string => `json_type(${quotedColumn}, ${bind(text)})`;
  const value = (): string => `json_extract(${quotedColumn}, ${bind(text)})`;
  switch (kind) {
    case "string":
      return `CASE ${type()} WHEN 'text' THEN ${value()} END`;
    case "number":
      return `CASE WHEN ${type()} IN ('integer', 'real') THEN CAST(${value()} AS REAL) END`;
    case "boolean":
      return `CASE ${type()} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END`;
    case "json":
      return `nullif(${type()}, 'null')`;
  }
};

/** `$."a"."b"`: in quotes every name is a name, and what would end them is escaped as in JSON. */
function jsonPath(path: readonly string[]): string {
  return `$${path.map((key) => `.${JSON.stringify(key)}`).join("")}`;
}
