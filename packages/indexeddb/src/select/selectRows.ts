import { type Column, cell, type Row, type SelectPlan } from "@workglow/storage";
import { type ChosenPath, IndexPath } from "@workglow/storage/paths";
import type { RowOrder } from "../records/RecordCodec.ts";
import { choosePathIn } from "./choosePathIn.ts";
import { countPaths } from "./countPaths.ts";
import { RowSearch } from "./RowSearch.ts";
import { MOST_STRETCHES, readPages } from "./readPages.ts";
import { readKeys } from "./readStretch.ts";
import { type Stretch, stretchesOf } from "./Stretch.ts";
import { skipRows } from "./skipRows.ts";
import type { TableRead } from "./TableRead.ts";

/** So many rows are looked at in the order asked for before other paths are considered. */
const FIRST_BUDGET = 64;
/** Other paths are counted up to this many rows, or as many as have been looked at. */
const MOST_COUNT = 100_000;

/**
 * The rows of a plan, in its order; they are the caller's own. The first request is sent before
 * this returns, further ones as results come in, so that it can share a transaction.
 */
export async function selectRows(read: TableRead, plan: SelectPlan): Promise<Row[]> {
  const { where, order, limit, offset = 0, columns } = plan;
  const wanted = limit === undefined ? Number.POSITIVE_INFINITY : offset + limit;
  const choice = choosePathIn(read, { where, order, wanted });
  const chosen = choice instanceof Promise ? await choice : choice;
  const { path, rest } = chosen;
  const isPart = columns.length < read.codec.table.columns.length;
  const isServed = rest === undefined && path.isOrdered && path instanceof IndexPath;
  const rows = isServed
    ? await servedRows(read, stretchesOf(path, plan.after), plan, isPart)
    : (await searchedRows(read, plan, chosen, wanted)).slice(offset);
  return isPart ? withColumns(rows, columns) : rows;
}

/** The rows of stretches that hold nothing else, in order. */
async function servedRows(
  read: TableRead,
  all: readonly Stretch[],
  { offset = 0, limit, columns }: SelectPlan,
  isPart: boolean,
): Promise<Row[]> {
  const stretches = offset === 0 ? all : await skipRows(read, all, offset);
  const most = limit ?? Number.POSITIVE_INFINITY;
  if (isPart && columns.every(({ inKey }) => inKey)) return keyRows(read, stretches, most);
  const width = limit === undefined ? MOST_STRETCHES : 1;
  const pages: Row[][] = [];
  for await (const page of readPages(read, stretches, { rows: limit, stretches: width, most })) {
    pages.push(page);
  }
  return pages.length === 1 ? (pages[0] as Row[]) : pages.flat();
}

/** Rows of which nothing but the key is asked for. */
async function keyRows(
  read: TableRead,
  stretches: readonly Stretch[],
  most: number,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (let at = 0; at < stretches.length && rows.length < most; ) {
    read.signal?.throwIfAborted();
    const left = most - rows.length;
    const areMany = most === Number.POSITIVE_INFINITY || stretches[at]?.single;
    const begun = stretches.slice(at, at + (areMany ? Math.min(left, MOST_STRETCHES) : 1));
    const count = most === Number.POSITIVE_INFINITY ? undefined : left;
    for (const keys of await Promise.all(begun.map((stretch) => readKeys(read, stretch, count)))) {
      for (const key of keys) rows.push(read.codec.rowOfKey(key));
    }
    at += begun.length;
  }
  return rows;
}

/**
 * The first rows of a plan, up to `wanted`. Where the order asked for may lead past many rows that
 * do not match, another path gets its turn as soon as it turns out to be no longer than what has been
 * read, or is likely to have to be.
 */
async function searchedRows(
  read: TableRead,
  plan: SelectPlan,
  { path, rest, order, rivals }: ChosenPath<RowOrder>,
  wanted: number,
): Promise<Row[]> {
  const query = { path, rest, order, plan, wanted };
  let search = new RowSearch(read, query);
  const paths = rivals.map((rival) => rival.path);
  for (let budget = FIRST_BUDGET; rivals.length > 0; budget *= 4) {
    if (await search.run(budget)) return search.finish();
    const enough = Math.max(budget, Math.min(search.expected, MOST_COUNT));
    const counts = await countPaths(read, { paths, most: enough + 1 });
    const least = Math.min(...counts);
    if (least > enough) continue;
    search = new RowSearch(read, { ...query, ...rivals[counts.indexOf(least)] });
    break;
  }
  await search.run();
  return search.finish();
}

function withColumns(rows: readonly Row[], columns: readonly Column[]): Row[] {
  return rows.map((row) => {
    const picked: Row = {};
    for (const column of columns) {
      const value = cell(row, column);
      if (value !== undefined) picked[column.name] = value;
    }
    return picked;
  });
}
