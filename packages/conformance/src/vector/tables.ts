import type { TestRow, Unnamed, VectorSpec } from "../harness.ts";

/** Text, metadata and a vector of three components. */
export const chunks: Unnamed<VectorSpec> = {
  schema: {
    type: "object",
    properties: {
      id: { type: "string" },
      vector: { type: "array", format: "TypedArray" },
      metadata: { type: "object", format: "metadata" },
      note: { type: "string" },
    },
    required: ["id", "vector", "metadata"],
    additionalProperties: false,
  },
  primaryKey: ["id"],
  indexes: ["note"],
  dimensions: 3,
};

/** A row of {@link chunks}. */
export const chunk = (id: string, vector: readonly number[], metadata: TestRow = {}): TestRow => ({
  id,
  vector: new Float32Array(vector),
  metadata,
});

export const withDimensions = (dimensions: number): Unnamed<VectorSpec> => ({
  ...chunks,
  dimensions,
});
