import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { JobStatus, type JobStorageFormat } from "@workglow/job-queue";
import { fileChunks } from "./chunk.ts";
import type { Embedder } from "./embed.ts";
import { type FoundFile, fileHash } from "./files.ts";
import type { IndexJob, Library } from "./library.ts";

const FILES_A_BATCH = 100;
const CHUNKS_A_BATCH = 128;
const IDLE_POLL_MS = 100;

type Job = JobStorageFormat<IndexJob, { readonly chunks: number }>;
type Chunk = Parameters<Library["chunks"]["put"]>[0];

/**
 * Notes every new or changed file as a document with a job, and drops documents whose files are
 * gone. A document and its job are stored together, so that none is ever left without the other.
 */
export async function enqueueDocuments(
  library: Library,
  files: AsyncIterable<FoundFile>,
  onFile: () => void = () => undefined,
): Promise<void> {
  const run = randomUUID();
  let batch: FoundFile[] = [];
  for await (const file of files) {
    batch.push(file);
    onFile();
    if (batch.length < FILES_A_BATCH) continue;
    await enqueueBatch(library, batch, run);
    batch = [];
  }
  await enqueueBatch(library, batch, run);
  await dropVanished(library, run);
}

async function enqueueBatch(
  library: Library,
  files: readonly FoundFile[],
  run: string,
): Promise<void> {
  if (files.length === 0) return;
  const hashes = await Promise.all(files.map((file) => fileHash(file.absolutePath)));
  await library.transaction(async (tx) => {
    const documents = library.documents.with(tx);
    const jobs = library.jobs.with(tx);
    const known = await documents.getMany(files.map(({ path }) => ({ path })));
    const byPath = new Map(known.map((document) => [document.path, document]));
    const changed = files.filter((file, i) => byPath.get(file.path)?.hash !== hashes[i]);
    for (const { path } of changed) {
      const old = byPath.get(path);
      if (old !== undefined) await jobs.delete(old.job_id);
    }
    const ids = await jobs.addMany(
      changed.map(({ path, absolutePath }) => ({
        input: { path, absolutePath },
        run_after: null,
        completed_at: null,
      })),
    );
    const jobOf = new Map(changed.map(({ path }, i) => [path, String(ids[i])]));
    await documents.putBulk(
      files.map(({ path }, i) => ({
        path,
        hash: hashes[i] as string,
        job_id: jobOf.get(path) ?? (byPath.get(path)?.job_id as string),
        seen_in: run,
      })),
    );
  });
}

async function dropVanished(library: Library, run: string): Promise<void> {
  const gone = await library.documents.query({ seen_in: { operator: "!=", value: run } });
  for (const { path, job_id } of gone ?? []) {
    await library.transaction(async (tx) => {
      await library.jobs.with(tx).delete(job_id);
      await library.chunks.with(tx).deleteSearch({ path });
      await library.documents.with(tx).delete({ path });
    });
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
    await indexDocument(library, embedder, job);
  } catch (error) {
    await library.jobs.complete({
      ...job,
      status: JobStatus.FAILED,
      error: error instanceof Error ? error.message : String(error),
      completed_at: new Date().toISOString(),
    });
  }
}

/**
 * Chunks and the job's completion are stored in one transaction: after a crash either both are
 * there or neither, so that no job runs again whose chunks are stored. Small files are embedded
 * before the transaction opens; a large one is streamed through it, batch by batch.
 */
async function indexDocument(library: Library, embedder: Embedder, job: Job): Promise<void> {
  const { path, absolutePath } = job.input;
  const batches = chunkBatches(path, absolutePath, embedder);
  let batch = await batches.next();
  await library.transaction(async (tx) => {
    const chunks = library.chunks.with(tx);
    await chunks.deleteSearch({ path });
    let count = 0;
    for (; !batch.done; batch = await batches.next()) {
      await chunks.putBulk(batch.value);
      count += batch.value.length;
    }
    await library.jobs.with(tx).complete({
      ...job,
      status: JobStatus.COMPLETED,
      output: { chunks: count },
      completed_at: new Date().toISOString(),
    });
  });
}

async function* chunkBatches(
  path: string,
  absolutePath: string,
  embedder: Embedder,
): AsyncGenerator<Chunk[]> {
  let batch: Chunk[] = [];
  let position = 0;
  for await (const text of fileChunks(absolutePath)) {
    batch.push({ path, position, vector: await embedder.embed(text), metadata: { text } });
    position++;
    if (batch.length < CHUNKS_A_BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
