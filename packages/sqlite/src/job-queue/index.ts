export { SqliteQueueStorage } from "./SqliteQueueStorage.ts";
export { SqliteRateLimiterStorage } from "./SqliteRateLimiterStorage.ts";
