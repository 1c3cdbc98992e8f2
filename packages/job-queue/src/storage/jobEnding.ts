import { canonicalDateTime, describeType } from "@workglow/storage";
import { checkText, copyJson, type JsonValue, StorageValidationError } from "@workglow/util";
import { type FinalJobStatus, isFinalStatus, JobStatus } from "./JobStatus.ts";
import type { JobErrorDetails } from "./JobStorageFormat.ts";

/** How an attempt ended, checked and copied. */
export interface JobEnding {
  readonly id: unknown;
  /** The attempt; undefined for a job that nobody claimed. */
  readonly token: string | undefined;
  readonly status: FinalJobStatus | typeof JobStatus.PENDING;
  readonly output: JsonValue;
  readonly error: string | null;
  readonly error_code: string | null;
  readonly error_details: JobErrorDetails | null;
  /** For a retry; null is now. */
  readonly run_after: string | null;
  /** What was saved before stays where these are null. */
  readonly progress: number | null;
  readonly progress_message: string | null;
  readonly progress_details: JsonValue;
}

/**
 * Reads from a job how its attempt ended. A claimed job carries no progress, so what is there now
 * was set by the caller and is kept.
 *
 * @throws StorageValidationError for a status in which no attempt ends, and values that cannot be
 *   stored
 */
export function jobEnding(
  given: unknown,
  tokenFor: (id: unknown, given: unknown) => string | undefined,
): JobEnding {
  if (typeof given !== "object" || given === null) {
    throw new StorageValidationError(`a job is an object, not ${describeType(given)}`);
  }
  const job = given as Readonly<Record<string, unknown>>;
  const { id, status } = job;
  if (!isFinalStatus(status) && status !== JobStatus.PENDING) {
    throw new StorageValidationError(
      "an attempt ends as COMPLETED, FAILED or DISABLED, or as PENDING to be retried",
    );
  }
  const retry = status === JobStatus.PENDING;
  return {
    id,
    token: tokenFor(id, job.lease_token),
    status,
    output: retry ? null : optionalJson(job.output, "output"),
    error: optionalText(job.error, "error"),
    error_code: optionalText(job.error_code, "error_code"),
    error_details: errorDetails(job.error_details),
    run_after: retry ? optionalDateTime(job.run_after, "run_after") : null,
    progress: status === JobStatus.COMPLETED ? 100 : savedProgress(job.progress),
    progress_message: optionalText(job.progress_message, "progress_message") || null,
    progress_details: progressDetails(job.progress_details),
  };
}

/** How far an attempt is, checked and copied. */
export interface JobProgress {
  readonly id: unknown;
  readonly token: string | undefined;
  readonly progress: number;
  readonly progress_message: string;
  readonly progress_details: JsonValue;
}

/** @throws StorageValidationError */
export function jobProgress(
  id: unknown,
  token: string | undefined,
  progress: unknown,
  message: unknown,
  details: unknown,
): JobProgress {
  if (message !== undefined && message !== null && typeof message !== "string") {
    throw new StorageValidationError(`a progress message is a text, not ${describeType(message)}`);
  }
  return {
    id,
    token,
    progress: checkedProgress(progress),
    progress_message: optionalText(message, "progress_message") ?? "",
    progress_details: progressDetails(details),
  };
}

function savedProgress(value: unknown): number | null {
  if (value === undefined || value === null) return null;
  const progress = checkedProgress(value);
  return progress === 0 ? null : progress;
}

function checkedProgress(value: unknown): number {
  if (typeof value === "number" && value >= 0 && value <= 100) return value === 0 ? 0 : value;
  throw new StorageValidationError("progress is a number from 0 to 100");
}

function progressDetails(value: unknown): JsonValue {
  const details = optionalJson(value, "progress_details");
  if (details !== null && (typeof details !== "object" || Array.isArray(details))) {
    throw new StorageValidationError("progress_details is an object");
  }
  return details;
}

function errorDetails(value: unknown): JobErrorDetails | null {
  const details = optionalJson(value, "error_details");
  if (details === null) return null;
  const { name, stack } = details as { readonly name?: unknown; readonly stack?: unknown };
  if (typeof name === "string" && (stack === undefined || typeof stack === "string")) {
    return details as unknown as JobErrorDetails;
  }
  throw new StorageValidationError("error_details is an object with a name");
}

function optionalJson(value: unknown, field: string): JsonValue {
  return value === undefined || value === null ? null : copyJson(value, field);
}

function optionalText(value: unknown, field: string): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== "string") {
    throw new StorageValidationError(`${field} is a text, not ${describeType(value)}`);
  }
  checkText(value, field);
  return value;
}

function optionalDateTime(value: unknown, field: string): string | null {
  return value === undefined || value === null ? null : canonicalDateTime(value, field);
}
