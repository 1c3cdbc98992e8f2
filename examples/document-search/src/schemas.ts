import type { DataPortSchemaObject } from "@workglow/util/schema";

export const DocumentSchema = {
  type: "object",
  properties: {
    path: { type: "string" },
    absolute_path: { type: "string" },
    hash: { type: "string" },
    /** The job that indexes this version of the document. */
    job_id: { type: "string" },
  },
  required: ["path", "absolute_path", "hash", "job_id"],
  additionalProperties: false,
} as const satisfies DataPortSchemaObject;
export const DocumentKey = ["path"] as const;
