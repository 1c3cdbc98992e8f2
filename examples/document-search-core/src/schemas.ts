import type { DataPortSchemaObject } from "@workglow/util/schema";

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
