import type { DataPortSchemaObject } from "@workglow/util/schema";
import type { TabularSpec, TestRow, Unnamed } from "../harness.ts";

type Spec = Unnamed<TabularSpec>;

function table(
  properties: DataPortSchemaObject["properties"],
  required: readonly string[],
  primaryKey: readonly string[],
  more: Omit<Spec, "schema" | "primaryKey"> = {},
): Spec {
  const schema = { type: "object", properties, required, additionalProperties: false } as const;
  return { schema, primaryKey, ...more };
}

/** A table with one text key and a few ordinary columns. */
export const users: Spec = table(
  {
    id: { type: "string" },
    name: { type: "string" },
    age: { type: "integer" },
    email: { type: ["string", "null"] },
    tags: { type: "array", items: { type: "string" } },
  },
  ["id", "name"],
  ["id"],
  { indexes: ["name", ["age", "name"]] },
);

export const user = (id: string, more: TestRow = {}): TestRow => ({
  id,
  name: `name of ${id}`,
  email: null,
  ...more,
});

/** Every column type, required and not null. */
export const everyType: Spec = table(
  {
    id: { type: "string" },
    text: { type: "string" },
    number: { type: "number" },
    integer: { type: "integer" },
    big: { type: "integer", format: "int64" },
    flag: { type: "boolean" },
    at: { type: "string", format: "date-time" },
    bytes: { type: "string", contentEncoding: "blob" },
    list: { type: "array" },
    object: { type: "object" },
    vector: { type: "array", format: "TypedArray:Float32Array" },
  },
  ["id"],
  ["id"],
  { indexes: ["text", "number", "integer", "big", "flag", "at", "bytes"] },
);

/** Columns that may be null, absent or both. */
export const nullability: Spec = table(
  {
    id: { type: "string" },
    absent: { type: "string" },
    nullable: { type: ["string", "null"] },
    both: { type: ["string", "null"] },
    absentJson: { type: "object" },
    bothJson: { anyOf: [{ type: "object" }, { type: "null" }] },
    bothBytes: { type: ["string", "null"], contentEncoding: "blob" },
  },
  ["id", "nullable"],
  ["id"],
);

/** A key of two columns. */
export const pairs: Spec = table(
  {
    group: { type: "string" },
    rank: { type: "integer" },
    note: { type: "string" },
  },
  ["group", "rank"],
  ["group", "rank"],
);

/** A table with an integer key that counts up by itself. */
export const counted: Spec = table(
  { id: { type: "integer", "x-auto-generated": true }, name: { type: "string" } },
  ["id", "name"],
  ["id"],
);

/** A table with a text key that is made by the storage. */
export const identified: Spec = table(
  { id: { type: "string", "x-auto-generated": true }, name: { type: "string" } },
  ["id", "name"],
  ["id"],
);

/** A table with unique indexes, one of them over columns that may be null. */
export const accounts: Spec = table(
  {
    id: { type: "string" },
    email: { type: "string" },
    country: { type: ["string", "null"] },
    number: { type: ["integer", "null"] },
  },
  ["id", "email"],
  ["id"],
  { options: { uniqueIndexes: ["email", ["country", "number"]] } },
);

export const account = (id: string, more: TestRow = {}): TestRow => ({
  id,
  email: `${id}@example.org`,
  country: null,
  number: null,
  ...more,
});

/** Columns to sort and filter by, with ties and nulls, some indexed and some not. */
export const measurements: Spec = table(
  {
    id: { type: "integer" },
    text: { type: ["string", "null"] },
    number: { type: ["number", "null"] },
    count: { type: "integer" },
    flag: { type: ["boolean", "null"] },
    at: { type: ["string", "null"], format: "date-time" },
    big: { type: ["integer", "null"], format: "int64" },
    bytes: { type: ["string", "null"], contentEncoding: "blob" },
  },
  ["id"],
  ["id"],
  { indexes: ["text", ["number", "text"], "count", "big"] },
);
