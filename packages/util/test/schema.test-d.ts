import { describe, expectTypeOf, test } from "vitest";
import type {
  DataPortSchema,
  DataPortSchemaObject,
  FromSchema,
  InsertSchemaOptions,
  TypedArray,
  TypedArraySchemaOptions,
} from "../src/schema/index.ts";

const Row = {
  type: "object",
  properties: {
    id: { type: "string", "x-auto-generated": true, title: "Id", description: "Key" },
    count: { type: "integer" },
    big: { type: "integer", format: "int64" },
    maybeBig: { type: ["integer", "null"], format: "int64" },
    score: { type: ["number", "null"] },
    note: { anyOf: [{ type: "string" }, { type: "null" }] },
    bytes: { type: "string", contentEncoding: "blob" },
    untypedBytes: { contentEncoding: "blob" },
    maybeBytes: { type: ["string", "null"], contentEncoding: "blob" },
    createdAt: { type: "string", format: "date-time" },
    doneAt: { type: ["string", "null"], format: "date-time" },
    vector: { type: "array", format: "TypedArray" },
    half: { type: "array", format: "TypedArray:Float16Array", items: { type: "number" } },
    f32: { type: "array", format: "TypedArray:Float32Array", items: { type: "number" } },
    f64: { type: "array", format: "TypedArray:Float64Array" },
    i8: { type: "array", format: "TypedArray:Int8Array" },
    u8: { type: "array", format: "TypedArray:Uint8Array" },
    i16: { type: "array", format: "TypedArray:Int16Array" },
    u16: { type: "array", format: "TypedArray:Uint16Array" },
    maybeVector: { type: ["array", "null"], format: "TypedArray:Float32Array" },
    eitherVector: {
      anyOf: [{ type: "array", format: "TypedArray:Float32Array" }, { type: "null" }],
    },
    tags: { type: "array", items: { type: "string" } },
    metadata: {
      type: "object",
      format: "metadata",
      properties: { page: { type: "integer" } },
      required: ["page"],
      additionalProperties: false,
    },
    status: { enum: ["open", "done"] },
    flag: { type: "boolean", "x-ui-hidden": true },
  },
  required: ["id", "count", "score", "note"],
  additionalProperties: false,
} as const satisfies DataPortSchemaObject;

type Entity = FromSchema<typeof Row>;
type Insert = FromSchema<typeof Row, InsertSchemaOptions>;

