import type { Row } from "@workglow/storage";
import type { PathWithRest } from "@workglow/storage/paths";
import type { RowOrder } from "../records/RecordCodec.ts";
import { type Pace, readPages } from "./readPages.ts";
import { rowTest } from "./rowTest.ts";
import { stretchesOf } from "./Stretch.ts";
import type { TableRead } from "./TableRead.ts";

/** For whatever has to look at all rows of a path. */
export const WHOLE_PATH: Pace = { rows: 64, stretches: 16, most: Number.POSITIVE_INFINITY };

/** All rows on a path that match, page by page, each once and in no particular order. */
export async function* matchingPages(
  read: TableRead,
  chosen: PathWithRest<RowOrder>,
): AsyncGenerator<Row[]> {
  const matches = rowTest(read, chosen, { order: [], after: undefined });
  for await (const page of readPages(read, stretchesOf(chosen.path, undefined), WHOLE_PATH)) {
    const matching = page.filter(matches);
    if (matching.length > 0) yield matching;
  }
}
