import { MOST_COUNT } from "../connection/mostCount.ts";
import type { Stretch } from "./Stretch.ts";

/** The entry that `count` others of a stretch come before, if there are so many. */
export function entryAt(
  source: IDBObjectStore | IDBIndex,
  { range, descending }: Pick<Stretch, "range" | "descending">,
  count: number,
): Promise<IDBValidKey | undefined> {
  if (count > MOST_COUNT) return Promise.resolve(undefined);
  const opened = source.openKeyCursor(range, descending ? "prev" : "next");
  let isThere = count === 0;
  return new Promise((resolve, reject) => {
    opened.onerror = (event) => {
      event.preventDefault();
      reject(opened.error);
    };
    opened.onsuccess = () => {
      const cursor = opened.result;
      if (cursor === null || isThere) resolve(cursor?.key);
      else {
        isThere = true;
        cursor.advance(count);
      }
    };
  });
}
