import "fake-indexeddb/auto";
import { IndexedDbTabularStorage, IndexedDbVectorStorage } from "@workglow/indexeddb";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import { expect, test } from "vitest";

const schema = {
  type: "object",
  properties: {
    id: { type: "string" },
    vector: { type: "array", format: "TypedArray:Float32Array", items: { type: "number" } },
  },
  required: ["id", "vector"],
  additionalProperties: false,
} as const satisfies DataPortSchemaObject;

test("rows with vectors of other dimensions are no table for searches", async () => {
  const database = `dimensions-${crypto.randomUUID()}`;
  await using plain = new IndexedDbTabularStorage("rows", schema, ["id"] as const, [], {
    database,
  });
  await plain.setupDatabase();
  await plain.put({ id: "a", vector: new Float32Array([1, 2, 3]) });
  await using four = new IndexedDbVectorStorage("rows", schema, ["id"], [], 4, undefined, {
    database,
  });
  await expect(four.setupDatabase()).rejects.toMatchObject({
    name: "StorageSchemaMismatchError",
    differences: ["a row has 3 dimensions, not 4"],
  });
  await using three = new IndexedDbVectorStorage("rows", schema, ["id"], [], 3, undefined, {
    database,
  });
  await three.setupDatabase();
  expect(await three.similaritySearch(new Float32Array([1, 2, 3]))).toMatchObject([{ id: "a" }]);
  await expect(four.setupDatabase()).rejects.toMatchObject({
    differences: ["vectors have 3 dimensions, not 4"],
  });
});
