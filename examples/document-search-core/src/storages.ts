import type { IQueueStorage } from "@workglow/job-queue";
import type { EntityOf, IVectorStorage, Transaction } from "@workglow/storage";
import type { ChunkKey, ChunkSchema } from "./schemas.ts";

export type ChunkStorage = IVectorStorage<
  { text: string },
  typeof ChunkSchema,
  // The entity's type follows from the schema.
  EntityOf<typeof ChunkSchema>,
  typeof ChunkKey
>;

/** What a job leaves behind. */
export interface IndexOutput {
  readonly chunks: number;
}

/** A job says at least which document it is about. */
export type JobQueue<Job extends { readonly path: string }> = IQueueStorage<Job, IndexOutput>;

/** What the indexing of documents writes to, whichever backend is behind it. */
export interface IndexingStorages<Job extends { readonly path: string }> {
  readonly chunks: ChunkStorage;
  readonly jobs: JobQueue<Job>;
  /** What is done through `tx` is stored together or not at all; `fn` may run more than once. */
  transaction<T>(fn: (tx: Transaction) => Promise<T>): Promise<T>;
}
