import { lstat } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { JobStatus, type JobStorageFormat, StaleLeaseError } from "@workglow/job-queue";
import { StorageBusyError } from "@workglow/util";
import { fileChunks } from "./chunk.ts";
import type { Embedder } from "./embed.ts";
import { type FoundFile, fileHash } from "./files.ts";
import type { IndexJob, Library } from "./library.ts";

const FILES_A_BATCH = 100;
const CHUNKS_A_BATCH = 128;
const DOCUMENTS_A_PAGE = 500;
const IDLE_POLL_MS = 100;
const MOST_RETRIES = 2;
const RETRY_PAUSE_MS = 250;
const MOST_FAILED_JOBS = 10_000;
/** An index entry holds 2,000 bytes, the path and a position among them. */
const LONGEST_PATH_BYTES = 1900;

type Job = JobStorageFormat<IndexJob, { readonly chunks: number }>;
type Chunk = Parameters<Library["chunks"]["put"]>[0];

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
    const known = await documents.getMany(files.map(({ path }) => ({ path })));
    const byPath = new Map(known.map((document) => [document.path, document]));
    const wanted = files.filter(
      ({ path, hash }) => byPath.get(path)?.hash !== hash || again.has(path),
    );
    for (const { path } of wanted) {
      const old = byPath.get(path);
      if (old !== undefined) await jobs.delete(old.job_id);
    }
    const ids = await jobs.addMany(
      wanted.map(({ path, absolutePath }) => ({
        input: { path, absolutePath },
        run_after: null,
        completed_at: null,
        max_retries: MOST_RETRIES,
      })),
    );
    await documents.putBulk(
      wanted.map(({ path, absolutePath, hash }, i) => ({
        path,
        absolute_path: absolutePath,
        hash,
        job_id: String(ids[i]),
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

/** Works until no job is left, also those that a dead process still holds. */
export async function workThroughJobs(
  library: Library,
  embedder: Embedder,
  { workers, onJob = () => undefined }: { readonly workers: number; readonly onJob?: () => void },
): Promise<void> {
  const work = async (workerId: string): Promise<void> => {
    for (;;) {
      const job = await library.jobs.next(workerId);
      if (job !== undefined) {
        await runJob(library, embedder, job);
        onJob();
      } else if (await isDrained(library)) {
        return;
      } else {
        await pause(IDLE_POLL_MS);
      }
    }
  };
  await Promise.all(Array.from({ length: workers }, (_, i) => work(`worker-${i + 1}`)));
}

async function isDrained({ jobs }: Library): Promise<boolean> {
  const left = await Promise.all([jobs.size(JobStatus.PENDING), jobs.size(JobStatus.PROCESSING)]);
  return left.every((n) => n === 0);
}

async function runJob(library: Library, embedder: Embedder, job: Job): Promise<void> {
  try {
    await indexDocument(library, embedder, job).catch((error: unknown) => {
      // What the database was too busy for is no fault of the document's.
      if (error instanceof StorageBusyError) return library.jobs.release(job);
      if (error instanceof StaleLeaseError) throw error;
      return tryLater(library, job, error);
    });
  } catch (error) {
    // The job went to another process while this one stood still: it is no longer ours.
    if (!(error instanceof StaleLeaseError)) throw error;
  }
}

/** Gives the job back to be run again; the queue ends it when its retries are used up. */
function tryLater(library: Library, job: Job, reason: unknown): Promise<void> {
  return library.jobs.complete({
    ...job,
    status: JobStatus.PENDING,
    error: reason instanceof Error ? reason.message : String(reason),
    run_after: new Date(Date.now() + RETRY_PAUSE_MS).toISOString(),
  });
}

/**
 * Chunks and the job's completion are stored in one transaction: after a crash either both are
 * there or neither, so that no job runs again whose chunks are stored. Small files are embedded
 * before the transaction opens; of a large one the rest is streamed through it, batch by batch.
 */
async function indexDocument(library: Library, embedder: Embedder, job: Job): Promise<void> {
  const { path, absolutePath } = job.input;
  const { value: first = [] } = await chunkBatches(path, absolutePath, embedder).next();
  await library.transaction(async (tx) => {
    // A job that was deleted is about an older version of the file.
    if ((await library.jobs.with(tx).get(job.id)) === undefined) return;
    const chunks = library.chunks.with(tx);
    await chunks.deleteSearch({ path });
    await chunks.putBulk(first);
    let count = first.length;
    if (count === CHUNKS_A_BATCH) {
      // Begun anew whenever the database runs this function again.
      for await (const batch of chunkBatches(path, absolutePath, embedder, count)) {
        await chunks.putBulk(batch);
        count += batch.length;
      }
    }
    await library.jobs.with(tx).complete({
      ...job,
      status: JobStatus.COMPLETED,
      output: { chunks: count },
      completed_at: new Date().toISOString(),
    });
  });
}

/** @param from the position of the first chunk that is wanted */
async function* chunkBatches(
  path: string,
  absolutePath: string,
  embedder: Embedder,
  from = 0,
): AsyncGenerator<Chunk[], undefined> {
  let batch: Chunk[] = [];
  let position = -1;
  for await (const text of fileChunks(absolutePath)) {
    position++;
    if (position < from) continue;
    batch.push({ path, position, vector: await embedder.embed(text), metadata: { text } });
    if (batch.length < CHUNKS_A_BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
