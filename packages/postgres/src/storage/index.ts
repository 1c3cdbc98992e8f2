export type { HeldClient } from "../connection/ClientSource.ts";
export type { Pglite } from "../connection/Pglite.ts";
export type { PgClient, PgPool } from "../connection/PgPool.ts";
export { PostgresKvStorage } from "../kv/PostgresKvStorage.ts";
export { openPostgres, PostgresDatabase, type PostgresHandle } from "../PostgresDatabase.ts";
export type { PostgresOptions } from "../PostgresOptions.ts";
export { pgliteCapabilities, postgresCapabilities } from "../postgresCapabilities.ts";
export { postgresDialect } from "../postgresDialect.ts";
export {
  type PostgresTabularOptions,
  PostgresTabularStorage,
} from "../tabular/PostgresTabularStorage.ts";
export type { HnswOptions } from "../vector/HnswIndex.ts";
export {
  type PostgresVectorOptions,
  PostgresVectorStorage,
} from "../vector/PostgresVectorStorage.ts";
export { type PostgresTransactionOptions, withTransaction } from "../withTransaction.ts";
