import { countStretch } from "./countStretch.ts";
import { entryAt } from "./entryAt.ts";
import { inGroups } from "./inGroups.ts";
import { type Stretch, sourceOf } from "./Stretch.ts";
import type { TableRead } from "./TableRead.ts";

/** The stretches without their first `offset` rows, of which none is loaded. */
export async function skipRows(
  read: TableRead,
  stretches: readonly Stretch[],
  offset: number,
): Promise<readonly Stretch[]> {
  let left = offset;
  // The last one need not be counted: either the offset ends in it, or nothing is left.
  const counted = await inGroups(stretches.slice(0, -1), (stretch) => countStretch(read, stretch));
  let at = 0;
  while (at < counted.length && left >= (counted[at] as number)) left -= counted[at++] as number;
  const first = stretches[at];
  if (first === undefined || left === 0) return stretches.slice(at);
  const rest = await behind(read, first, left);
  return rest === undefined ? stretches.slice(at + 1) : [rest, ...stretches.slice(at + 1)];
}

/** A stretch without its first `count` rows, if it has more. */
async function behind(
  read: TableRead,
  stretch: Stretch,
  count: number,
): Promise<Stretch | undefined> {
  if (stretch.single) return undefined;
  const { order, range, descending } = stretch;
  const key = await entryAt(sourceOf(read, order), stretch, count);
  if (key === undefined) return undefined;
  return { ...stretch, range: order.codec.rangeFrom(key, range, descending) };
}
