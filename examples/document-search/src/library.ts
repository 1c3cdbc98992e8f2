import type { IndexingStorages } from "@workglow/example-document-search-core";
import type { IKvStorage, ITabularStorage } from "@workglow/storage";
import type { DocumentKey, DocumentSchema } from "./schemas.ts";

export interface IndexJob {
  readonly path: string;
  readonly absolutePath: string;
}

/**
 * The four storages of the program. Everything else in it knows only these interfaces; which
 * backend is behind them is decided here.
 */
export interface Storages extends IndexingStorages<IndexJob> {
  readonly settings: IKvStorage<string, string>;
  readonly documents: ITabularStorage<typeof DocumentSchema, typeof DocumentKey>;
}

export interface Library extends Storages, AsyncDisposable {}

export const BACKENDS = ["memory", "sqlite", "pglite", "postgres"] as const;
export type BackendName = (typeof BACKENDS)[number];

export interface LibraryOptions {
  readonly backend: BackendName;
  /**
   * Where the backend keeps it all: a file for `sqlite`, a folder for `pglite` (or `memory://`), a
   * schema of the database for `postgres`.
   */
  readonly place: string;
  /** The server, for `postgres`. It may hold a password. */
  readonly url?: string;
  readonly dimensions: number;
  /** How long a dead process keeps its jobs, in ms. */
  readonly leaseMs: number;
}

/** A backend's storages, and what ends the database under them. */
export interface OpenStorages {
  readonly storages: Storages;
  close?(): Promise<void> | void;
}

export async function openLibrary(options: LibraryOptions): Promise<Library> {
  const { storages, close } = await open(options);
  const { settings, documents, chunks, jobs } = storages;
  const library: Library = {
    ...storages,
    async [Symbol.asyncDispose]() {
      for (const storage of [jobs, chunks, documents, settings])
        await storage[Symbol.asyncDispose]();
      await close?.();
    },
  };
  try {
    for (const storage of [settings, documents, chunks, jobs]) await storage.setupDatabase();
  } catch (error) {
    await library[Symbol.asyncDispose]();
    throw error;
  }
  return library;
}

/** Loads what the chosen backend needs, and nothing of the others. */
async function open(options: LibraryOptions): Promise<OpenStorages> {
  switch (options.backend) {
    case "memory":
      return (await import("./backends/memory.ts")).openMemory(options);
    case "sqlite":
      return (await import("./backends/sqlite.ts")).openSqlite(options);
    case "pglite":
      return (await import("./backends/pglite.ts")).openPglite(options);
    case "postgres":
      return (await import("./backends/postgres.ts")).openServer(options);
  }
}
