import type { Backend, RemoteWork, StorageCallResult } from "@workglow/conformance";
import { type IndexedDbPlace, indexedDbStorages } from "../test/indexedDbStorages.ts";

/** The browser's own IndexedDB; a worker stands for the other process. */
export const indexedDbBackend = {
  ...indexedDbStorages,
  name: "IndexedDB of the browser",
  inOtherProcess: ({ database }, work) => inWorker(database.name, work),
} satisfies Backend<IndexedDbPlace>;

/** Is kept for all cases of a file, as it takes longer to load than to do its work. */
let worker: Worker | undefined;

/** Hands the work to another thread, with connections of its own, and gives back what it answers. */
function inWorker(databaseName: string, work: RemoteWork): Promise<readonly StorageCallResult[]> {
  worker ??= new Worker(new URL("./indexedDbWorker.ts", import.meta.url), { type: "module" });
  const other = worker;
  return new Promise((resolve, reject) => {
    other.onmessage = ({ data }) => resolve(data);
    other.onerror = ({ message }) => reject(new Error(`the worker failed: ${message}`));
    other.postMessage({ databaseName, work });
  });
}
