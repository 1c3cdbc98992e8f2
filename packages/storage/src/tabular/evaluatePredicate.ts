import { compareValues } from "./compareValues.ts";
import type { ComparableValue, ComparePredicate, Predicate } from "./Predicate.ts";
import type { Column } from "./schema/Column.ts";
import type { CanonicalValue } from "./schema/canonicalValue.ts";
import { operandOf } from "./schema/jsonField.ts";
import type { Row } from "./schema/TableSchema.ts";

export type RowTest = (row: Readonly<Row>) => boolean;

/** Whether a row matches. For many rows compile the predicate once. */
export function evaluatePredicate(predicate: Predicate, row: Readonly<Row>): boolean {
  return compilePredicate(predicate)(row);
}

/** A function that tells of each row whether it matches. */
export function compilePredicate(predicate: Predicate): RowTest {
  switch (predicate.kind) {
    case "constant":
      return () => predicate.value;
    case "and":
      return allOf(predicate.operands.map(compilePredicate));
    case "or":
      return anyOf(predicate.operands.map(compilePredicate));
    case "null":
      return onColumn(predicate.column, !predicate.negated, () => predicate.negated);
    case "compare":
      return onColumn(predicate.column, predicate.orNull, comparison(predicate));
    case "in":
    case "not-in": {
      const isMember = membership(predicate.values);
      const negated = predicate.kind === "not-in";
      return onColumn(predicate.column, predicate.orNull, (value) => isMember(value) !== negated);
    }
  }
}

type ValueTest = (value: CanonicalValue) => boolean;

function onColumn(column: Column, ofNull: boolean, ofValue: ValueTest): RowTest {
  return (row) => {
    const value = operandOf(row, column);
    return value === null ? ofNull : ofValue(value);
  };
}

function allOf(tests: readonly RowTest[]): RowTest {
  return (row) => {
    for (const test of tests) if (!test(row)) return false;
    return true;
  };
}

function anyOf(tests: readonly RowTest[]): RowTest {
  return (row) => {
    for (const test of tests) if (test(row)) return true;
    return false;
  };
}

function comparison({ operator, value: expected }: ComparePredicate): ValueTest {
  const scalar = !(expected instanceof Uint8Array);
  switch (operator) {
    case "=":
      return scalar ? (v) => v === expected : (v) => compareValues(v, expected) === 0;
    case "!=":
      return scalar ? (v) => v !== expected : (v) => compareValues(v, expected) !== 0;
    case "<":
      return (value) => compareValues(value, expected) < 0;
    case "<=":
      return (value) => compareValues(value, expected) <= 0;
    case ">":
      return (value) => compareValues(value, expected) > 0;
    case ">=":
      return (value) => compareValues(value, expected) >= 0;
  }
}

function membership(values: readonly ComparableValue[]): ValueTest {
  if (values[0] instanceof Uint8Array) {
    const texts = new Set(values.map((value) => (value as Uint8Array).join()));
    return (value) => texts.has((value as Uint8Array).join());
  }
  const members = new Set<CanonicalValue>(values);
  return (value) => members.has(value);
}
