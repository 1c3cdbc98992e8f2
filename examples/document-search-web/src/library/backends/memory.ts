import { ChunkKey, ChunkSchema, QUEUE_NAME } from "@workglow/example-document-search-core";
import { InMemoryQueueStorage } from "@workglow/job-queue";
import {
  InMemoryKvStorage,
  InMemoryTabularStorage,
  InMemoryVectorStorage,
  MemoryDatabase,
  withTransaction,
} from "@workglow/storage";
import type { Storages } from "../library.ts";
import { DocumentKey, DocumentSchema, SourceKey, SourceSchema } from "../schemas.ts";

export function openMemory(dimensions: number): Storages {
  const database = new MemoryDatabase();
  const shared = { database };
  return {
    settings: new InMemoryKvStorage(undefined, undefined, shared),
    documents: new InMemoryTabularStorage(DocumentSchema, DocumentKey, [], shared),
    sources: new InMemoryTabularStorage(SourceSchema, SourceKey, [], shared),
    chunks: new InMemoryVectorStorage(ChunkSchema, ChunkKey, [], dimensions, Float32Array, shared),
    jobs: new InMemoryQueueStorage(QUEUE_NAME, shared),
    transaction: (fn) => withTransaction(database, fn),
  };
}
