import type { Library } from "./library.ts";

/** Removes a document with all that was made of it; its job, if it still waits or runs, too. */
export function removeDocument(library: Library, path: string): Promise<void> {
  return library.transaction(async (tx) => {
    const documents = library.documents.with(tx);
    const document = await documents.get({ path });
    if (document === undefined) return;
    await library.jobs.with(tx).delete(document.job_id);
    await library.chunks.with(tx).deleteSearch({ path });
    await library.sources.with(tx).delete({ path });
    await documents.delete({ path });
  });
}

export function removeAllDocuments(library: Library): Promise<void> {
  return library.transaction(async (tx) => {
    const { jobs, chunks, sources, documents } = library;
    for (const storage of [jobs, chunks, sources, documents]) await storage.with(tx).deleteAll();
  });
}
