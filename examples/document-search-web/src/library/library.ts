import type { IndexingStorages } from "@workglow/example-document-search-core";
import type { IKvStorage, ITabularStorage } from "@workglow/storage";
import type { DocumentKey, DocumentSchema, SourceKey, SourceSchema } from "./schemas.ts";

export interface IndexJob {
  readonly path: string;
}

/** What the page keeps. Which backend is behind it is decided in `backends/`. */
export interface Storages extends IndexingStorages<IndexJob> {
  readonly settings: IKvStorage<string, number | string>;
  readonly documents: ITabularStorage<typeof DocumentSchema, typeof DocumentKey>;
  readonly sources: ITabularStorage<typeof SourceSchema, typeof SourceKey>;
}

export interface Library extends Storages, AsyncDisposable {}

/** `"browser"` lasts, and all tabs share it; `"memory"` is this tab's and ends with it. */
export type Place = "browser" | "memory";

export async function openLibrary(place: Place, dimensions: number): Promise<Library> {
  const storages = await open(place, dimensions);
  const { settings, documents, sources, chunks, jobs } = storages;
  const all = [settings, documents, sources, chunks, jobs];
  const library: Library = {
    ...storages,
    async [Symbol.asyncDispose]() {
      for (const storage of all.toReversed()) await storage[Symbol.asyncDispose]();
    },
  };
  try {
    for (const storage of all) await storage.setupDatabase();
  } catch (error) {
    await library[Symbol.asyncDispose]();
    throw error;
  }
  return library;
}

async function open(place: Place, dimensions: number): Promise<Storages> {
  switch (place) {
    case "browser":
      return (await import("./backends/indexedDb.ts")).openIndexedDb(dimensions);
    case "memory":
      return (await import("./backends/memory.ts")).openMemory(dimensions);
  }
}
