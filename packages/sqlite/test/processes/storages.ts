import {
  type SqliteDatabaseHandle,
  SqliteKvStorage,
  SqliteTabularStorage,
  SqliteVectorStorage,
} from "@workglow/sqlite";
import { SqliteQueueStorage, SqliteRateLimiterStorage } from "@workglow/sqlite/job-queue";

const documentSchema = {
  type: "object",
  properties: {
    id: { type: "integer", "x-auto-generated": true },
    path: { type: "string" },
    size: { type: "integer" },
  },
  required: ["id", "path"],
  additionalProperties: false,
} as const;

const chunkSchema = {
  type: "object",
  properties: {
    path: { type: "string" },
    place: { type: "integer" },
    vector: { type: "array", format: "TypedArray:Float32Array" },
  },
  required: ["path", "place", "vector"],
  additionalProperties: false,
} as const;

/** One storage of each kind on a database, as the tests and their child programs use them. */
export function storagesOn(db: SqliteDatabaseHandle) {
  const documents = new SqliteTabularStorage(db, "documents", documentSchema, ["id"] as const, [
    "path",
  ]);
  const chunks = new SqliteVectorStorage(
    db,
    "chunks",
    chunkSchema,
    ["path", "place"] as const,
    [],
    3,
  );
  const settings = new SqliteKvStorage(db, "settings");
  const queue = new SqliteQueueStorage<string, string>(db, "paths");
  const limiter = new SqliteRateLimiterStorage(db);
  const all = [documents, chunks, settings, queue, limiter] as const;
  return {
    documents,
    chunks,
    settings,
    queue,
    limiter,
    setUp: async () => void (await Promise.all(all.map((storage) => storage.setupDatabase()))),
    dispose: async () =>
      void (await Promise.all(all.map((storage) => storage[Symbol.asyncDispose]()))),
  };
}
