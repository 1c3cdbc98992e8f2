export {
  IndexedDbDatabase,
  type IndexedDbDatabaseOptions,
} from "../connection/IndexedDbDatabase.ts";
export { indexedDbCapabilities } from "../indexedDbCapabilities.ts";
export { IndexedDbKvStorage } from "../kv/IndexedDbKvStorage.ts";
export { requestPersistence, type StorageRoom, storageRoom } from "../persistence.ts";
export { IndexedDbTabularStorage } from "../tabular/IndexedDbTabularStorage.ts";
export type { IndexedDbTabularStorageOptions } from "../tabular/IndexedDbTabularStorageOptions.ts";
export { IndexedDbVectorStorage } from "../vector/IndexedDbVectorStorage.ts";
export { withTransaction } from "../withTransaction.ts";
