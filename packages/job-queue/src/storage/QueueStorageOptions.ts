import type { PrefixOptions } from "@workglow/storage";

export type QueueStorageOptions = PrefixOptions & {
  /**
   * Milliseconds after which the jobs of a storage instance that shows no sign of life go to
   * others; 30 000 unless given.
   */
  readonly leaseMs?: number;
};

export type RateLimiterStorageOptions = PrefixOptions;
