import { chunkSchema } from "@workglow/conformance";
import { IndexedDbDatabase, IndexedDbVectorStorage } from "@workglow/indexeddb";
import type { IndexedDbTabularStorageOptions } from "@workglow/indexeddb/storage";
import { request } from "../../src/connection/request.ts";
import type { VectorRecord } from "../../src/vector/vectorRecords.ts";

export const vec = (...components: number[]) => Float32Array.from(components);
export const ids = (found: readonly { readonly id: unknown }[]) => found.map(({ id }) => id);

/** A database that no other test has, and a second connection to it. */
export const newDatabase = () => new IndexedDbDatabase(`vectors-${crypto.randomUUID()}`);
export const again = ({ name }: IndexedDbDatabase) => new IndexedDbDatabase(name);

interface ChunkOptions extends IndexedDbTabularStorageOptions {
  readonly table?: string;
  readonly dimensions?: number;
}

/** A storage of chunks (id, vector, metadata), not set up. */
export function chunks(
  database: IndexedDbDatabase,
  { table = "chunks", dimensions = 2, ...options }: ChunkOptions = {},
) {
  const key = ["id"] as const;
  return new IndexedDbVectorStorage(table, chunkSchema, key, [], dimensions, undefined, {
    ...options,
    database,
  });
}

export type Chunks = ReturnType<typeof chunks>;

/** A storage of chunks, set up. */
export async function chunkStorage(database: IndexedDbDatabase, options?: ChunkOptions) {
  const storage = chunks(database, options);
  await storage.setupDatabase();
  return storage;
}

/** The records that lie beside a table's rows. */
export async function logOf(database: IndexedDbDatabase, table = "chunks") {
  const db = await database.open();
  const store = db.transaction(`${table}:vectors`).objectStore(`${table}:vectors`);
  return request<VectorRecord[]>(store.getAll());
}
