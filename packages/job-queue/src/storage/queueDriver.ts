import type { JobStatus } from "./JobStatus.ts";
import type { StoredJob } from "./JobStorageFormat.ts";

/** A wish for jobs. `token` names the attempts; a backend may use that of a call made beside it. */
export interface ClaimRequest {
  readonly workerId: string;
  readonly limit: number;
  readonly token: string;
}

/** What a claim does beside claiming. */
export interface ClaimTerms {
  /** The storage instance, as which jobs are claimed and leases held. */
  readonly instance: string;
  readonly leaseMs: number;
  /** Renew the lease in the claim's transaction if it claims anything. */
  readonly renew: boolean;
  /** First give the jobs of the dead to the living. */
  readonly sweep: boolean;
}

export interface ClaimResult<Input, Output> {
  /** In the order in which they are due, each with its `lease_token`. */
  readonly jobs: StoredJob<Input, Output>[];
  readonly renewed: boolean;
  /** There is more to sweep. */
  readonly sweepAgain: boolean;
}

/**
 * The status that the job was given, or why it was given none: the same call has been applied
 * before, there is no such job, or the attempt is not held.
 */
export type FencedOutcome = JobStatus | "repeated" | "missing" | "stale";

/** What ending attempts and claiming in one call led to; nothing is claimed where one was not held. */
export interface EndAndClaimResult<Input, Output> {
  readonly outcomes: readonly FencedOutcome[];
  readonly claimed: ClaimResult<Input, Output> | undefined;
}

export interface QueueChange<Input, Output> {
  readonly type: "INSERT" | "UPDATE" | "DELETE" | "RESYNC";
  readonly old?: StoredJob<Input, Output>;
  readonly new?: StoredJob<Input, Output>;
}
