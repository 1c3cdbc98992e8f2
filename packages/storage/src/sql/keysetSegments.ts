import type { OrderColumn, SelectPlan } from "../tabular/SelectPlan.ts";
import type { CanonicalValue } from "../tabular/schema/canonicalValue.ts";
import type { SqlBuilder } from "./SqlBuilder.ts";
import type { SqlColumn, SqlTable } from "./SqlTable.ts";

/** The condition of one part of what comes after a position; one range of an index. */
export type KeysetSegment = (sql: SqlBuilder) => string;

interface Step {
  readonly column: SqlColumn;
  readonly descending: boolean;
  readonly value: CanonicalValue;
}

/**
 * What comes after a position, as consecutive ranges of the index on the order's columns: all rows
 * of a segment come before those of the next one. Where all directions agree and no null is in the
 * way it is a single comparison of row values. A disjunction instead of several ranges would be
 * read from the start of its first column's value, page after page.
 */
export function keysetSegments(
  table: SqlTable,
  { order, after }: Pick<SelectPlan, "order" | "after">,
): readonly KeysetSegment[] {
  if (after === undefined) return [() => ""];
  const steps = order.map(
    ({ column, descending }: OrderColumn, i): Step => ({
      column: table.column(column),
      descending,
      value: after[i] ?? null,
    }),
  );
  return segmentsFrom(steps);
}

function segmentsFrom(steps: readonly Step[]): KeysetSegment[] {
  const [first, ...rest] = steps;
  if (first === undefined) return [];
  if (isOneRange(steps)) return [rowValueAfter(steps), ...nullsAfter(first)];
  const inner = segmentsFrom(rest).map(
    (segment): KeysetSegment =>
      (sql) =>
        `${equals(first, sql)} AND ${segment(sql)}`,
  );
  return [...inner, ...beyond(first)];
}

/** One direction, no null in the position, and none after it between the rows of the range. */
function isOneRange(steps: readonly Step[]): boolean {
  const descending = steps[0]?.descending;
  return steps.every(
    (step, i) =>
      step.value !== null &&
      step.descending === descending &&
      !(descending && i > 0 && step.column.nullable),
  );
}

/** Nulls come last descending: behind all that a comparison finds. */
function nullsAfter({ column, descending }: Step): KeysetSegment[] {
  return descending && column.nullable ? [() => `${column.reference} IS NULL`] : [];
}

function rowValueAfter(steps: readonly Step[]): KeysetSegment {
  const operator = steps[0]?.descending ? "<" : ">";
  const columns = steps.map(({ column }) => column.reference);
  return (sql) => {
    const values = steps.map((step) => bound(step, sql));
    if (steps.length === 1) return `${columns[0]} ${operator} ${values[0]}`;
    return `(${columns.join(", ")}) ${operator} (${values.join(", ")})`;
  };
}

/** The rows whose first column is beyond the position's: nulls first ascending, last descending. */
function beyond(step: Step): KeysetSegment[] {
  const { column, descending, value } = step;
  if (value === null) return descending ? [] : [() => `${column.reference} IS NOT NULL`];
  const range: KeysetSegment = (sql) =>
    `${column.reference} ${descending ? "<" : ">"} ${bound(step, sql)}`;
  return [range, ...nullsAfter(step)];
}

function equals(step: Step, sql: SqlBuilder): string {
  const { reference } = step.column;
  return step.value === null ? `${reference} IS NULL` : `${reference} = ${bound(step, sql)}`;
}

function bound({ column, value }: Step, sql: SqlBuilder): string {
  return sql.bindAs(column.codec.encode(value), column.type);
}
