import type { SelectPlan } from "@workglow/storage";
import { type ChosenPath, choosePath, type PathChoice } from "@workglow/storage/paths";
import type { RowOrder } from "../records/RecordCodec.ts";
import { countPaths } from "./countPaths.ts";
import type { TableRead } from "./TableRead.ts";

/** Chooses how the rows of a query are found: at once, where that takes no requests. */
export function choosePathIn(
  read: TableRead,
  query: Pick<SelectPlan, "where" | "order"> & { readonly wanted: number },
): ChosenPath<RowOrder> | Promise<ChosenPath<RowOrder>> {
  // To count all rows IndexedDB walks through them.
  return settle(read, choosePath({ ...query, indexes: read.codec.orders, size: undefined }));
}

function settle(
  read: TableRead,
  choice: PathChoice<RowOrder>,
  counts?: readonly number[],
): ChosenPath<RowOrder> | Promise<ChosenPath<RowOrder>> {
  const step = counts === undefined ? choice.next() : choice.next(counts);
  if (step.done) return step.value;
  return countPaths(read, step.value).then((found) => settle(read, choice, found));
}
