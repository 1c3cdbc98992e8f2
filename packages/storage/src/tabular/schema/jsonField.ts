import type { Column } from "./Column.ts";
import type { CanonicalValue } from "./canonicalValue.ts";
import { cell, type Row } from "./TableSchema.ts";

/** A field of a JSON column as a column of its own, for predicates. */
export function jsonField(
  column: Column,
  path: readonly string[],
  type: "string" | "number" | "boolean" | "json",
): Column {
  return { ...column, type, path, nullable: true, optional: true };
}

/**
 * What a predicate's leaf looks at: the column's value, or the field that its path leads to.
 * Absent, and of another kind than the leaf means, is null.
 */
export function operandOf(row: Readonly<Row>, column: Column): CanonicalValue {
  const value = cell(row, column) ?? null;
  return column.path === undefined ? value : fieldAt(value, column.path, column.type);
}

function fieldAt(
  json: CanonicalValue,
  path: readonly string[],
  type: Column["type"],
): CanonicalValue {
  let value: unknown = json;
  for (const key of path) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
    if (!Object.hasOwn(value, key)) return null;
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return type === "json" || typeof value === type ? (value as CanonicalValue) : null;
}
