import {
  type CanonicalValue,
  compilePredicate,
  isAfter,
  type OrderColumn,
  type Row,
  type RowTest,
  type SelectPlan,
} from "@workglow/storage";
import { type PathWithRest, UnionPath } from "@workglow/storage/paths";
import type { RowOrder } from "../records/RecordCodec.ts";
import type { TableRead } from "./TableRead.ts";

/** What is left to check of the rows on a path; of a row that comes twice it takes the first. */
export function rowTest(
  { codec }: TableRead,
  { path, rest }: PathWithRest<RowOrder>,
  { order, after }: Pick<SelectPlan, "order" | "after">,
): RowTest {
  const tests: RowTest[] = [];
  if (path instanceof UnionPath) tests.push(notSeen((row) => codec.table.keyIdentity(row)));
  if (rest !== undefined) tests.push(compilePredicate(rest));
  if (after !== undefined && !path.isOrdered) tests.push(behind(order, after));
  const [first] = tests;
  if (first === undefined) return () => true;
  return tests.length === 1 ? first : (row) => tests.every((test) => test(row));
}

/** Rows that lie on several paths of a union come several times. */
function notSeen(identityOf: (row: Row) => unknown): RowTest {
  const seen = new Set<unknown>();
  return (row) => {
    const { size } = seen;
    return seen.add(identityOf(row as Row)).size > size;
  };
}

const behind =
  (order: readonly OrderColumn[], after: readonly CanonicalValue[]): RowTest =>
  (row) =>
    isAfter(row, order, after);
