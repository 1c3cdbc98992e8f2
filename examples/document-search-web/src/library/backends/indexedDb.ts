import { ChunkKey, ChunkSchema, QUEUE_NAME } from "@workglow/example-document-search-core";
import {
  IndexedDbKvStorage,
  IndexedDbTabularStorage,
  IndexedDbVectorStorage,
  withTransaction,
} from "@workglow/indexeddb";
import { IndexedDbQueueStorage } from "@workglow/indexeddb/job-queue";
import type { Storages } from "../library.ts";
import { DocumentKey, DocumentSchema, SourceKey, SourceSchema } from "../schemas.ts";

const DATABASE = "document-search";

export function openIndexedDb(dimensions: number): Storages {
  const shared = { database: DATABASE };
  return {
    settings: new IndexedDbKvStorage("settings", undefined, undefined, shared),
    documents: new IndexedDbTabularStorage("documents", DocumentSchema, DocumentKey, [], shared),
    sources: new IndexedDbTabularStorage("sources", SourceSchema, SourceKey, [], shared),
    chunks: new IndexedDbVectorStorage(
      "chunks",
      ChunkSchema,
      ChunkKey,
      [],
      dimensions,
      Float32Array,
      shared,
    ),
    jobs: new IndexedDbQueueStorage(QUEUE_NAME, shared),
    transaction: (fn) => withTransaction(DATABASE, fn),
  };
}
