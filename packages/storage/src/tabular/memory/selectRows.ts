import { isAfter } from "../compareRows.ts";
import { compilePredicate } from "../evaluatePredicate.ts";
import type { Predicate } from "../Predicate.ts";
import type { SelectPlan } from "../SelectPlan.ts";
import type { Row } from "../schema/TableSchema.ts";
import { choosePath } from "./choosePath.ts";
import type { MemoryPartition } from "./MemoryPartition.ts";
import { RowCollector } from "./RowCollector.ts";

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
  const chosen = choosePath(partition, { where, order, wanted });
  const { path, rest } = chosen;
  const matches = rest && compilePredicate(rest);
  const collected = new RowCollector(wanted, chosen.order, path.ordered);
  path.walk(after, (row) => {
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
  const { path, rest } = choosePath(partition, { where, order: [], wanted });
  const matches = rest && compilePredicate(rest);
  let count = 0;
  path.walk(undefined, (row) => {
    statistics.rowsVisited++;
    if (matches === undefined || matches(row)) count++;
    return true;
  });
  return count;
}