describe("FromSchema", () => {
  test("gives required and optional properties", () => {
    expectTypeOf<Entity["id"]>().toEqualTypeOf<string>();
    expectTypeOf<Entity["count"]>().toEqualTypeOf<number>();
    expectTypeOf<Entity["tags"]>().toEqualTypeOf<string[] | undefined>();
    expectTypeOf<Entity["metadata"]>().toEqualTypeOf<{ page: number } | undefined>();
    expectTypeOf<Entity["status"]>().toEqualTypeOf<"open" | "done" | undefined>();
    expectTypeOf<Entity["flag"]>().toEqualTypeOf<boolean | undefined>();
    expectTypeOf<FromSchema<typeof Row, TypedArraySchemaOptions>>().toEqualTypeOf<Entity>();
    // @ts-expect-error: a closed schema has no other properties
    type _Unknown = Entity["other"];
  });

  test("keeps null in unions", () => {
    expectTypeOf<Entity["score"]>().toEqualTypeOf<number | null>();
    expectTypeOf<Entity["note"]>().toEqualTypeOf<string | null>();
    expectTypeOf<Entity["maybeBig"]>().toEqualTypeOf<bigint | null | undefined>();
    expectTypeOf<Entity["maybeBytes"]>().toEqualTypeOf<Uint8Array | null | undefined>();
    expectTypeOf<Entity["maybeVector"]>().toEqualTypeOf<Float32Array | null | undefined>();
    expectTypeOf<Entity["eitherVector"]>().toEqualTypeOf<Float32Array | null | undefined>();
    expectTypeOf<Entity["doneAt"]>().toEqualTypeOf<string | null | undefined>();
    expectTypeOf<Insert["doneAt"]>().toEqualTypeOf<string | Date | null | undefined>();
  });

  test("gives JavaScript's own values for formats", () => {
    expectTypeOf<Entity["big"]>().toEqualTypeOf<bigint | undefined>();
    expectTypeOf<Entity["bytes"]>().toEqualTypeOf<Uint8Array | undefined>();
    expectTypeOf<Entity["untypedBytes"]>().toEqualTypeOf<Uint8Array | undefined>();
    expectTypeOf<Entity["vector"]>().toEqualTypeOf<TypedArray | undefined>();
    expectTypeOf<Entity["half"]>().toEqualTypeOf<Float16Array | undefined>();
    expectTypeOf<Entity["f32"]>().toEqualTypeOf<Float32Array | undefined>();
    expectTypeOf<Entity["f64"]>().toEqualTypeOf<Float64Array | undefined>();
    expectTypeOf<Entity["i8"]>().toEqualTypeOf<Int8Array | undefined>();
    expectTypeOf<Entity["u8"]>().toEqualTypeOf<Uint8Array | undefined>();
    expectTypeOf<Entity["i16"]>().toEqualTypeOf<Int16Array | undefined>();
    expectTypeOf<Entity["u16"]>().toEqualTypeOf<Uint16Array | undefined>();
  });

  test("takes Dates for date-time, and gives text", () => {
    expectTypeOf<Entity["createdAt"]>().toEqualTypeOf<string | undefined>();
    expectTypeOf<Insert["createdAt"]>().toEqualTypeOf<string | Date | undefined>();
    expectTypeOf<Insert["f32"]>().toEqualTypeOf<Float32Array | undefined>();
  });

  test("stays shallow for schemas that are not known in detail", () => {
    expectTypeOf<FromSchema<DataPortSchemaObject>>().toEqualTypeOf<Record<string, unknown>>();
    expectTypeOf<FromSchema<DataPortSchema>>().toEqualTypeOf<unknown>();
    expectTypeOf<FromSchema<true>>().toEqualTypeOf<unknown>();
  });

  test("works for a type parameter", () => {
    class Store<Schema extends DataPortSchemaObject, Value = FromSchema<Schema>> {
      declare readonly schema: Schema;
      declare readonly value: Value;
    }
    expectTypeOf<Store<typeof Row>["value"]["count"]>().toEqualTypeOf<number>();
    expectTypeOf<Store<typeof Row>>().toExtend<{ schema: DataPortSchemaObject }>();
  });
});

describe("DataPortSchema", () => {
  test("accepts a task's input schema", () => {
    class Task {
      readonly id = "task";
      static inputSchema(): DataPortSchema {
        return {
          type: "object",
          properties: {
            storage: { type: "string", format: "storage:tabular", title: "Storage" },
          },
        } as const satisfies DataPortSchema;
      }
    }
    expectTypeOf(Task.inputSchema()).toEqualTypeOf<DataPortSchema>();
    expectTypeOf<true>().toExtend<DataPortSchema>();
  });

  test("refuses what is no schema", () => {
    // @ts-expect-error: not a type of JSON Schema
    ({ type: "objekt", properties: {} }) satisfies DataPortSchemaObject;
    // @ts-expect-error: a misspelt keyword
    ({ type: "string", tittle: "A" }) satisfies DataPortSchema;
    // @ts-expect-error: no properties
    ({ type: "object" }) satisfies DataPortSchemaObject;
  });
});

test("TypedArray has all seven arrays and no any", () => {
  expectTypeOf<TypedArray>().not.toBeAny();
  expectTypeOf<Float16Array>().toExtend<TypedArray>();
  expectTypeOf<Uint8ClampedArray>().not.toExtend<TypedArray>();
});

test("the result of a generic function is known where a type is inferred from it", () => {
  const schema = {
    type: "object",
    properties: { id: { type: "string" } },
    required: ["id"],
    additionalProperties: false,
  } as const satisfies DataPortSchemaObject;
  const read = <Schema extends DataPortSchemaObject>(_schema: Schema) =>
    undefined as unknown as { readonly row: FromSchema<Schema> };
  const pass = <T>(value: T): T => value;
  // The compiler must not lose itself in the schema's conditional types on the way.
  expectTypeOf(pass(() => read(schema))).returns.toEqualTypeOf<{ readonly row: { id: string } }>();
  expectTypeOf(Promise.resolve(read(schema))).resolves.toEqualTypeOf<{
    readonly row: { id: string };
  }>();
});
