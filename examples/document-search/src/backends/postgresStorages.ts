import { ChunkKey, ChunkSchema, QUEUE_NAME } from "@workglow/example-document-search-core";
import {
  type PostgresHandle,
  PostgresKvStorage,
  PostgresTabularStorage,
  PostgresVectorStorage,
  withTransaction,
} from "@workglow/postgres";
import { PostgresQueueStorage } from "@workglow/postgres/job-queue";
import type { LibraryOptions, Storages } from "../library.ts";
import { DocumentKey, DocumentSchema } from "../schemas.ts";

/** The storages on a pool of connections or a PGlite: they do not know the difference. */
export function postgresStorages(
  handle: PostgresHandle,
  { dimensions, leaseMs }: LibraryOptions,
  options: { readonly schema?: string } = {},
): Storages {
  return {
    settings: new PostgresKvStorage(handle, "settings", undefined, undefined, options),
    documents: new PostgresTabularStorage(
      handle,
      "documents",
      DocumentSchema,
      DocumentKey,
      [],
      options,
    ),
    chunks: new PostgresVectorStorage(
      handle,
      "chunks",
      ChunkSchema,
      ChunkKey,
      [],
      dimensions,
      Float32Array,
      options,
    ),
    jobs: new PostgresQueueStorage(handle, QUEUE_NAME, { ...options, leaseMs }),
    transaction: (fn) => withTransaction(handle, fn, options),
  };
}
