import type { Predicate } from "@workglow/storage";
import { IndexPath } from "@workglow/storage/paths";
import { request } from "../connection/request.ts";
import { choosePathIn } from "./choosePathIn.ts";
import { countStretch } from "./countStretch.ts";
import { inGroups } from "./inGroups.ts";
import { matchingPages } from "./matchingPages.ts";
import { stretchesOf } from "./Stretch.ts";
import type { TableRead } from "./TableRead.ts";

/** The number of rows for which the predicate holds, or of all rows of the tenant. */
export async function countRows(read: TableRead, where: Predicate | undefined): Promise<number> {
  if (where === undefined) return request(read.store.count(read.codec.all));
  const choice = choosePathIn(read, { where, order: [], wanted: Number.POSITIVE_INFINITY });
  const { path, rest } = choice instanceof Promise ? await choice : choice;
  let count = 0;
  if (rest === undefined && path instanceof IndexPath) {
    const stretches = stretchesOf(path, undefined);
    const counts = await inGroups(stretches, (stretch) => countStretch(read, stretch));
    for (const part of counts) count += part;
    return count;
  }
  for await (const page of matchingPages(read, { path, rest })) count += page.length;
  return count;
}
