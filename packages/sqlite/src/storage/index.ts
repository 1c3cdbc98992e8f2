export type { SqliteHandle } from "../driver/SqliteDriver.ts";
export { SqliteKvStorage } from "../kv/SqliteKvStorage.ts";
export type { SqliteDriverName, SqliteOpenOptions } from "../openSqlite.ts";
export { Sqlite, type SqliteDatabaseHandle } from "../Sqlite.ts";
export {
  borrowedDatabase,
  SqliteDatabase,
  type SqliteDatabaseOrPath,
  type UsedDatabase,
  useDatabase,
} from "../SqliteDatabase.ts";
export { sqliteCapabilities } from "../sqliteCapabilities.ts";
export { sqliteDialect } from "../sqliteDialect.ts";
export { SqliteTabularStorage } from "../tabular/SqliteTabularStorage.ts";
export {
  SqliteVectorStorage,
  type SqliteVectorStorageOptions,
} from "../vector/SqliteVectorStorage.ts";
export { withTransaction } from "../withTransaction.ts";
