import { type CanonicalValue, copyCanonical } from "@workglow/storage";
import type { StoredJob } from "../JobStorageFormat.ts";
import type { JobRecord } from "../records/JobRecord.ts";

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
export function copyOfJob<Input, Output>({ stored }: JobRecord): StoredJob<Input, Output> {
  const copy = { ...stored } as Record<string, unknown>;
  for (const field of JSON_FIELDS) {
    const value = copy[field];
    if (typeof value === "object" && value !== null) {
      copy[field] = copyCanonical(value as CanonicalValue);
    }
  }
  return copy as StoredJob<Input, Output>;
}
