import "fake-indexeddb/auto";
import { IndexedDbDatabase } from "@workglow/indexeddb";
import {
  IndexedDbQueueStorage,
  type IndexedDbQueueStorageOptions,
} from "@workglow/indexeddb/job-queue";
import { JobStatus, type JobStorageFormat, type StoredJob } from "@workglow/job-queue";
import { vi } from "vitest";

export const job = (more: Partial<JobStorageFormat> = {}): JobStorageFormat => ({
  input: 1,
  run_after: null,
  completed_at: null,
  ...more,
});

export const completed = (
  one: StoredJob | undefined,
  output: unknown = "done",
): JobStorageFormat => ({
  ...(one as StoredJob),
  status: JobStatus.COMPLETED,
  output,
});

export const soon = (ms: number) => new Date(Date.now() + ms).toISOString();
export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

let databases = 0;
export const freshDatabase = () => new IndexedDbDatabase(`queue ${++databases}`);

export async function newQueue(
  database: IndexedDbDatabase,
  options: Omit<IndexedDbQueueStorageOptions, "database"> = {},
  name = "mail",
): Promise<IndexedDbQueueStorage> {
  const queue = new IndexedDbQueueStorage(name, { ...options, database });
  await queue.setupDatabase();
  return queue;
}

/** Calls `next` as a worker does, until it gives a job. */
export async function claimSoon(queue: IndexedDbQueueStorage, withinMs = 5000): Promise<StoredJob> {
  for (const start = performance.now(); performance.now() - start < withinMs; ) {
    const claimed = await queue.next("survivor");
    if (claimed !== undefined) return claimed;
    await pause(10);
  }
  throw new Error("nobody got the job");
}

/** Counts the transactions that are begun from here on. */
export function spyOnTransactions() {
  const begun = vi.spyOn(IDBDatabase.prototype, "transaction");
  return {
    count: (mode: IDBTransactionMode) =>
      begun.mock.calls.filter(([, given]) => given === mode).length,
    clear: () => begun.mockClear(),
  };
}

/** Counts the jobs that are read from here on. */
export function spyOnReads() {
  let read = 0;
  const count = (request: IDBRequest) => {
    request.addEventListener("success", () => {
      const { result } = request;
      if (Array.isArray(result)) read += result.length;
      else if (result !== undefined && result !== null) read++;
    });
    return request;
  };
  for (const of of [IDBIndex.prototype, IDBObjectStore.prototype]) {
    for (const method of ["get", "getAll", "getAllKeys", "openCursor", "openKeyCursor"] as const) {
      const original = of[method] as (...args: unknown[]) => IDBRequest;
      vi.spyOn(of, method).mockImplementation(function (this: unknown, ...args: unknown[]) {
        return count(original.apply(this, args)) as never;
      });
    }
  }
  return {
    rows: () => read,
    clear: () => {
      read = 0;
    },
  };
}
