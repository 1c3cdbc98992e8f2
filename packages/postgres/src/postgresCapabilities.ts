import type { StorageCapabilities } from "@workglow/storage";

/** What storages on a PostgreSQL server can do. */
export const postgresCapabilities: StorageCapabilities = {
  backend: "postgres",
  persistent: true,
  multiProcess: true,
  transactions: true,
  changes: "all-processes",
  writable: true,
  cancellation: "statement",
  schemaSql: true,
};

/** What storages on an embedded PGlite can do: it has one session, in this process. */
export const pgliteCapabilities: StorageCapabilities = {
  ...postgresCapabilities,
  multiProcess: false,
  changes: "this-process",
  cancellation: "between-statements",
};
