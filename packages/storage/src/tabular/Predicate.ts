import { nextPrefix, StorageValidationError } from "@workglow/util";
import {
  alternativesOf,
  assertCriteria,
  assertNotEmpty,
  isSearchCondition,
  negationsOf,
} from "./criteria.ts";
import type { Column } from "./schema/Column.ts";
import { canonicalValue, describeType } from "./schema/canonicalValue.ts";
import type { TableSchema } from "./schema/TableSchema.ts";

/** A value that rows can be compared with; binary values compare byte by byte. */
export type ComparableValue = string | number | bigint | boolean | Uint8Array;

/**
 * Criteria in the form that backends evaluate. It has two truth values and no negation: `not` has
 * been pushed into the leaves, and each leaf says what it is for a null (or absent) column.
 */
export type Predicate =
  | { readonly kind: "constant"; readonly value: boolean }
  | { readonly kind: "and" | "or"; readonly operands: readonly Predicate[] }
  | { readonly kind: "null"; readonly column: Column; readonly negated: boolean }
  | {
      readonly kind: "compare";
      readonly column: Column;
      readonly operator: "=" | "!=" | "<" | "<=" | ">" | ">=";
      readonly value: ComparableValue;
      /** The leaf's truth for null. */
      readonly orNull: boolean;
    }
  | {
      readonly kind: "in" | "not-in";
      readonly column: Column;
      /** At least one value, none null, none twice. */
      readonly values: readonly ComparableValue[];
      readonly orNull: boolean;
    };

export type ComparePredicate = Extract<Predicate, { kind: "compare" }>;

const TRUE: Predicate = { kind: "constant", value: true };
const FALSE: Predicate = { kind: "constant", value: false };

/**
 * Compiles criteria against a schema.
 *
 * @throws StorageInvalidColumnError for a column that the schema does not have
 * @throws StorageEmptyCriteriaError for empty criteria inside `or` or `not`
 * @throws StorageValidationError for an unknown operator or a value that the column does not take
 */
export function compileCriteria(schema: TableSchema, criteria: unknown): Predicate {
  return compileTree(criteria, false, (name, given, negated) => {
    const column = schema.column(name);
    return conditions(name, given, negated, (operator, value) =>
      columnCondition(column, operator, value, negated),
    );
  });
}

/** Compiles what criteria say under one name. */
export type EntryCompiler = (name: string, given: unknown, negated: boolean) => Predicate;

/** Compiles entries and combinators of criteria; what a name means is up to `entry`. */
export function compileTree(criteria: unknown, negated: boolean, entry: EntryCompiler): Predicate {
  assertCriteria(criteria);
  const parts: Predicate[] = [];
  for (const name of Object.keys(criteria)) {
    parts.push(entry(name, (criteria as Record<string, unknown>)[name], negated));
  }
  for (const alternatives of alternativesOf(criteria)) {
    const operands = alternatives.map((inner) => compileNested(inner, negated, entry));
    parts.push(combine(negated ? "and" : "or", operands));
  }
  for (const inner of negationsOf(criteria)) parts.push(compileNested(inner, !negated, entry));
  return combine(negated ? "or" : "and", parts);
}

/** Like {@link compileTree}, for criteria inside others, which must say something. */
export function compileNested(
  criteria: unknown,
  negated: boolean,
  entry: EntryCompiler,
): Predicate {
  assertCriteria(criteria);
  assertNotEmpty(criteria);
  return compileTree(criteria, negated, entry);
}

/** Joins predicates, leaving out what does not change the result. */
export function combine(kind: "and" | "or", operands: readonly Predicate[]): Predicate {
  const neutral = kind === "and";
  const kept: Predicate[] = [];
  for (const operand of operands) {
    if (operand.kind === "constant") {
      if (operand.value !== neutral) return operand;
    } else if (operand.kind === kind) {
      kept.push(...operand.operands);
    } else {
      kept.push(operand);
    }
  }
  if (kept.length === 0) return neutral ? TRUE : FALSE;
  return kept.length === 1 ? (kept[0] as Predicate) : { kind, operands: kept };
}

