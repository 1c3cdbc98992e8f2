import { JobStatus, type StoredJob } from "@workglow/job-queue";
import type { Library } from "./library.ts";

export type DocumentStatus = "indexed" | "waiting" | "indexing" | "failed";

export interface ListedDocument {
  readonly path: string;
  readonly bytes: number;
  readonly status: DocumentStatus;
  /** Once it is indexed. */
  readonly chunks?: number;
  /** Why it failed. */
  readonly reason?: string;
}

export interface DocumentList {
  readonly documents: readonly ListedDocument[];
  /** Whether there are more than were asked for. */
  readonly more: boolean;
}

/** The first documents by path. */
export async function listDocuments(library: Library, limit: number): Promise<DocumentList> {
  const { items, nextCursor } = await library.documents.getPage({ limit });
  const documents = await Promise.all(
    items.map(async ({ path, bytes, job_id, chunks }): Promise<ListedDocument> => {
      if (chunks !== undefined) return { path, bytes, chunks, status: "indexed" };
      return { path, bytes, ...(await stateOfJob(library, job_id)) };
    }),
  );
  return { documents, more: nextCursor !== undefined };
}

async function stateOfJob(
  { jobs }: Library,
  id: string,
): Promise<Pick<ListedDocument, "status" | "reason">> {
  const job = await jobs.get(id);
  switch (job?.status) {
    case JobStatus.PROCESSING:
      return { status: "indexing" };
    case JobStatus.FAILED:
      return { status: "failed", reason: reasonOf(job) };
    default:
      return { status: "waiting" };
  }
}

/** The error of the last attempt; the job itself says no more than that it had its attempts. */
function reasonOf({ error, error_details }: StoredJob): string {
  const cause = error_details?.cause;
  return typeof cause === "string" ? cause : (error ?? "no reason given");
}
