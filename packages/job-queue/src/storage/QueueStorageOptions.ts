import type { PrefixOptions } from "@workglow/storage";

export type QueueStorageOptions = PrefixOptions & {
  /**
   * Milliseconds after which the jobs of a storage instance that shows no sign of life go to
   * others; 30 000 unless given.
   */
  readonly leaseMs?: number;
  /**
   * Deletes a job with the step that makes it COMPLETED, its output too: the cheapest way to keep a
   * table small. Every storage instance of the queue should say the same; `false` unless given.
   */
  readonly deleteOnCompletion?: boolean;
};

export type RateLimiterStorageOptions = PrefixOptions;
