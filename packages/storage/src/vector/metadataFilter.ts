import { checkText, StorageValidationError } from "@workglow/util";
import { isSearchCondition } from "../tabular/criteria.ts";
import {
  columnCondition,
  combine,
  compileNested,
  compileTree,
  conditions,
  type EntryCompiler,
  type Predicate,
} from "../tabular/Predicate.ts";
import type { Column } from "../tabular/schema/Column.ts";
import { describeType } from "../tabular/schema/canonicalValue.ts";
import { jsonField } from "../tabular/schema/jsonField.ts";

type FieldType = "string" | "number" | "boolean";

/**
 * Compiles a filter on the fields of a JSON column. A plain object as a value holds conditions on
 * the fields inside. Values compare with values of their own type only: a text is different from
 * every number, and neither less nor greater. Null matches null and absent.
 *
 * @throws StorageEmptyCriteriaError for empty criteria inside `or`, `not` or another object
 * @throws StorageValidationError for an unknown operator, a value that is no text, number, boolean
 *   or null, and a name that no field can have
 */
export function compileMetadataFilter(metadata: Column, filter: unknown): Predicate {
  return compileTree(filter, false, fieldsUnder(metadata, []));
}

function fieldsUnder(metadata: Column, parents: readonly string[]): EntryCompiler {
  return (name, given, negated) => {
    checkText(name, "a field's name");
    const path = [...parents, name];
    if (isNested(given)) return compileNested(given, negated, fieldsUnder(metadata, path));
    return conditions(path.join("."), given, negated, (operator, value) =>
      fieldCondition(metadata, path, operator, value, negated),
    );
  };
}

function isNested(given: unknown): boolean {
  if (typeof given !== "object" || given === null || isSearchCondition(given)) return false;
  const prototype: unknown = Object.getPrototypeOf(given);
  return prototype === Object.prototype || prototype === null;
}

function fieldCondition(
  metadata: Column,
  path: readonly string[],
  operator: unknown,
  value: unknown,
  negated: boolean,
): Predicate {
  if (operator === "in" || operator === "not-in") {
    return fieldMembership(metadata, path, operator, value, negated);
  }
  const type = value === null ? "json" : fieldType(path, value);
  return columnCondition(jsonField(metadata, path, type), operator, value, negated);
}

/** One membership test for each type of value, as one field of one row has one type. */
function fieldMembership(
  metadata: Column,
  path: readonly string[],
  operator: "in" | "not-in",
  given: unknown,
  negated: boolean,
): Predicate {
  if (!Array.isArray(given)) {
    throw new StorageValidationError(
      `column "${path.join(".")}" is compared with a list, not ${describeType(given)}`,
    );
  }
  const byType = new Map<FieldType | "json", unknown[]>();
  for (const value of given) {
    const type = value === null ? "json" : fieldType(path, value);
    byType.set(type, [...(byType.get(type) ?? []), value]);
  }
  const tests = [...byType].map(([type, values]) =>
    columnCondition(jsonField(metadata, path, type), operator, values, negated),
  );
  return combine((operator === "in") !== negated ? "or" : "and", tests);
}

function fieldType(path: readonly string[], value: unknown): FieldType {
  const type = typeof value;
  if (type === "string" || type === "number" || type === "boolean") return type;
  throw new StorageValidationError(
    `column "${path.join(".")}" can be compared with texts, numbers, booleans and null, not ${describeType(value)}`,
  );
}
