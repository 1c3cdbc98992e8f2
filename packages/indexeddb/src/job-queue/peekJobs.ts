import { JobStatus } from "@workglow/job-queue";
import { byClaim, type JobRecord, pendingInOrder } from "@workglow/job-queue/records";
import { firstHeldJobs } from "./heldJobs.ts";
import type { JobEntries } from "./JobEntries.ts";
import { type JobWork, PAGE } from "./JobWork.ts";

/** See `BaseQueueStorage._peek`. */
export async function peekJobs(
  work: JobWork,
  entries: JobEntries,
  status: JobStatus,
  limit: number,
): Promise<readonly JobRecord[]> {
  const first = (range: IDBKeyRange, count: number) => work.records("place", range, count);
  if (status === JobStatus.PROCESSING || status === JobStatus.ABORTING) {
    const held = await firstHeldJobs(work, entries, status, limit);
    return work.readAll(held.map(({ id }) => id));
  }
  if (status !== JobStatus.PENDING) return first(entries.of(status), limit);
  const [ready, due, later] = await Promise.all([
    first(entries.ready, limit),
    firstByClaim(work, entries.due(work.nowMs), limit),
    first(entries.later(work.nowMs), limit),
  ]);
  return pendingInOrder(ready, [...due, ...later], limit, work.nowMs);
}

/** The first in the order of claims of jobs that lie in another one. Holds few more than these. */
function firstByClaim(
  work: JobWork,
  range: IDBKeyRange,
  limit: number,
): Promise<readonly JobRecord[]> {
  const first = (jobs: readonly JobRecord[]) => [...jobs].sort(byClaim).slice(0, limit);
  return new Promise((resolve, reject) => {
    let found: JobRecord[] = [];
    const cursors = work.index("place").openCursor(range);
    cursors.onerror = () => reject(cursors.error);
    cursors.onsuccess = () => {
      const cursor = cursors.result;
      if (cursor === null) return resolve(first(found));
      found.push(cursor.value as JobRecord);
      if (found.length >= limit + PAGE) found = [...first(found)];
      cursor.continue();
    };
  });
}
