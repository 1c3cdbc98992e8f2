export { type PostgresQueueOptions, PostgresQueueStorage } from "./PostgresQueueStorage.ts";
export {
  type PostgresRateLimiterOptions,
  PostgresRateLimiterStorage,
} from "./PostgresRateLimiterStorage.ts";
