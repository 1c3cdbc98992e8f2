import type { StorageCapabilities } from "@workglow/storage";

/** What storages on a database file can do. */
export const sqliteCapabilities: StorageCapabilities = {
  backend: "sqlite",
  persistent: true,
  multiProcess: true,
  transactions: true,
  changes: "all-processes",
  writable: true,
  cancellation: "between-statements",
  schemaSql: true,
};

/** What storages on a database without a file can do. */
export const inMemoryCapabilities: StorageCapabilities = {
  ...sqliteCapabilities,
  persistent: false,
  multiProcess: false,
  changes: "this-process",
};
