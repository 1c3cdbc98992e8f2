import type { Column, Row } from "@workglow/storage";
import { MOST_COUNT } from "../connection/mostCount.ts";
import { readRows } from "./readStretch.ts";
import type { Stretch } from "./Stretch.ts";
import type { TableRead } from "./TableRead.ts";

/** How much is read at a time. */
export interface Pace {
  /** Rows of the first page; `undefined` reads each stretch at once. */
  readonly rows: number | undefined;
  /** How many stretches are begun together, at first; those of single rows are always many. */
  readonly stretches: number;
  /** No further rows are read than these. */
  readonly most: number;
}

const MOST_ROWS = 1024;
const LEAST_ROWS = 16;
/** So many stretches are begun together at most, and of those that hold single rows. */
export const MOST_STRETCHES = 256;
const MOST_SINGLES = 1024;
/** Pages grow until they hold about this many bytes. */
const MOST_BYTES = 8 * 2 ** 20;

/**
 * The rows of stretches, page by page. Pages and the number of stretches that are begun together
 * grow as it turns out that more is wanted.
 */
export async function* readPages(
  read: TableRead,
  stretches: readonly Stretch[],
  pace: Pace,
): AsyncGenerator<Row[]> {
  let { rows, most } = pace;
  let width = stretches[0]?.single ? MOST_SINGLES : pace.stretches;
  for (let at = 0; at < stretches.length && most > 0; ) {
    read.signal?.throwIfAborted();
    const begun = stretches.slice(at, at + Math.min(width, most));
    const count = pageSize(rows, begun.length, most);
    const pages = await Promise.all(begun.map((stretch) => readRows(read, stretch, count)));
    for (const [place, whole] of pages.entries()) {
      const stretch = begun[place] as Stretch;
      // Those that were begun together may hold more than is wanted.
      const page = whole.length > most ? whole.slice(0, most) : whole;
      most -= page.length;
      if (page.length > 0) yield page;
      if (most <= 0) return;
      if (stretch.single || count === undefined || page.length < count) continue;
      for await (const further of pagesBehind(page, read, stretch, count, most)) {
        most -= further.length;
        yield further;
      }
    }
    at += begun.length;
    width = Math.max(width, Math.min(2 * width, MOST_STRETCHES));
    if (rows !== undefined) rows = grown(rows, read, pages.at(-1) as Row[]);
  }
}

/** What a stretch holds behind its first page. */
async function* pagesBehind(
  first: Row[],
  read: TableRead,
  stretch: Stretch,
  firstCount: number,
  mostRows: number,
): AsyncGenerator<Row[]> {
  const { codec } = stretch.order;
  let page = first;
  let count = firstCount;
  let rows = firstCount;
  let most = mostRows;
  while (page.length === count && most > 0) {
    read.signal?.throwIfAborted();
    const last = codec.entryOf(page.at(-1) as Row);
    const range = codec.rangeBehind(last, stretch.range, stretch.descending);
    if (range === undefined) return;
    rows = grown(rows, read, page);
    count = Math.min(rows, most, MOST_COUNT);
    page = await readRows(read, { ...stretch, range }, count);
    most -= page.length;
    if (page.length > 0) yield page;
  }
}

function pageSize(rows: number | undefined, begun: number, most: number): number | undefined {
  if (rows === undefined) return undefined;
  const share = begun > 1 ? Math.max(LEAST_ROWS, Math.ceil(rows / begun)) : rows;
  return Math.min(share, most, MOST_COUNT);
}

/** The size of the next page, going by what the rows are like. */
function grown(rows: number, { codec }: TableRead, page: readonly Row[]): number {
  const next = Math.max(rows, Math.min(4 * rows, MOST_ROWS));
  const sample = page.at(-1);
  return sample !== undefined && next * bytesOf(sample, codec.table.columns) > MOST_BYTES
    ? rows
    : next;
}

/** About how much memory a row takes, JSON aside. */
function bytesOf(row: Row, columns: readonly Column[]): number {
  let bytes = 0;
  for (const { name } of columns) {
    const value = row[name];
    if (typeof value === "string") bytes += value.length;
    else if (ArrayBuffer.isView(value)) bytes += value.byteLength;
  }
  return bytes;
}
