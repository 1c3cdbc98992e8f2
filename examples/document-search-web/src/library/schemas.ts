import type { DataPortSchemaObject } from "@workglow/util/schema";

export const DocumentSchema = {
  type: "object",
  properties: {
    path: { type: "string" },
    /** SHA-256 of the file's bytes. */
    hash: { type: "string" },
    /** The job that indexes this version of the document. */
    job_id: { type: "string" },
    bytes: { type: "integer" },
    /** How many chunks it has; absent until it is indexed. */
    chunks: { type: "integer" },
  },
  required: ["path", "hash", "job_id", "bytes"],
  additionalProperties: false,
} as const satisfies DataPortSchemaObject;
export const DocumentKey = ["path"] as const;

/**
 * What files hold, until they are indexed: a page may read a file that it was given only as long as
 * it is open, and its jobs outlive it.
 */
export const SourceSchema = {
  type: "object",
  properties: {
    path: { type: "string" },
    content: { type: "string", contentEncoding: "blob" },
  },
  required: ["path", "content"],
  additionalProperties: false,
} as const satisfies DataPortSchemaObject;
export const SourceKey = ["path"] as const;
