/** Where a job stands. COMPLETED, FAILED and DISABLED are final. */
export const JobStatus = {
  /** Waits for its turn, for the first time or again. */
  PENDING: "PENDING",
  /** Claimed by a worker. */
  PROCESSING: "PROCESSING",
  COMPLETED: "COMPLETED",
  /** Claimed, and asked to stop. */
  ABORTING: "ABORTING",
  FAILED: "FAILED",
  DISABLED: "DISABLED",
} as const;

export type JobStatus = (typeof JobStatus)[keyof typeof JobStatus];

export const FINAL_STATUSES = [
  JobStatus.COMPLETED,
  JobStatus.FAILED,
  JobStatus.DISABLED,
] as const satisfies readonly JobStatus[];

export type FinalJobStatus = (typeof FINAL_STATUSES)[number];

export function isJobStatus(value: unknown): value is JobStatus {
  return typeof value === "string" && Object.hasOwn(JobStatus, value);
}

export function isFinalStatus(value: unknown): value is FinalJobStatus {
  return (FINAL_STATUSES as readonly unknown[]).includes(value);
}
