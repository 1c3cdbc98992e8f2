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

export const ChunkSchema = {
  type: "object",
  properties: {
    path: { type: "string" },
    position: { type: "integer" },
    vector: { type: "array", format: "TypedArray:Float32Array", items: { type: "number" } },
    metadata: {
      type: "object",
      format: "metadata",
      properties: { text: { type: "string" } },
      required: ["text"],
      additionalProperties: false,
    },
  },
  required: ["path", "position", "vector", "metadata"],
  additionalProperties: false,
} as const satisfies DataPortSchemaObject;
export const ChunkKey = ["path", "position"] as const;

export const QUEUE_NAME = "index-documents";
