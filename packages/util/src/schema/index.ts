export type {
  DataPortSchema,
  DataPortSchemaKeywords,
  DataPortSchemaObject,
} from "./DataPortSchema.ts";
export type {
  DeserializationPattern,
  FromSchema,
  FromSchemaOptions,
  InsertSchemaOptions,
  JSONSchema,
  TypedArraySchemaOptions,
} from "./FromSchema.ts";
export {
  isTypedArray,
  type TypedArray,
  type TypedArrayConstructor,
  type TypedArrayName,
  typedArrayConstructors,
  typedArrayNameOf,
} from "./TypedArray.ts";
