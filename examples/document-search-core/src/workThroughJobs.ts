import { JobStatus, StaleLeaseError, type StoredJob } from "@workglow/job-queue";
import { StorageBusyError, sleep } from "@workglow/util";
import type { Embedder } from "./embed.ts";
import { type DocumentTexts, indexDocument } from "./indexDocument.ts";
import type { IndexingStorages, IndexOutput } from "./storages.ts";

const IDLE_POLL_MS = 100;
const RETRY_PAUSE_MS = 250;

export interface WorkOptions {
  /** Jobs at the same time. */
  readonly workers: number;
  readonly onJob?: () => void;
}

/** Works until no job is left, also those that a dead process or tab still holds. */
export async function workThroughJobs<Job extends { readonly path: string }>(
  storages: IndexingStorages<Job>,
  embedder: Embedder,
  texts: DocumentTexts<Job>,
  { workers, onJob = () => undefined }: WorkOptions,
): Promise<void> {
  const work = async (workerId: string): Promise<void> => {
    for (;;) {
      const job = await storages.jobs.next(workerId);
      if (job !== undefined) {
        await runJob(storages, embedder, texts, job);
        onJob();
      } else if (await isDrained(storages)) {
        return;
      } else {
        await sleep(IDLE_POLL_MS);
      }
    }
  };
  await Promise.all(Array.from({ length: workers }, (_, i) => work(`worker-${i + 1}`)));
}

async function isDrained<Job extends { readonly path: string }>({
  jobs,
}: IndexingStorages<Job>): Promise<boolean> {
  const left = await Promise.all([jobs.size(JobStatus.PENDING), jobs.size(JobStatus.PROCESSING)]);
  return left.every((n) => n === 0);
}

async function runJob<Job extends { readonly path: string }>(
  storages: IndexingStorages<Job>,
  embedder: Embedder,
  texts: DocumentTexts<Job>,
  job: StoredJob<Job, IndexOutput>,
): Promise<void> {
  try {
    await indexDocument(storages, embedder, texts, job).catch((error: unknown) => {
      // What the database was too busy for is no fault of the document's.
      if (error instanceof StorageBusyError) return storages.jobs.release(job);
      if (error instanceof StaleLeaseError) throw error;
      return tryLater(storages, job, error);
    });
  } catch (error) {
    // The job went to another process while this one stood still: it is no longer ours.
    if (!(error instanceof StaleLeaseError)) throw error;
  }
}

/** Gives the job back to be run again; the queue ends it when its retries are used up. */
function tryLater<Job extends { readonly path: string }>(
  { jobs }: IndexingStorages<Job>,
  job: StoredJob<Job, IndexOutput>,
  reason: unknown,
): Promise<void> {
  return jobs.complete({
    ...job,
    status: JobStatus.PENDING,
    error: reason instanceof Error ? reason.message : String(reason),
    run_after: new Date(Date.now() + RETRY_PAUSE_MS).toISOString(),
  });
}
