import { expectTypeOf } from "vitest";
import {
  InMemoryKvStorage,
  InMemoryTabularStorage,
  InMemoryVectorStorage,
  type IVectorStorage,
  TelemetryKvStorage,
  TelemetryTabularStorage,
  TelemetryVectorStorage,
} from "../src/index.ts";

const schema = {
  type: "object",
  properties: {
    id: { type: "integer", "x-auto-generated": true },
    name: { type: "string" },
    vector: { type: "array", format: "TypedArray:Float32Array" },
  },
  required: ["id", "name", "vector"],
  additionalProperties: false,
} as const;

// The wrapper knows the types of what it wraps, whether that has a name or is made on the spot.
const inner = new InMemoryTabularStorage(schema, ["id"] as const);
for (const traced of [
  new TelemetryTabularStorage("notes", inner),
  new TelemetryTabularStorage("notes", new InMemoryTabularStorage(schema, ["id"] as const)),
]) {
  expectTypeOf(traced.get).parameter(0).toEqualTypeOf<{ id: number }>();
  expectTypeOf(traced.get).returns.toEqualTypeOf<ReturnType<typeof inner.get>>();
  expectTypeOf(traced.put).parameter(0).toEqualTypeOf<Parameters<typeof inner.put>[0]>();
  expectTypeOf(traced.schema).toEqualTypeOf<typeof schema>();
}

for (const traced of [
  new TelemetryKvStorage("kv", new InMemoryKvStorage()),
  new TelemetryKvStorage<string>("kv", new InMemoryKvStorage()),
]) {
  expectTypeOf(traced.get).parameter(0).toEqualTypeOf<string>();
  // biome-ignore lint/suspicious/noExplicitAny: the default of the published interface
  expectTypeOf(traced.get).returns.toEqualTypeOf<Promise<any>>();
}
const counts = new TelemetryKvStorage("kv", new InMemoryKvStorage<number, { count: number }>());
expectTypeOf(counts.get).parameter(0).toEqualTypeOf<number>();
expectTypeOf(counts.get).returns.toEqualTypeOf<Promise<{ count: number } | undefined>>();

const vectors = new InMemoryVectorStorage(schema, ["id"] as const, [], 3);
const traced = new TelemetryVectorStorage("vectors", vectors);
expectTypeOf(traced.get).parameter(0).toEqualTypeOf<{ id: number }>();
expectTypeOf(traced).toExtend<
  Pick<IVectorStorage<undefined, typeof schema>, "getVectorDimensions">
>();

// @ts-expect-error a tabular storage is no key-value storage
new TelemetryKvStorage("kv", inner);
// @ts-expect-error nor the other way round
new TelemetryTabularStorage("notes", new InMemoryKvStorage());
