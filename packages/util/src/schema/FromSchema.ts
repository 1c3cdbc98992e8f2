import type {
  DeserializationPattern,
  FromSchemaOptions,
  JSONSchema,
  FromSchema as JsonFromSchema,
} from "json-schema-to-ts";
import type { DataPortSchemaKeywords, DataPortSchemaObject } from "./DataPortSchema.ts";
import type { TypedArray } from "./TypedArray.ts";

type Pattern<Schema, Output> = { pattern: Schema; output: Output };

// Patterns that name the type leave the null of `type: ["string", "null"]` alone.
type TypedArrayPattern<Format extends string, Output> = Pattern<
  { type: "array"; format: Format },
  Output
>;

type ValuePatterns = [
  TypedArrayPattern<"TypedArray", TypedArray>,
  TypedArrayPattern<"TypedArray:Float16Array", TypedArrayNamed<"Float16Array">>,
  TypedArrayPattern<"TypedArray:Float32Array", Float32Array>,
  TypedArrayPattern<"TypedArray:Float64Array", Float64Array>,
  TypedArrayPattern<"TypedArray:Int8Array", Int8Array>,
  TypedArrayPattern<"TypedArray:Uint8Array", Uint8Array>,
  TypedArrayPattern<"TypedArray:Int16Array", Int16Array>,
  TypedArrayPattern<"TypedArray:Uint16Array", Uint16Array>,
  Pattern<{ contentEncoding: "blob"; type: "string" | "object" | "array" }, Uint8Array>,
  Pattern<{ contentEncoding: "blob"; type?: undefined; anyOf?: undefined }, Uint8Array>,
  Pattern<{ type: "integer"; format: "int64" }, bigint>,
];

type TypedArrayNamed<Name extends string> = Extract<
  TypedArray,
  { readonly [Symbol.toStringTag]: Name }
>;

/** What storages give out: typed arrays, bytes and 64-bit integers as their JavaScript values. */
export type TypedArraySchemaOptions = { deserialize: ValuePatterns };

/** What storages take in: as what they give out, but a `date-time` may be a Date as well. */
export type InsertSchemaOptions = {
  deserialize: [...ValuePatterns, Pattern<{ type: "string"; format: "date-time" }, string | Date>];
};

type ValuesOf<
  Schema extends JSONSchema,
  Options extends FromSchemaOptions,
> = DataPortSchemaKeywords extends Schema
  ? unknown
  : DataPortSchemaObject extends Schema
    ? Record<string, unknown>
    : JsonFromSchema<Schema, Options>;

/**
 * The type of the values that a schema describes. A schema of which no more is known than that it
 * is one gives `Record<string, unknown>`, or `unknown` if it need not be an object's.
 */
export type FromSchema<
  Schema extends JSONSchema,
  Options extends FromSchemaOptions = TypedArraySchemaOptions,
> =
  // Where the result of a generic function is inferred from, the compiler looks into both branches
  // of a conditional type, and without end into those of json-schema-to-ts. Here it finds a name.
  ValuesOf<Schema, Options> extends infer Values ? Values : never;

export type { DeserializationPattern, FromSchemaOptions, JSONSchema };
