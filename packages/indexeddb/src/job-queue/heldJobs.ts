import { HELD_STATUSES, type HeldEntry, type HeldStatus, type JobEntries } from "./JobEntries.ts";
import type { JobWork } from "./JobWork.ts";

/** A held job, as far as the index tells of it: however large its input is, it is not read. */
interface HeldJob extends HeldEntry {
  readonly id: number;
}

/** What an instance holds. */
export async function heldJobs(
  work: JobWork,
  entries: JobEntries,
  instance: string,
): Promise<readonly HeldJob[]> {
  const found = await Promise.all(
    HELD_STATUSES.map((status) => {
      const held: HeldJob[] = [];
      return walk(work, entries.heldBy(status, instance), held, (cursor) => {
        held.push(jobAt(cursor, entries));
        cursor.continue();
      });
    }),
  );
  return found.flat();
}

/** The first jobs of a status in the order of claims, whoever holds them. */
export async function firstHeldJobs(
  work: JobWork,
  entries: JobEntries,
  status: HeldStatus,
  limit: number,
): Promise<readonly HeldJob[]> {
  const held: HeldJob[] = [];
  let instance: string | undefined;
  let ofInstance = 0;
  await walk(work, entries.of(status), held, (cursor) => {
    const job = jobAt(cursor, entries);
    if (job.instance !== instance) ofInstance = 0;
    instance = job.instance;
    ofInstance++;
    held.push(job);
    // An instance's jobs lie in the order of claims, but for their ids: the rest comes after these.
    if (ofInstance <= limit || isTie(job, held.at(-2))) cursor.continue();
    else cursor.continue(entries.pastInstance(status, instance));
  });
  return held.sort(byClaim).slice(0, limit);
}

function walk(
  work: JobWork,
  range: IDBKeyRange,
  found: HeldJob[],
  visit: (cursor: IDBCursor) => void,
): Promise<HeldJob[]> {
  const cursors = work.index("place").openKeyCursor(range);
  return new Promise((resolve, reject) => {
    cursors.onerror = () => reject(cursors.error);
    cursors.onsuccess = () => {
      const cursor = cursors.result;
      if (cursor === null) resolve(found);
      else visit(cursor);
    };
  });
}

function jobAt({ key, primaryKey }: IDBCursor, entries: JobEntries): HeldJob {
  return { ...entries.heldIn(key), id: primaryKey as number };
}

function isTie(a: HeldJob, b: HeldJob | undefined): boolean {
  return b !== undefined && a.rank === b.rank && a.runAfterMs === b.runAfterMs;
}

function byClaim(a: HeldJob, b: HeldJob): number {
  return a.rank - b.rank || a.runAfterMs - b.runAfterMs || a.id - b.id;
}
