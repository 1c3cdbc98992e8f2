import { request } from "../connection/request.ts";
import { type Stretch, sourceOf } from "./Stretch.ts";
import type { TableRead } from "./TableRead.ts";

/** The number of rows in a stretch. */
export function countStretch(read: TableRead, { order, range }: Stretch): Promise<number> {
  return request(sourceOf(read, order).count(range));
}
