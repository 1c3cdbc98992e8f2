import { JobStatus } from "../JobStatus.ts";
import type { JobEnding, JobProgress } from "../jobEnding.ts";
import type { ClaimTerms, FencedOutcome } from "../queueDriver.ts";
import type { JobRecord } from "./JobRecord.ts";
import { endedJob, givenBackJob, progressedJob } from "./transitions.ts";

/** What a call on a job comes to. */
export interface JobStep {
  /** What the caller is told. */
  readonly outcome: FencedOutcome;
  /** What the job becomes: `null` where it goes, `undefined` where it stays as it is. */
  readonly next?: JobRecord | null;
}

/** @param deletesCompleted whether a job goes with the step that makes it COMPLETED */
export function endingStep(
  job: JobRecord | undefined,
  ending: JobEnding,
  deletesCompleted: boolean,
  nowMs: number,
): JobStep {
  if (job === undefined) return { outcome: "missing" };
  if (!isHeld(job, ending.token)) {
    return { outcome: wasEndedBy(job, ending) ? "repeated" : "stale" };
  }
  if (deletesCompleted && ending.status === JobStatus.COMPLETED) {
    return { outcome: JobStatus.COMPLETED, next: null };
  }
  return becoming(endedJob(job, ending, nowMs));
}

export function releaseStep(job: JobRecord | undefined, token: string, nowMs: number): JobStep {
  if (job === undefined) return { outcome: "missing" };
  return isHeld(job, token) ? becoming(givenBackJob(job, nowMs)) : { outcome: "stale" };
}

export function progressStep(job: JobRecord | undefined, saved: JobProgress): JobStep {
  if (job === undefined) return { outcome: "missing" };
  if (saved.token === undefined || !isHeld(job, saved.token)) return { outcome: "stale" };
  return becoming(progressedJob(job, saved));
}

/** What a renewal makes of a job that the instance holds: one whose claim's answer was lost goes back. */
export function renewalStep(
  job: JobRecord,
  { leaseMs }: Pick<ClaimTerms, "leaseMs">,
  known: (token: string) => boolean,
  nowMs: number,
): JobRecord {
  const { lease_token, last_ran_at } = job.stored;
  const isOld = Date.parse(last_ran_at as string) <= nowMs - leaseMs / 3;
  return isOld && !known(lease_token as string) ? givenBackJob(job, nowMs) : job;
}

function becoming(next: JobRecord): JobStep {
  return { outcome: next.stored.status, next };
}

/** Whether an ending with the token applies to the job. */
function isHeld({ stored }: JobRecord, token: string | undefined): boolean {
  if (token === undefined) return stored.status === JobStatus.PENDING && stored.run_attempts === 0;
  return stored.lease_token === token && stored.lease_instance !== null;
}

/** Whether the same ending has been applied before. A retry may have become a failure. */
function wasEndedBy({ stored }: JobRecord, { token, status }: JobEnding): boolean {
  if (token === undefined || stored.lease_token !== token) return false;
  const isRetry = status === JobStatus.PENDING;
  return stored.status === status || (isRetry && stored.status === JobStatus.FAILED);
}
