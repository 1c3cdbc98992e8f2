import { assertEqual } from "../assert.ts";
import { shuffled } from "../collect.ts";
import type { TestRow, TestTabular } from "../harness.ts";
import { seededRandom } from "../samples.ts";
import { show } from "../show.ts";
import { criteriaOf, matches, orUndefined, type Tree } from "./reference.ts";

export const VALUES: Readonly<Record<string, readonly unknown[]>> = {
  text: [
    "",
    "a",
    "a%",
    "a%b",
    "a_b",
    "aXb",
    "ab",
    "b",
    "\uffff",
    "\u{1f600}",
    "\u{1f600}a",
    "\u{10ffff}",
    "10",
    "9",
  ],
  number: [-1.5, 0, 0.1, 1, 2, 10, 1e300],
  count: [-3, 0, 1, 2, 10, Number.MAX_SAFE_INTEGER],
  flag: [true, false],
  at: [
    "0001-01-01T00:00:00.000Z",
    "2024-01-01T00:00:00.000Z",
    "2024-01-01T00:00:00.001Z",
    "9999-12-31T00:00:00.000Z",
  ],
  big: [-(2n ** 63n), 0n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n],
  bytes: [new Uint8Array(0), new Uint8Array([0]), new Uint8Array([0, 1]), new Uint8Array([255])],
};

/** Rows that hold every value of every column, and nulls, in a fixed disorder. */
export function measurementRows(): TestRow[] {
  const random = seededRandom(7);
  const rows = Array.from({ length: 60 }, (_, id) => {
    const row: TestRow = { id };
    for (const [column, values] of Object.entries(VALUES)) {
      const optional = column === "count" ? values : [null, ...values];
      row[column] = optional[(id + Math.floor(random() * 2)) % optional.length];
    }
    return row;
  });
  return shuffled(rows, random);
}

export const byId = (rows: readonly TestRow[]): TestRow[] =>
  [...rows].sort((a, b) => (a.id as number) - (b.id as number));

export async function checkQuery(
  table: TestTabular,
  rows: readonly TestRow[],
  tree: Tree,
): Promise<void> {
  const expected = byId(rows.filter((row) => matches(row, tree)));
  const criteria = criteriaOf(tree);
  assertEqual(await table.query(criteria), orUndefined(expected), `query ${show(tree)}`);
  assertEqual(await table.count(criteria), expected.length, `count ${show(tree)}`);
}
