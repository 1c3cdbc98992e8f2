import type { SqlDialect } from "@workglow/storage/sql";
import { literal } from "./literal.ts";

/**
 * A field of a JSON column, an immutable expression, so that an index can be on it. Its kind is
 * looked at before its value is cast: a value of another kind is null and never an error. The path
 * is written as constants: an index serves only the expression that it was made with.
 */
export const jsonField: SqlDialect["jsonField"] = (quotedColumn, path, kind) => {
  // By names, one after another: a path of `#>` would take "0" for a place in an array.
  const field = path.reduce((parent, name) => `${parent} -> ${literal(name)}`, quotedColumn);
  const last = path.length - 1;
  const parent = path
    .slice(0, last)
    .reduce((above, name) => `${above} -> ${literal(name)}`, quotedColumn);
  const text = `${parent} ->> ${literal(path[last] as string)}`;
  const type = `json_typeof(${field})`;
  switch (kind) {
    case "string":
      return `(CASE ${type} WHEN 'string' THEN ${text} END COLLATE "C")`;
    case "number":
      return `(CASE ${type} WHEN 'number' THEN (${text})::double precision END)`;
    case "boolean":
      return `(CASE ${type} WHEN 'boolean' THEN (${text})::boolean END)`;
    case "json":
      return `nullif(${type}, 'null')`;
  }
};
