import { type CountQuestion, type RowPath, UnionPath } from "@workglow/storage/paths";
import type { RowOrder } from "../records/RecordCodec.ts";
import { countStretch } from "./countStretch.ts";
import { entryAt } from "./entryAt.ts";
import { type Stretch, sourceOf, stretchesOf } from "./Stretch.ts";
import type { TableRead } from "./TableRead.ts";

/** Paths of more stretches are held to be long: it would take a request to count each. */
const MOST_STRETCHES = 64;

/** The number of rows on each path, counted up to `most`. */
export function countPaths(
  read: TableRead,
  { paths, most }: CountQuestion<RowOrder>,
): Promise<readonly number[]> {
  return Promise.all(paths.map((path) => countPath(read, path, most)));
}

async function countPath(read: TableRead, path: RowPath<RowOrder>, most: number): Promise<number> {
  if (path.mostRows < Number.POSITIVE_INFINITY) return Math.min(path.mostRows, most);
  const isLong = !(path instanceof UnionPath) && path.ranges.length > MOST_STRETCHES;
  if (isLong) return most;
  const counts =
    path instanceof UnionPath
      ? await countPaths(read, { paths: path.paths, most })
      : await Promise.all(stretchesOf(path, undefined).map((s) => countUpTo(read, s, most)));
  return Math.min(
    counts.reduce((sum, count) => sum + count, 0),
    most,
  );
}

/** IndexedDB counts a range by walking through all of it: one that is too long is not counted. */
async function countUpTo(read: TableRead, stretch: Stretch, most: number): Promise<number> {
  const isLong = (await entryAt(sourceOf(read, stretch.order), stretch, most - 1)) !== undefined;
  return isLong ? most : countStretch(read, stretch);
}
