export {
  IndexedDbQueueStorage,
  type IndexedDbQueueStorageOptions,
} from "./IndexedDbQueueStorage.ts";
export {
  IndexedDbRateLimiterStorage,
  type IndexedDbRateLimiterStorageOptions,
} from "./IndexedDbRateLimiterStorage.ts";
