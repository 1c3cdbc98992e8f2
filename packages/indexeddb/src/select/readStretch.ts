import type { Row } from "@workglow/storage";
import { request } from "../connection/request.ts";
import { type Stretch, sourceOf } from "./Stretch.ts";
import type { TableRead } from "./TableRead.ts";

type Source = IDBObjectStore | IDBIndex;

/** The form of `getAll` that reads backwards too, where there is one. */
type ReadingBackwards = (options: {
  readonly query: IDBKeyRange | null;
  readonly count?: number | undefined;
  readonly direction: IDBCursorDirection;
}) => IDBRequest<unknown[]>;

/** The first rows of a stretch, `count` at most; all of them without one. */
export async function readRows(
  read: TableRead,
  stretch: Stretch,
  count: number | undefined,
): Promise<Row[]> {
  const { codec, statistics } = read;
  const found = await firstOf(sourceOf(read, stretch.order), stretch, count, RECORDS);
  for (let at = 0; at < found.length; at++) found[at] = codec.rowOf(found[at]);
  if (statistics !== undefined) statistics.rowsRead += found.length;
  return found as Row[];
}

/** The keys of the first rows of a stretch, `count` at most; all of them without one. */
export async function readKeys(
  read: TableRead,
  stretch: Stretch,
  count: number | undefined,
): Promise<IDBValidKey[]> {
  const found = await firstOf(sourceOf(read, stretch.order), stretch, count, KEYS);
  if (read.statistics !== undefined) read.statistics.keysRead += found.length;
  return found as IDBValidKey[];
}

/** The two things that a source gives in its order. */
interface Content {
  readonly all: "getAll" | "getAllKeys";
  one(source: Source, range: IDBKeyRange): IDBRequest<unknown>;
  open(source: Source, range: IDBKeyRange | undefined): IDBRequest<IDBCursor | null>;
  at(cursor: IDBCursor): unknown;
}

const RECORDS: Content = {
  all: "getAll",
  one: (source, range) => source.get(range),
  open: (source, range) => source.openCursor(range, "prev") as IDBRequest<IDBCursor | null>,
  at: (cursor) => (cursor as IDBCursorWithValue).value,
};

const KEYS: Content = {
  all: "getAllKeys",
  one: (source, range) => source.getKey(range) as IDBRequest<unknown>,
  open: (source, range) => source.openKeyCursor(range, "prev"),
  at: (cursor) => cursor.primaryKey,
};

async function firstOf(
  source: Source,
  { range, single, descending }: Stretch,
  count: number | undefined,
  content: Content,
): Promise<unknown[]> {
  if (single) {
    const found = await request(content.one(source, range as IDBKeyRange));
    return found === undefined ? [] : [found];
  }
  if (!descending) return request<unknown[]>(source[content.all](range, count));
  // Where everything is wanted, turning it round is faster than any walk backwards.
  if (count === undefined) return (await request<unknown[]>(source[content.all](range))).reverse();
  if (!("getAllRecords" in source))
    return walkBackwards(content, content.open(source, range), count);
  const getAll = source[content.all] as unknown as ReadingBackwards;
  return request(getAll.call(source, { query: range ?? null, count, direction: "prev" }));
}

/** What an older browser can do: a step for each row. */
function walkBackwards(
  content: Content,
  opened: IDBRequest<IDBCursor | null>,
  count: number,
): Promise<unknown[]> {
  const found: unknown[] = [];
  return new Promise((resolve, reject) => {
    opened.onerror = (event) => {
      event.preventDefault();
      reject(opened.error);
    };
    opened.onsuccess = () => {
      const cursor = opened.result;
      if (cursor !== null) found.push(content.at(cursor));
      if (cursor === null || found.length >= count) resolve(found);
      else cursor.continue();
    };
  });
}
