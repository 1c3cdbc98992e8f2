import { compareValues } from "../compareValues.ts";
import type { ComparableValue, Predicate } from "../Predicate.ts";
import type { Column } from "../schema/Column.ts";

/** A place between the values of a column: right before or right after one. Null comes first. */
export interface Cut {
  readonly value: ComparableValue | null;
  readonly after: boolean;
}

/** A stretch of a column's values; without a `to` it has no end. */
export interface Interval {
  readonly from: Cut;
  readonly to: Cut | undefined;
}

/** The values that a column may have: disjoint stretches in ascending order. */
export type Intervals = readonly Interval[];

const beforeNull: Cut = { value: null, after: false };
const afterNull: Cut = { value: null, after: true };
const nothingButNull: Interval = { from: beforeNull, to: afterNull };

export function isPoint({ from, to }: Interval): boolean {
  return to !== undefined && !from.after && to.after && compareValues(from.value, to.value) === 0;
}

/** The one value that the column can have, if there is just one. */
export function onlyValue(intervals: Intervals | undefined): Cut["value"] | undefined {
  const [first] = intervals ?? [];
  return first !== undefined && intervals?.length === 1 && isPoint(first)
    ? first.from.value
    : undefined;
}

/** The values of `column` for which the predicate holds; `undefined` if it asks other columns too. */
export function intervalsOf(predicate: Predicate, column: Column): Intervals | undefined {
  if (predicate.kind === "constant") return undefined;
  if ("operands" in predicate) {
    const join = predicate.kind === "and" ? intersection : union;
    let joined: Intervals | undefined;
    for (const operand of predicate.operands) {
      const part = intervalsOf(operand, column);
      if (part === undefined) return undefined;
      joined = joined === undefined ? part : join(joined, part);
    }
    return joined;
  }
  if (!isColumn(predicate.column, column)) return undefined;
  if (predicate.kind === "null") {
    return predicate.negated ? [{ from: afterNull, to: undefined }] : [nothingButNull];
  }
  const ofValues = leafIntervals(predicate);
  return predicate.orNull ? union([nothingButNull], ofValues) : ofValues;
}

/** Storages of one table have columns of their own; fields inside JSON are no columns. */
const isColumn = (a: Column, b: Column): boolean => a.name === b.name && a.path === undefined;

type Leaf = Extract<Predicate, { kind: "compare" | "in" | "not-in" }>;

function leafIntervals(leaf: Leaf): Intervals {
  if ("values" in leaf) {
    return leaf.kind === "in" ? points(leaf.values) : gaps(points(leaf.values));
  }
  const { value } = leaf;
  switch (leaf.operator) {
    case "=":
      return points([value]);
    case "!=":
      return gaps(points([value]));
    case "<":
      return [{ from: afterNull, to: { value, after: false } }];
    case "<=":
      return [{ from: afterNull, to: { value, after: true } }];
    case ">":
      return [{ from: { value, after: true }, to: undefined }];
    case ">=":
      return [{ from: { value, after: false }, to: undefined }];
  }
}

function points(values: readonly ComparableValue[]): Intervals {
  return [...values]
    .sort(compareValues)
    .map((value) => ({ from: { value, after: false }, to: { value, after: true } }));
}

/** What is between points, null aside. */
function gaps(taken: Intervals): Intervals {
  const between: Interval[] = [];
  let from = afterNull;
  for (const point of taken) {
    between.push({ from, to: point.from });
    from = point.to as Cut;
  }
  return [...between, { from, to: undefined }];
}

function compareCuts(a: Cut | undefined, b: Cut | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1;
  return compareValues(a.value, b.value) || Number(a.after) - Number(b.after);
}

function intersection(a: Intervals, b: Intervals): Intervals {
  const common: Interval[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const left = a[i] as Interval;
    const right = b[j] as Interval;
    const from = compareCuts(left.from, right.from) >= 0 ? left.from : right.from;
    const leftEndsFirst = compareCuts(left.to, right.to) <= 0;
    const to = leftEndsFirst ? left.to : right.to;
    if (compareCuts(from, to) < 0) common.push({ from, to });
    if (leftEndsFirst) i++;
    else j++;
  }
  return common;
}

function union(a: Intervals, b: Intervals): Intervals {
  const joined: { from: Cut; to: Cut | undefined }[] = [];
  for (const interval of [...a, ...b].sort((x, y) => compareCuts(x.from, y.from))) {
    const last = joined.at(-1);
    if (last === undefined || compareCuts(last.to, interval.from) < 0) joined.push({ ...interval });
    else if (compareCuts(last.to, interval.to) < 0) last.to = interval.to;
  }
  return joined;
}

/** What a predicate says of single columns, and the rest of it. All parts hold together. */
export interface Conditions {
  /** By the column's name. */
  readonly byColumn: ReadonlyMap<string, Intervals>;
  /** The parts of the predicate; those with a `column` say what `byColumn` says. */
  readonly parts: readonly { readonly column: string | undefined; readonly predicate: Predicate }[];
}

export function conditionsOf(where: Predicate | undefined): Conditions {
  const conjuncts = where === undefined ? [] : where.kind === "and" ? where.operands : [where];
  const byColumn = new Map<string, Intervals>();
  const parts = conjuncts.map((predicate) => {
    const column = firstColumn(predicate);
    const found = column && intervalsOf(predicate, column);
    if (column === undefined || found === undefined) return { column: undefined, predicate };
    const { name } = column;
    const before = byColumn.get(name);
    byColumn.set(name, before === undefined ? found : intersection(before, found));
    return { column: name, predicate };
  });
  return { byColumn, parts };
}

function firstColumn(predicate: Predicate): Column | undefined {
  if (predicate.kind === "constant") return undefined;
  if (!("operands" in predicate)) return predicate.column;
  const [first] = predicate.operands;
  return first && firstColumn(first);
}
