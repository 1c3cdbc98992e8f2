import type { StorageCapabilities } from "@workglow/storage";

/** What storages on IndexedDB can do. */
export const indexedDbCapabilities: StorageCapabilities = {
  backend: "indexeddb",
  persistent: true,
  multiProcess: true,
  transactions: true,
  readsWait: true,
  changes: "all-processes",
  writable: true,
  cancellation: "between-statements",
  schemaSql: false,
};
