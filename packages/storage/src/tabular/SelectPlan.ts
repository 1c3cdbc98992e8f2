import { StorageInvalidLimitError, StorageValidationError } from "@workglow/util";
import type { Predicate } from "./Predicate.ts";
import type { Column } from "./schema/Column.ts";
import type { CanonicalValue } from "./schema/canonicalValue.ts";
import type { TableSchema } from "./schema/TableSchema.ts";

export interface OrderColumn {
  readonly column: Column;
  readonly descending: boolean;
}

/** A read in the form that backends execute. */
export interface SelectPlan {
  /** `undefined` selects every row. */
  readonly where: Predicate | undefined;
  /** A total order: it ends with the key's columns. Nulls come first ascending, last descending. */
  readonly order: readonly OrderColumn[];
  readonly limit: number | undefined;
  readonly offset: number | undefined;
  /** Only rows after this position: one value for each column of `order`, null where absent. */
  readonly after: readonly CanonicalValue[] | undefined;
  /** The columns to return, in the schema's order. */
  readonly columns: readonly Column[];
}

/**
 * Completes an order with the key's columns, in the direction of its last column, so that one
 * index on `(columns, key)` gives it.
 */
export function completeOrder(schema: TableSchema, orderBy: unknown): readonly OrderColumn[] {
  const order = orderBy === undefined ? [] : givenOrder(schema, orderBy);
  const descending = order.at(-1)?.descending ?? false;
  const named = new Set(order.map(({ column }) => column));
  for (const column of schema.keyColumns) {
    if (!named.has(column)) order.push({ column, descending });
  }
  return order;
}

function givenOrder(schema: TableSchema, orderBy: unknown): OrderColumn[] {
  if (!Array.isArray(orderBy)) throw new StorageValidationError("orderBy is a list of columns");
  const order = new Map<Column, OrderColumn>();
  for (const entry of orderBy as readonly { column?: unknown; direction?: unknown }[]) {
    const column = schema.column(entry?.column as PropertyKey);
    if (entry.direction !== "ASC" && entry.direction !== "DESC") {
      throw new StorageValidationError(`the direction for column "${column.name}" is ASC or DESC`);
    }
    if (column.type === "json" || column.type === "typedArray") {
      throw new StorageValidationError(`column "${column.name}" has no order`);
    }
    if (!order.has(column)) order.set(column, { column, descending: entry.direction === "DESC" });
  }
  return [...order.values()];
}

/** The columns of `select`, in the schema's order; all columns when it is absent. */
export function selectedColumns(schema: TableSchema, select: unknown): readonly Column[] {
  if (select === undefined) return schema.columns;
  if (!Array.isArray(select) || select.length === 0) {
    throw new StorageValidationError("select is a list of at least one column");
  }
  const chosen = new Set(select.map((name: PropertyKey) => schema.column(name)));
  return schema.columns.filter((column) => chosen.has(column));
}

/** @throws StorageInvalidLimitError unless `value` is absent or an integer of `least` or more */
export function checkedCount(value: unknown, what: string, least: number): number | undefined {
  if (value === undefined) return undefined;
  if (!Number.isSafeInteger(value) || (value as number) < least) {
    throw new StorageInvalidLimitError(`${what} is an integer of ${least} or more`);
  }
  return value as number;
}
