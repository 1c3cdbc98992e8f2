import { lstat } from "node:fs/promises";
import {
  type DocumentTexts,
  type Embedder,
  giveJobs,
  type WorkOptions,
  workThroughJobs,
} from "@workglow/example-document-search-core";
import { JobStatus } from "@workglow/job-queue";
import { type FoundFile, fileHash } from "./files.ts";
import { fileText } from "./fileText.ts";
import type { IndexJob, Library } from "./library.ts";

const FILES_A_BATCH = 100;
const DOCUMENTS_A_PAGE = 500;
const MOST_FAILED_JOBS = 10_000;
/** An index entry holds 2,000 bytes, the path and a position among them. */
const LONGEST_PATH_BYTES = 1900;

/** Tells of a file that is left out, and why. */
export type OnProblem = (path: string, error: unknown) => void;

export interface EnqueueOptions {
  readonly onFile?: () => void;
  readonly onProblem?: OnProblem;
}

interface HashedFile extends FoundFile {
  readonly hash: string;
}

/**
 * Notes every new or changed file as a document with a job, and drops documents whose files are
 * gone. A document and its job are stored together, so that none is ever left without the other.
 */
export async function enqueueDocuments(
  library: Library,
  files: AsyncIterable<FoundFile>,
  { onFile = () => undefined, onProblem = () => undefined }: EnqueueOptions = {},
): Promise<void> {
  const failed = await library.jobs.peek(JobStatus.FAILED, MOST_FAILED_JOBS);
  const again = new Set(failed.map(({ input }) => input.path));
  let batch: FoundFile[] = [];
  for await (const file of files) {
    batch.push(file);
    onFile();
    if (batch.length < FILES_A_BATCH) continue;
    await enqueueBatch(library, await hashed(batch, onProblem), again);
    batch = [];
  }
  await enqueueBatch(library, await hashed(batch, onProblem), again);
  await dropVanished(library);
}

/** The files that can be read and named. */
async function hashed(files: readonly FoundFile[], onProblem: OnProblem): Promise<HashedFile[]> {
  const results = await Promise.all(
    files.map(async (file): Promise<HashedFile | undefined> => {
      try {
        if (Buffer.byteLength(file.path) > LONGEST_PATH_BYTES)
          throw new Error("the path is too long");
        return { ...file, hash: await fileHash(file.absolutePath) };
      } catch (error) {
        onProblem(file.path, error);
        return undefined;
      }
    }),
  );
  return results.filter((file) => file !== undefined);
}

/** @param again paths whose last job failed, and that are tried anew */
async function enqueueBatch(
  library: Library,
  files: readonly HashedFile[],
  again: ReadonlySet<string>,
): Promise<void> {
  if (files.length === 0) return;
  await library.transaction(async (tx) => {
    const documents = library.documents.with(tx);
    const jobs = library.jobs.with(tx);
    const given = await giveJobs(
      { documents, jobs },
      files,
      again,
      ({ path, absolutePath }): IndexJob => ({ path, absolutePath }),
    );
    await documents.putBulk(
      given.map(({ file: { path, absolutePath, hash }, jobId }) => ({
        path,
        absolute_path: absolutePath,
        hash,
        job_id: jobId,
      })),
    );
  });
}

/** Drops the documents whose files are gone, whoever noted them. */
async function dropVanished(library: Library): Promise<void> {
  for await (const { path, absolute_path, job_id } of library.documents.records(DOCUMENTS_A_PAGE)) {
    if (await exists(absolute_path)) continue;
    await library.transaction(async (tx) => {
      await library.jobs.with(tx).delete(job_id);
      await library.chunks.with(tx).deleteSearch({ path });
      await library.documents.with(tx).delete({ path });
    });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ENOENT";
  }
}

/** Works through the queue with the texts of the files, until no job is left. */
export function indexQueued(
  library: Library,
  embedder: Embedder,
  options: WorkOptions,
): Promise<void> {
  return workThroughJobs(library, embedder, fileTexts, options);
}

const fileTexts: DocumentTexts<IndexJob> = {
  open:
    async ({ absolutePath }) =>
    () =>
      fileText(absolutePath),
};
