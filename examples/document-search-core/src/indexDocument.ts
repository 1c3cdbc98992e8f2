import { JobStatus, type StoredJob } from "@workglow/job-queue";
import type { Transaction } from "@workglow/storage";
import { textChunks } from "./chunk.ts";
import type { Embedder } from "./embed.ts";
import type { ChunkStorage, IndexingStorages, IndexOutput } from "./storages.ts";

const CHUNKS_A_BATCH = 128;

type Chunk = Parameters<ChunkStorage["put"]>[0];

/** Begins the text anew at each call; its pieces end between characters. */
type ReadText = () => AsyncIterable<string> | Iterable<string>;

/** Where the texts of documents are found. */
export interface DocumentTexts<Job> {
  /** Called before the transaction opens; what it gives is called inside it, too. */
  open(job: Job): Promise<ReadText>;
  /** Stores through `tx` what belongs together with the chunks of the document. */
  indexed?(tx: Transaction, job: Job, chunks: number): Promise<void>;
}

/**
 * Chunks and the job's completion are stored in one transaction: after a crash either both are
 * there or neither, so that no job runs again whose chunks are stored. Small files are embedded
 * before the transaction opens; of a large one the rest is streamed through it, batch by batch.
 */
export async function indexDocument<Job extends { readonly path: string }>(
  storages: IndexingStorages<Job>,
  embedder: Embedder,
  texts: DocumentTexts<Job>,
  job: StoredJob<Job, IndexOutput>,
): Promise<void> {
  const { path } = job.input;
  const read = await texts.open(job.input);
  const { value: first = [] } = await chunkBatches(path, read, embedder).next();
  await storages.transaction(async (tx) => {
    // A job that was deleted is about an older version of the file.
    if ((await storages.jobs.with(tx).get(job.id)) === undefined) return;
    const chunks = storages.chunks.with(tx);
    await chunks.deleteSearch({ path });
    await chunks.putBulk(first);
    let count = first.length;
    if (count === CHUNKS_A_BATCH) {
      // Begun anew whenever the database runs this function again.
      for await (const batch of chunkBatches(path, read, embedder, count)) {
        await chunks.putBulk(batch);
        count += batch.length;
      }
    }
    await texts.indexed?.(tx, job.input, count);
    await storages.jobs.with(tx).complete({
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
  read: ReadText,
  embedder: Embedder,
  from = 0,
): AsyncGenerator<Chunk[], undefined> {
  let batch: Chunk[] = [];
  let position = -1;
  for await (const text of textChunks(read())) {
    position++;
    if (position < from) continue;
    batch.push({ path, position, vector: await embedder.embed(text), metadata: { text } });
    if (batch.length < CHUNKS_A_BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
