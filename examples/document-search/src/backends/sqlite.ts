import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { ChunkKey, ChunkSchema, QUEUE_NAME } from "@workglow/example-document-search-core";
import {
  Sqlite,
  SqliteKvStorage,
  SqliteTabularStorage,
  SqliteVectorStorage,
  withTransaction,
} from "@workglow/sqlite";
import { SqliteQueueStorage } from "@workglow/sqlite/job-queue";
import type { LibraryOptions, OpenStorages, Storages } from "../library.ts";
import { DocumentKey, DocumentSchema } from "../schemas.ts";

export async function openSqlite({
  place,
  dimensions,
  leaseMs,
}: LibraryOptions): Promise<OpenStorages> {
  mkdirSync(dirname(place), { recursive: true });
  await Sqlite.init();
  const db = new Sqlite.Database(place);
  const storages: Storages = {
    settings: new SqliteKvStorage(db, "settings"),
    documents: new SqliteTabularStorage(db, "documents", DocumentSchema, DocumentKey),
    chunks: new SqliteVectorStorage(db, "chunks", ChunkSchema, ChunkKey, [], dimensions),
    jobs: new SqliteQueueStorage(db, QUEUE_NAME, { leaseMs }),
    transaction: (fn) => withTransaction(db, fn),
  };
  return { storages, close: () => void db.close() };
}
