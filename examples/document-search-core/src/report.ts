import { JobStatus } from "@workglow/job-queue";
import type { SearchResult } from "./search.ts";

interface Counted {
  size(): Promise<number>;
}

/** What the index holds, and what it found. */
export interface Report {
  readonly documents: number;
  readonly chunks: number;
  readonly jobs: { readonly completed: number; readonly failed: number; readonly pending: number };
  readonly results: readonly SearchResult[];
  readonly seconds: number;
}

/** Counts what the storages hold. */
export async function reportOf(
  {
    documents,
    chunks,
    jobs,
  }: {
    readonly documents: Counted;
    readonly chunks: Counted;
    readonly jobs: { size(status: JobStatus): Promise<number> };
  },
  results: readonly SearchResult[],
  seconds: number,
): Promise<Report> {
  return {
    documents: await documents.size(),
    chunks: await chunks.size(),
    jobs: {
      completed: await jobs.size(JobStatus.COMPLETED),
      failed: await jobs.size(JobStatus.FAILED),
      pending: (await jobs.size(JobStatus.PENDING)) + (await jobs.size(JobStatus.PROCESSING)),
    },
    results,
    seconds,
  };
}
