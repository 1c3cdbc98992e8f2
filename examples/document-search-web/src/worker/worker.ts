import { hashingEmbedder, reportOf, searchDocuments } from "@workglow/example-document-search-core";
import { JobStatus } from "@workglow/job-queue";
import { expose } from "comlink";
import { addFiles } from "../library/addFiles.ts";
import { type Library, openLibrary, type Place } from "../library/library.ts";
import { listDocuments } from "../library/listDocuments.ts";
import { progressOf } from "../library/progress.ts";
import { removeAllDocuments, removeDocument } from "../library/removeDocuments.ts";
import { searchLibrary } from "../library/searchLibrary.ts";
import { Indexer } from "./Indexer.ts";
import type { LibraryListener, LibraryService, LibraryState } from "./LibraryService.ts";
import { watchLibrary } from "./watchLibrary.ts";

let opened: Promise<Library> | undefined;

function library(): Promise<Library> {
  if (opened === undefined) throw new Error("The library is not open.");
  return opened;
}

async function stateOf(library: Library): Promise<LibraryState> {
  const [documents, failed, progress] = await Promise.all([
    library.documents.size(),
    library.jobs.size(JobStatus.FAILED),
    progressOf(library),
  ]);
  return { documents, failed, ...(progress === undefined ? {} : { progress }) };
}

async function start(place: Place, listener: LibraryListener): Promise<LibraryState> {
  opened = openLibrary(place, hashingEmbedder.dimensions);
  const library = await opened;
  const tellStuck = (error: unknown): void => {
    listener.stuck(error === undefined ? undefined : nameAndMessage(error));
  };
  const indexer = new Indexer(library, hashingEmbedder, tellStuck);
  const tell = async (): Promise<void> => {
    const state = await stateOf(library);
    listener.changed(state);
    if (state.progress !== undefined) indexer.wake();
  };
  await watchLibrary(library, tell, tellStuck);
  const state = await stateOf(library);
  // Jobs that were left when the last tab was closed.
  if (state.progress !== undefined) indexer.wake();
  return state;
}

function nameAndMessage(error: unknown): { name: string; message: string } {
  if (error instanceof Error) return { name: error.name, message: error.message };
  return { name: "Error", message: String(error) };
}

const service: LibraryService = {
  open: start,
  add: async (files) => addFiles(await library(), files),
  list: async (limit) => listDocuments(await library(), limit),
  search: async (query, limit) => searchLibrary(await library(), hashingEmbedder, query, limit),
  remove: async (path) => removeDocument(await library(), path),
  removeAll: async () => removeAllDocuments(await library()),
  async report(query, top) {
    const storages = await library();
    const results = await searchDocuments(storages, hashingEmbedder, query, top);
    return reportOf(storages, results, 0);
  },
};

expose(service);
