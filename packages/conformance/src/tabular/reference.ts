import { not, or, type SearchCriteria } from "@workglow/storage";
import { byCodePoint } from "../collect.ts";
import type { TestRow } from "../harness.ts";

/** A condition on one column, and how conditions combine: criteria in a form that can be walked. */
export type Tree =
  | {
      readonly kind: "column";
      readonly column: string;
      readonly operator: Operator;
      readonly value: unknown;
    }
  | { readonly kind: "and" | "or"; readonly parts: readonly Tree[] }
  | { readonly kind: "not"; readonly part: Tree };

export type Operator = "=" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not-in" | "prefix";

export type Order = readonly { readonly column: string; readonly direction: "ASC" | "DESC" }[];

/** The obvious comparison of two values of one column; null before everything. */
function compareValues(a: unknown, b: unknown): number {
  if ((a ?? null) === null || (b ?? null) === null) {
    return Number((a ?? null) !== null) - Number((b ?? null) !== null);
  }
  if (typeof a === "string") return byCodePoint(a, b as string);
  if (a instanceof Uint8Array) return compareBytes(a, b as Uint8Array);
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Whether a row matches: two truth values, as DESIGN's criteria have. */
export function matches(row: TestRow, tree: Tree): boolean {
  switch (tree.kind) {
    case "and":
      return tree.parts.every((part) => matches(row, part));
    case "or":
      return tree.parts.some((part) => matches(row, part));
    case "not":
      return !matches(row, tree.part);
    case "column":
      return holds(row[tree.column] ?? null, tree.operator, tree.value);
  }
}

function holds(value: unknown, operator: Operator, operand: unknown): boolean {
  switch (operator) {
    case "=":
      return compareValues(value, operand) === 0;
    case "!=":
      return compareValues(value, operand) !== 0;
    case "in":
      return (operand as unknown[]).some((one) => compareValues(value, one) === 0);
    case "not-in":
      return !(operand as unknown[]).some((one) => compareValues(value, one) === 0);
    case "prefix":
      return value !== null && (value as string).startsWith(operand as string);
    default:
      return value !== null && ordered(compareValues(value, operand), operator);
  }
}

function ordered(comparison: number, operator: Operator): boolean {
  if (comparison === 0) return operator === "<=" || operator === ">=";
  return comparison < 0 ? operator.startsWith("<") : operator.startsWith(">");
}

/** The criteria to give to a storage. */
export function criteriaOf(tree: Tree): SearchCriteria<TestRow> {
  switch (tree.kind) {
    case "column":
      return {
        [tree.column]: { operator: tree.operator, value: tree.value },
      } as SearchCriteria<TestRow>;
    case "or":
      return or(...tree.parts.map(criteriaOf));
    case "not":
      return not(criteriaOf(tree.part));
    case "and":
      // De Morgan's form, as criteria of one object cannot name a column or combinator twice.
      return not(or(...tree.parts.map((part) => not(criteriaOf(part)))));
  }
}

/** Rows in the order asked for: nulls first ascending, ties by key in the last direction. */
export function sorted(rows: readonly TestRow[], order: Order, key: readonly string[]): TestRow[] {
  const direction = order.at(-1)?.direction ?? "ASC";
  const full = [...order, ...key.map((column) => ({ column, direction }))];
  return [...rows].sort((a, b) => {
    for (const { column, direction } of full) {
      const comparison = compareValues(a[column], b[column]);
      if (comparison !== 0) return direction === "ASC" ? comparison : -comparison;
    }
    return 0;
  });
}

/** What an empty list is for the methods that give `undefined` then. */
export function orUndefined<T>(rows: readonly T[]): readonly T[] | undefined {
  return rows.length === 0 ? undefined : rows;
}
