import type { JobStatus } from "./JobStatus.ts";

/**
 * Pause before a job runs again after a crash: `baseMs * factor ** (crashes - 2)`, at most `maxMs`,
 * stretched or shrunk at random by up to the share `jitter`. After the first crash there is none.
 */
export type JobBackoff = {
  /** Milliseconds; 1000 unless given. */
  readonly baseMs?: number;
  /** 2 unless given. */
  readonly factor?: number;
  /** Milliseconds; 3 600 000 (an hour) unless given. */
  readonly maxMs?: number;
  /** 0 to 1; 0.1 unless given. */
  readonly jitter?: number;
};

export type JobErrorDetails = {
  readonly name: string;
  readonly stack?: string;
  /** Any JSON value. */
  readonly cause?: unknown;
};

/**
 * A job, flat as databases keep it. `add` takes one with `input`, and whatever of the rest a caller
 * may choose; what the queue keeps itself (`id`, `status`, attempts, results, leases) is refused
 * there unless it says what a new job says anyway.
 *
 * Points in time are ISO 8601 texts; they come back as `YYYY-MM-DDTHH:mm:ss.sssZ`.
 */
// biome-ignore lint/suspicious/noExplicitAny: the published type leaves inputs and outputs open
export type JobStorageFormat<Input = any, Output = any> = {
  /** Given by the queue; opaque, grows from job to job. */
  id?: unknown;
  /** Groups the jobs of one run; see `getByRunId`. */
  job_run_id?: string;
  /** The queue's name; `add` takes no other than its own. */
  queue?: string;
  /** Any JSON value. */
  input: Input;
  /** Any JSON value, once COMPLETED. */
  output?: Output | null;
  error?: string | null;
  error_code?: string | null;
  /** Stands for the input in `outputForInput`; a hash of queue and input unless given. */
  fingerprint?: string;
  /** A job runs at most `1 + max_retries` times; 10 unless given. */
  max_retries?: number;
  status?: JobStatus;
  created_at?: string;
  deadline_at?: string | null;
  /** When the last attempt was claimed. */
  last_ran_at?: string | null;
  /** Not claimed before; null is now, by the database's clock. */
  run_after: string | null;
  completed_at: string | null;
  /** Counted when the job is claimed. */
  run_attempts?: number;
  /** 0 to 100. */
  progress?: number;
  progress_message?: string;
  // biome-ignore lint/suspicious/noExplicitAny: the published type leaves details open
  progress_details?: Record<string, any> | null;
  worker_id?: string | null;

  /** Higher goes first; a 32-bit integer, 0 unless given. */
  priority?: number;
  group_key?: string | null;
  dedupe_key?: string | null;
  /** An attempt that takes longer, in milliseconds, counts as crashed. */
  timeout_ms?: number | null;
  backoff?: JobBackoff;
  parent_ids?: readonly unknown[];
  tags?: readonly string[];
  error_details?: JobErrorDetails | null;
  trace_context?: Record<string, string> | null;
  /** Names one attempt; who holds it may complete that attempt and save its progress. */
  lease_token?: string | null;
  /** The storage instance that claimed the job. */
  lease_instance?: string | null;
};

/** A job as the queue returns it: everything that the queue keeps is there. */
// biome-ignore lint/suspicious/noExplicitAny: the published type leaves inputs and outputs open
export type StoredJob<Input = any, Output = any> = JobStorageFormat<Input, Output> &
  Required<
    Pick<
      JobStorageFormat<Input, Output>,
      | "id"
      | "queue"
      | "output"
      | "error"
      | "error_code"
      | "fingerprint"
      | "max_retries"
      | "status"
      | "created_at"
      | "deadline_at"
      | "last_ran_at"
      | "run_attempts"
      | "progress"
      | "progress_message"
      | "progress_details"
      | "worker_id"
      | "priority"
      | "group_key"
      | "dedupe_key"
      | "timeout_ms"
      | "error_details"
      | "trace_context"
      | "lease_token"
      | "lease_instance"
    >
  > & { run_after: string };
