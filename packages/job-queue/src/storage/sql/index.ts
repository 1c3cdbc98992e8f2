export { SqlQueueStorage } from "./SqlQueueStorage.ts";
export { SqlRateLimiterStorage } from "./SqlRateLimiterStorage.ts";
