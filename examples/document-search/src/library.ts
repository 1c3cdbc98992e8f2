import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { InMemoryQueueStorage, type IQueueStorage } from "@workglow/job-queue";
import {
  Sqlite,
  SqliteKvStorage,
  SqliteTabularStorage,
  SqliteVectorStorage,
  withTransaction as withSqliteTransaction,
} from "@workglow/sqlite";
import { SqliteQueueStorage } from "@workglow/sqlite/job-queue";
import {
  type IKvStorage,
  InMemoryKvStorage,
  InMemoryTabularStorage,
  InMemoryVectorStorage,
  type ITabularStorage,
  type IVectorStorage,
  MemoryDatabase,
  type Transaction,
  withTransaction as withMemoryTransaction,
} from "@workglow/storage";
import { ChunkKey, ChunkSchema, DocumentKey, DocumentSchema } from "./schemas.ts";

export interface IndexJob {
  readonly path: string;
  readonly absolutePath: string;
}

/**
 * The four storages of the program. Everything else in it knows only these interfaces; which
 * backend is behind them is decided here.
 */
export interface Library extends AsyncDisposable {
  readonly settings: IKvStorage<string, string>;
  readonly documents: ITabularStorage<typeof DocumentSchema, typeof DocumentKey>;
  readonly chunks: IVectorStorage<
    { text: string },
    typeof ChunkSchema,
    // The entity's type follows from the schema.
    import("@workglow/storage").EntityOf<typeof ChunkSchema>,
    typeof ChunkKey
  >;
  readonly jobs: IQueueStorage<IndexJob, { readonly chunks: number }>;
  /** What is done through `tx` is stored together or not at all. */
  transaction<T>(fn: (tx: Transaction) => Promise<T>): Promise<T>;
}

export type BackendName = "memory" | "sqlite";

export interface LibraryOptions {
  readonly backend: BackendName;
  /** The database file, for `sqlite`. */
  readonly file: string;
  readonly dimensions: number;
  /** How long a dead process keeps its jobs, in ms. */
  readonly leaseMs: number;
}

export async function openLibrary(options: LibraryOptions): Promise<Library> {
  const library =
    options.backend === "memory" ? memoryLibrary(options) : await sqliteLibrary(options);
  await library.settings.setupDatabase();
  await library.documents.setupDatabase();
  await library.chunks.setupDatabase();
  await library.jobs.setupDatabase();
  return library;
}

function memoryLibrary({ dimensions, leaseMs }: LibraryOptions): Library {
  const database = new MemoryDatabase();
  const shared = { database };
  return disposable({
    settings: new InMemoryKvStorage<string, string>(undefined, undefined, shared),
    documents: new InMemoryTabularStorage(DocumentSchema, DocumentKey, [], shared),
    chunks: new InMemoryVectorStorage(ChunkSchema, ChunkKey, [], dimensions, Float32Array, shared),
    jobs: new InMemoryQueueStorage("index-documents", { ...shared, leaseMs }),
    transaction: (fn) => withMemoryTransaction(database, fn),
  });
}

async function sqliteLibrary({ file, dimensions, leaseMs }: LibraryOptions): Promise<Library> {
  mkdirSync(dirname(file), { recursive: true });
  await Sqlite.init();
  const db = new Sqlite.Database(file);
  return disposable(
    {
      settings: new SqliteKvStorage<string, string>(db, "settings"),
      documents: new SqliteTabularStorage(db, "documents", DocumentSchema, DocumentKey),
      chunks: new SqliteVectorStorage(db, "chunks", ChunkSchema, ChunkKey, [], dimensions),
      jobs: new SqliteQueueStorage(db, "index-documents", { leaseMs }),
      transaction: (fn) => withSqliteTransaction(db, fn),
    },
    () => db.close(),
  );
}

function disposable(storages: Omit<Library, keyof AsyncDisposable>, close?: () => void): Library {
  return {
    ...storages,
    async [Symbol.asyncDispose]() {
      const { settings, documents, chunks, jobs } = storages;
      for (const storage of [jobs, chunks, documents, settings])
        await storage[Symbol.asyncDispose]();
      close?.();
    },
  };
}
