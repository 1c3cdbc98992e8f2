import { ChunkKey, ChunkSchema, QUEUE_NAME } from "@workglow/example-document-search-core";
import { InMemoryQueueStorage } from "@workglow/job-queue";
import {
  InMemoryKvStorage,
  InMemoryTabularStorage,
  InMemoryVectorStorage,
  MemoryDatabase,
  withTransaction,
} from "@workglow/storage";
import type { LibraryOptions, OpenStorages, Storages } from "../library.ts";
import { DocumentKey, DocumentSchema } from "../schemas.ts";

export function openMemory({ dimensions, leaseMs }: LibraryOptions): OpenStorages {
  const database = new MemoryDatabase();
  const shared = { database };
  const storages: Storages = {
    settings: new InMemoryKvStorage(undefined, undefined, shared),
    documents: new InMemoryTabularStorage(DocumentSchema, DocumentKey, [], shared),
    chunks: new InMemoryVectorStorage(ChunkSchema, ChunkKey, [], dimensions, Float32Array, shared),
    jobs: new InMemoryQueueStorage(QUEUE_NAME, { ...shared, leaseMs }),
    transaction: (fn) => withTransaction(database, fn),
  };
  return { storages };
}
