import { compareValues } from "./compareValues.ts";
import type { OrderColumn } from "./SelectPlan.ts";
import type { CanonicalValue } from "./schema/canonicalValue.ts";
import { cell, type Row } from "./schema/TableSchema.ts";

export type RowComparator = (a: Readonly<Row>, b: Readonly<Row>) => number;

/** Compares rows by an order. */
export function rowComparator(order: readonly OrderColumn[]): RowComparator {
  return (a, b) => {
    for (const { column, descending } of order) {
      const difference = compareValues(cell(a, column), cell(b, column));
      if (difference !== 0) return descending ? -difference : difference;
    }
    return 0;
  };
}

/** Whether a row stands behind a position, which has one value for each column of the order. */
export function isAfter(
  row: Readonly<Row>,
  order: readonly OrderColumn[],
  position: readonly CanonicalValue[],
): boolean {
  for (const [index, { column, descending }] of order.entries()) {
    const difference = compareValues(cell(row, column), position[index]);
    if (difference !== 0) return descending ? difference < 0 : difference > 0;
  }
  return false;
}
