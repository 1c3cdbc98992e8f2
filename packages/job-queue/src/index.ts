export { BaseQueueStorage } from "./storage/BaseQueueStorage.ts";
export { BaseRateLimiterStorage } from "./storage/BaseRateLimiterStorage.ts";
export type {
  AddOptions,
  IQueueStorage,
  QueueChangePayload,
  QueueStorageEvents,
  QueueSubscribeOptions,
  SaveProgressOptions,
} from "./storage/IQueueStorage.ts";
export type { IRateLimiterStorage } from "./storage/IRateLimiterStorage.ts";
export {
  FINAL_STATUSES,
  type FinalJobStatus,
  isFinalStatus,
  isJobStatus,
  JobStatus,
} from "./storage/JobStatus.ts";
export type {
  JobBackoff,
  JobErrorDetails,
  JobStorageFormat,
  StoredJob,
} from "./storage/JobStorageFormat.ts";
export type { JobEnding, JobProgress } from "./storage/jobEnding.ts";
export {
  ABORTED,
  type CutOffJob,
  fateAfterCrash,
  type JobFate,
  NO_ATTEMPTS_LEFT,
} from "./storage/jobFate.ts";
export { jobNumber } from "./storage/jobId.ts";
export {
  InMemoryQueueStorage,
  type InMemoryQueueStorageOptions,
} from "./storage/memory/InMemoryQueueStorage.ts";
export {
  InMemoryRateLimiterStorage,
  type InMemoryRateLimiterStorageOptions,
} from "./storage/memory/InMemoryRateLimiterStorage.ts";
export type { NewJob } from "./storage/newJob.ts";
export type {
  QueueStorageOptions,
  RateLimiterStorageOptions,
} from "./storage/QueueStorageOptions.ts";
export {
  getGlobalQueueRepositories,
  getQueueRepository,
  QUEUE_REPOSITORIES,
  registerQueueRepository,
} from "./storage/QueueStorageRegistry.ts";
export type {
  ClaimRequest,
  ClaimResult,
  ClaimTerms,
  EndAndClaimResult,
  FencedOutcome,
  QueueChange,
} from "./storage/queueDriver.ts";
export { StaleLeaseError } from "./storage/StaleLeaseError.ts";
export { TelemetryQueueStorage } from "./storage/TelemetryQueueStorage.ts";
export { QUEUE_STORAGE, RATE_LIMITER_STORAGE } from "./storage/tokens.ts";
