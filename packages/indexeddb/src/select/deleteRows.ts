import type { Predicate, Row } from "@workglow/storage";
import { IndexPath } from "@workglow/storage/paths";
import { choosePathIn } from "./choosePathIn.ts";
import { inGroups } from "./inGroups.ts";
import { matchingPages } from "./matchingPages.ts";
import { readKeys } from "./readStretch.ts";
import { type Stretch, stretchesOf } from "./Stretch.ts";
import type { TableRead } from "./TableRead.ts";

/** How rows leave the row store. */
export interface RowRemoval {
  delete(key: IDBValidKey): Promise<void>;
  /** Everything for `undefined`. */
  deleteRange(range: IDBKeyRange | undefined): Promise<void>;
}

const KEYS_OF_A_PAGE = 1024;

/**
 * Deletes the rows for which the predicate holds, or all rows of the tenant.
 *
 * @param visit is given each row that goes, page by page, before its page is deleted, in no
 * particular order. Without it rows are loaded only where no index tells which they are.
 */
export async function deleteRows(
  read: TableRead,
  where: Predicate | undefined,
  removal: RowRemoval,
  visit?: (rows: readonly Row[]) => void | Promise<void>,
): Promise<void> {
  if (where === undefined && visit === undefined) return removal.deleteRange(read.codec.all);
  const choice = choosePathIn(read, { where, order: [], wanted: Number.POSITIVE_INFINITY });
  const { path, rest } = choice instanceof Promise ? await choice : choice;
  if (visit === undefined && rest === undefined && path instanceof IndexPath) {
    await inGroups(stretchesOf(path, undefined), (part) => deleteStretch(read, part, removal));
    return;
  }
  for await (const rows of matchingPages(read, { path, rest })) {
    await visit?.(rows);
    await Promise.all(rows.map((row) => removal.delete(read.codec.keyOf(row))));
  }
}

async function deleteStretch(
  read: TableRead,
  stretch: Stretch,
  removal: RowRemoval,
): Promise<void> {
  if (stretch.order.index === undefined) return removal.deleteRange(stretch.range);
  for (let count = KEYS_OF_A_PAGE; count === KEYS_OF_A_PAGE; ) {
    read.signal?.throwIfAborted();
    const keys = await readKeys(read, stretch, KEYS_OF_A_PAGE);
    await Promise.all(keys.map((key) => removal.delete(key)));
    count = keys.length;
  }
}
