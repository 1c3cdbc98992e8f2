import { type FinalJobStatus, JobStatus } from "./JobStatus.ts";
import type { JobBackoff, JobErrorDetails } from "./JobStorageFormat.ts";
import type { JobEnding } from "./jobEnding.ts";

/** Why a job failed that nobody failed. `error_code` is the name of the error that stands for it. */
export const NO_ATTEMPTS_LEFT = {
  error: "Max retries reached",
  error_code: "PermanentJobError",
} as const;
export const ABORTED = { error: "Job aborted", error_code: "AbortSignalJobError" } as const;

const DEFAULT_BACKOFF = { baseMs: 1000, factor: 2, maxMs: 3_600_000, jitter: 0.1 } as const;

/** What decides about a job whose attempt was cut off. */
export interface CutOffJob {
  readonly status: JobStatus;
  /** The attempt that was cut off is counted. */
  readonly run_attempts: number;
  readonly max_retries: number;
  /** How often an attempt was cut off before. */
  readonly crashes: number;
  readonly backoff: JobBackoff | null;
}

export type JobFate =
  | { readonly status: FinalJobStatus; readonly error: string; readonly error_code: string }
  /** `delayMs` 0 leaves the job its place in the order. */
  | { readonly status: typeof JobStatus.PENDING; readonly delayMs: number };

/** What becomes of a job whose claimer died or took longer than the job's time-out. */
export function fateAfterCrash(job: CutOffJob, random: () => number = Math.random): JobFate {
  if (job.status === JobStatus.ABORTING) return { status: JobStatus.FAILED, ...ABORTED };
  if (job.run_attempts > job.max_retries) return { status: JobStatus.FAILED, ...NO_ATTEMPTS_LEFT };
  return { status: JobStatus.PENDING, delayMs: crashDelayMs(job, random) };
}

/** A first crash may be bad luck; from the second on the job may be what kills its workers. */
function crashDelayMs({ crashes, backoff }: CutOffJob, random: () => number): number {
  if (crashes === 0) return 0;
  const { baseMs, factor, maxMs, jitter } = { ...DEFAULT_BACKOFF, ...backoff };
  const delay = Math.min(maxMs, baseMs * factor ** (crashes - 1));
  return Math.round(Math.min(maxMs, delay * (1 + jitter * (2 * random() - 1))));
}

/** What a retry that cannot be leaves of its last error, which "Max retries reached" takes the place of. */
export function lastError(
  ending: Pick<JobEnding, "error" | "error_code" | "error_details">,
): JobErrorDetails | null {
  const { error, error_code, error_details } = ending;
  if (error_details !== null || error === null) return error_details;
  return { name: error_code ?? "Error", cause: error };
}
