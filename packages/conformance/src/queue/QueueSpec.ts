import type {
  IQueueStorage,
  IRateLimiterStorage,
  JobStorageFormat,
  QueueStorageOptions,
  RateLimiterStorageOptions,
  StoredJob,
} from "@workglow/job-queue";

export type TestQueue = IQueueStorage<unknown, unknown>;
export type TestJob = JobStorageFormat<unknown, unknown>;
export type StoredTestJob = StoredJob<unknown, unknown>;
export type TestRateLimiter = IRateLimiterStorage;

/** Storages of one queue name (and the same prefix values) are the workers of one queue. */
export interface QueueSpec {
  readonly queueName: string;
  readonly options?: QueueStorageOptions;
}

export interface RateLimiterSpec {
  readonly options?: RateLimiterStorageOptions;
}
