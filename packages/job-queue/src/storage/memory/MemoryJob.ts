import { type CanonicalValue, copyCanonical } from "@workglow/storage";
import type { JobBackoff, StoredJob } from "../JobStorageFormat.ts";

/** A job as it lies in memory: never changed, only replaced, and never handed out. */
export interface MemoryJob {
  readonly number: number;
  readonly stored: Readonly<StoredJob>;
  readonly runAfterMs: number;
  /** PENDING and due, as far as anybody has looked. */
  readonly ready: boolean;
  readonly completedMs: number;
  /** When the attempt under way has taken too long. */
  readonly timeoutAtMs: number;
  readonly backoff: JobBackoff | null;
  /** How often an attempt was cut off. */
  readonly crashes: number;
}

/** The order of claims among jobs that are due. */
export function byClaim(a: MemoryJob, b: MemoryJob): number {
  return b.stored.priority - a.stored.priority || byRunAfter(a, b);
}

export function byRunAfter(a: MemoryJob, b: MemoryJob): number {
  return a.runAfterMs - b.runAfterMs || a.number - b.number;
}

export function byCompletion(a: MemoryJob, b: MemoryJob): number {
  return a.completedMs - b.completedMs || a.number - b.number;
}

export function byNumber(a: MemoryJob, b: MemoryJob): number {
  return a.number - b.number;
}

const JSON_FIELDS = [
  "input",
  "output",
  "progress_details",
  "error_details",
  "trace_context",
  "backoff",
  "tags",
] as const;

/** A copy that shares nothing with the store. */
export function copyOf<Input, Output>(job: MemoryJob): StoredJob<Input, Output> {
  const copy = { ...job.stored } as Record<string, unknown>;
  for (const field of JSON_FIELDS) {
    const value = copy[field];
    if (typeof value === "object" && value !== null) {
      copy[field] = copyCanonical(value as CanonicalValue);
    }
  }
  return copy as StoredJob<Input, Output>;
}
