import { DatabaseSync } from "node:sqlite";
import { chunkSchema } from "@workglow/conformance";
import type { SqliteHandle } from "@workglow/sqlite/storage";
import { SqliteVectorStorage, type SqliteVectorStorageOptions } from "@workglow/sqlite/storage";
import Database from "better-sqlite3";

const openers = {
  "better-sqlite3": (path = ":memory:"): SqliteHandle => new Database(path),
  "node:sqlite": (path = ":memory:"): SqliteHandle =>
    new DatabaseSync(path, { allowExtension: true }),
};

/** Every driver that runs here, with and without the extension. */
export const backends = (["better-sqlite3", "node:sqlite"] as const).flatMap((driver) =>
  (["required", "off"] as const).map((sqliteVec) => ({
    name: `${driver}, sqlite-vec ${sqliteVec}`,
    sqliteVec,
    open: openers[driver],
  })),
);

export interface ChunkStorageOptions extends SqliteVectorStorageOptions {
  readonly table?: string;
  readonly dimensions?: number;
}

/** A storage of chunks, set up. */
export async function chunkStorage(
  handle: SqliteHandle | string,
  { table = "chunks", dimensions = 2, ...options }: ChunkStorageOptions = {},
) {
  const key = ["id"] as const;
  const storage = new SqliteVectorStorage(
    handle,
    table,
    chunkSchema,
    key,
    [],
    dimensions,
    undefined,
    options,
  );
  await storage.setupDatabase();
  return storage;
}