/** Compiles a value, a condition or a list of conditions by `one`, which compiles a condition. */
export function conditions(
  name: string,
  given: unknown,
  negated: boolean,
  one: (operator: unknown, value: unknown) => Predicate,
): Predicate {
  if (isSearchCondition(given)) return one(given.operator, given.value);
  if (!Array.isArray(given)) return one("=", given);
  const parts = given.map((entry: unknown) => {
    if (isSearchCondition(entry)) return one(entry.operator, entry.value);
    throw new StorageValidationError(
      `a list of criteria for column "${name}" holds conditions, not ${describeType(entry)}`,
    );
  });
  if (parts.length === 0) {
    throw new StorageValidationError(`the list of criteria for column "${name}" is empty`);
  }
  return combine(negated ? "or" : "and", parts);
}

/** Compiles `column operator value`, or its negation. */
export function columnCondition(
  column: Column,
  operator: unknown,
  value: unknown,
  negated: boolean,
): Predicate {
  switch (operator) {
    case "=":
    case "!=":
      return equality(column, value, (operator === "=") !== negated);
    case "in":
    case "not-in":
      return membership(column, value, (operator === "in") !== negated);
    case "<":
    case "<=":
    case ">":
    case ">=":
      return compare(
        column,
        negated ? OPPOSITE[operator] : operator,
        comparable(column, value),
        negated,
      );
    case "prefix":
      return prefix(column, value, negated);
    default:
      throw new StorageValidationError(
        `column "${column.name}" is compared by an unknown operator`,
      );
  }
}

const OPPOSITE = { "<": ">=", "<=": ">", ">": "<=", ">=": "<" } as const;

function compare(
  column: Column,
  operator: ComparePredicate["operator"],
  value: ComparableValue,
  orNull: boolean,
): Predicate {
  return { kind: "compare", column, operator, value, orNull };
}

function equality(column: Column, value: unknown, positive: boolean): Predicate {
  if (value === null) return { kind: "null", column, negated: !positive };
  return compare(column, positive ? "=" : "!=", comparable(column, value), !positive);
}

function membership(column: Column, given: unknown, positive: boolean): Predicate {
  if (!Array.isArray(given)) {
    throw new StorageValidationError(
      `column "${column.name}" is compared with a list, not ${describeType(given)}`,
    );
  }
  const hasNull = given.includes(null);
  const values = distinct(given.filter((v) => v !== null).map((v) => comparable(column, v)));
  if (values.length === 0) {
    if (hasNull) return { kind: "null", column, negated: !positive };
    refuseObjects(column);
    return positive ? FALSE : TRUE;
  }
  return { kind: positive ? "in" : "not-in", column, values, orNull: hasNull === positive };
}

function distinct(values: readonly ComparableValue[]): ComparableValue[] {
  const seen = new Set<unknown>();
  return values.filter((value) => {
    const identity = value instanceof Uint8Array ? `b${value.join()}` : value;
    return seen.has(identity) ? false : seen.add(identity) !== undefined;
  });
}

function prefix(column: Column, value: unknown, negated: boolean): Predicate {
  if (column.type !== "string") {
    throw new StorageValidationError(`column "${column.name}" holds no text to compare by prefix`);
  }
  const text = comparable(column, value) as string;
  const end = nextPrefix(text);
  // `>= prefix AND < next` by code point is the prefix test, and one range of an index.
  const from = compare(column, negated ? "<" : ">=", text, negated);
  if (end === undefined) return from;
  return combine(negated ? "or" : "and", [
    from,
    compare(column, negated ? ">=" : "<", end, negated),
  ]);
}

function refuseObjects(column: Column): void {
  if (column.type === "json" || column.type === "typedArray") {
    throw new StorageValidationError(`column "${column.name}" can be compared with null only`);
  }
}

function comparable(column: Column, value: unknown): ComparableValue {
  refuseObjects(column);
  if (value === undefined || value === null) {
    throw new StorageValidationError(
      `column "${column.name}" cannot be compared with ${describeType(value)} by this operator`,
    );
  }
  return canonicalValue(column, value) as ComparableValue;
}
