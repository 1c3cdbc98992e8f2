/** A query evaluated in the most obvious way, to compare real ones with. */
import { not, or, type SearchCriteria } from "../src/index.ts";

export type NaiveRow = Readonly<Record<string, unknown>>;
export type Leaf = { readonly column: string; readonly operator: string; readonly value: unknown };
export type Tree =
  | Leaf
  | { readonly all: readonly Tree[] }
  | { readonly any: readonly Tree[] }
  | { readonly none: Tree };
export type Order = readonly { readonly column: string; readonly direction: "ASC" | "DESC" }[];

function compare(a: unknown, b: unknown): number {
  const [x, y] = [a ?? null, b ?? null];
  if (x === null || y === null) return x === y ? 0 : x === null ? -1 : 1;
  if (typeof x === "string")
    return compareLists([...x].map(codePoint), [...(y as string)].map(codePoint));
  if (x instanceof Uint8Array) return compareLists([...x], [...(y as Uint8Array)]);
  return x === y ? 0 : (x as number) < (y as number) ? -1 : 1;
}

const codePoint = (character: string): number => character.codePointAt(0) as number;

function compareLists(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a[i] !== b[i]) return (a[i] as number) - (b[i] as number);
  }
  return a.length - b.length;
}

export function matches(row: NaiveRow, tree: Tree): boolean {
  if ("all" in tree) return tree.all.every((part) => matches(row, part));
  if ("any" in tree) return tree.any.some((part) => matches(row, part));
  if ("none" in tree) return !matches(row, tree.none);
  const held = row[tree.column] ?? null;
  const { operator, value } = tree;
  const isSame = (other: unknown) => compare(held, other) === 0;
  switch (operator) {
    case "=":
      return isSame(value);
    case "!=":
      return !isSame(value);
    case "in":
      return (value as unknown[]).some(isSame);
    case "not-in":
      return !(value as unknown[]).some(isSame);
    case "prefix":
      return held !== null && (held as string).startsWith(value as string);
  }
  if (held === null) return false;
  const order = compare(held, value);
  if (operator === "<") return order < 0;
  if (operator === "<=") return order <= 0;
  return operator === ">" ? order > 0 : order >= 0;
}

export function inOrder(
  rows: readonly NaiveRow[],
  order: Order,
  key: readonly string[],
): NaiveRow[] {
  const last = order.at(-1)?.direction ?? "ASC";
  const whole = [...order, ...key.map((column) => ({ column, direction: last }))];
  return [...rows].sort((a, b) => {
    for (const { column, direction } of whole) {
      const difference = compare(a[column], b[column]);
      if (difference !== 0) return direction === "DESC" ? -difference : difference;
    }
    return 0;
  });
}

/** The criteria that say what a tree says. */
export function criteriaOf(tree: Tree): SearchCriteria<NaiveRow> {
  if ("any" in tree) return or(...tree.any.map(criteriaOf));
  if ("none" in tree) return not(criteriaOf(tree.none));
  if (!("all" in tree)) {
    const { column, operator, value } = tree;
    return { [column]: { operator, value } } as SearchCriteria<NaiveRow>;
  }
  // Conditions on columns go into one object, as programs write them.
  const leaves = tree.all.filter((part): part is Leaf => "column" in part);
  const columns: Record<string, object[]> = {};
  for (const { column, operator, value } of leaves) {
    columns[column] = [...(columns[column] ?? []), { operator, value }];
  }
  const rest = tree.all.filter((part) => !("column" in part)).map(criteriaOf);
  const joined = rest.length === 0 ? {} : not(or(...rest.map((part) => not(part))));
  return Object.assign(columns, joined) as unknown as SearchCriteria<NaiveRow>;
}
