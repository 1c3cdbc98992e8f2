import type { SearchCondition } from "../tabular/ITabularStorage.ts";
import type { KvWalk } from "./BaseKvStorage.ts";

/** The bounds of a walk as conditions on the key, all of which hold. */
export function walkConditions<Key>({ range, after }: KvWalk<Key>): SearchCondition<Key>[] {
  const { gt, gte, lt, lte, prefix, reverse } = range;
  const conditions: SearchCondition<Key>[] = [];
  if (gt !== undefined) conditions.push({ operator: ">", value: gt });
  if (gte !== undefined) conditions.push({ operator: ">=", value: gte });
  if (lt !== undefined) conditions.push({ operator: "<", value: lt });
  if (lte !== undefined) conditions.push({ operator: "<=", value: lte });
  if (prefix !== undefined) conditions.push({ operator: "prefix", value: prefix as Key });
  if (after !== undefined) conditions.push({ operator: reverse ? "<" : ">", value: after });
  return conditions;
}
