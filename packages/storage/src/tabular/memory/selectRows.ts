import { isAfter } from "../compareRows.ts";
import { compilePredicate } from "../evaluatePredicate.ts";
import type { Predicate } from "../Predicate.ts";
import { type ChosenPath, choosePath } from "../paths/choosePath.ts";
import { RowCollector } from "../paths/RowCollector.ts";
import type { SelectPlan } from "../SelectPlan.ts";
import type { Row } from "../schema/TableSchema.ts";
import type { MemoryPartition } from "./MemoryPartition.ts";
import type { OrderedIndex } from "./OrderedIndex.ts";
import { countPath, walkPath } from "./walkPath.ts";

/** What reads cost. */
export interface ReadStatistics {
  /** Rows looked at by reads, deletions and counts, whether they matched or not. */
  rowsVisited: number;
}

/** The rows of a plan, in its order: the partition's own, to be copied before they leave. */
export function selectRows(
  partition: MemoryPartition,
  plan: Omit<SelectPlan, "columns">,
  statistics: ReadStatistics,
): Row[] {
  const { where, order, after } = plan;
  const offset = plan.offset ?? 0;
  const wanted = plan.limit === undefined ? Number.POSITIVE_INFINITY : offset + plan.limit;
  const chosen = chosenPath(partition, { where, order, wanted });
  const { path, rest } = chosen;
  const matches = rest && compilePredicate(rest);
  const collected = new RowCollector(wanted, chosen.order, path.ordered);
  walkPath(path, after, (row) => {
    statistics.rowsVisited++;
    if (matches !== undefined && !matches(row)) return true;
    if (after !== undefined && !path.isOrdered && !isAfter(row, order, after)) return true;
    return collected.add(row);
  });
  const rows = collected.finish();
  return offset === 0 ? rows : rows.slice(offset);
}

/** The number of rows for which the predicate holds. */
export function countRows(
  partition: MemoryPartition,
  where: Predicate,
  statistics: ReadStatistics,
): number {
  const wanted = Number.POSITIVE_INFINITY;
  const { path, rest } = chosenPath(partition, { where, order: [], wanted });
  const matches = rest && compilePredicate(rest);
  let count = 0;
  walkPath(path, undefined, (row) => {
    statistics.rowsVisited++;
    if (matches === undefined || matches(row)) count++;
    return true;
  });
  return count;
}

function chosenPath(
  { indexes, size }: MemoryPartition,
  query: Pick<SelectPlan, "where" | "order"> & { readonly wanted: number },
): ChosenPath<OrderedIndex> {
  const choice = choosePath({ ...query, indexes, size });
  let step = choice.next();
  while (!step.done) {
    const { paths, most } = step.value;
    step = choice.next(paths.map((path) => countPath(path, most)));
  }
  return step.value;
}
