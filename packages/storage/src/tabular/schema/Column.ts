import { StorageValidationError } from "@workglow/util";
import type { TypedArrayName } from "@workglow/util/schema";
import { isTypedArrayName } from "./typedArrayFormat.ts";

/** How a column's values are kept. `json` holds arrays, objects and anything with several types. */
export type ColumnType =
  | "string"
  | "number"
  | "integer"
  | "int64"
  | "boolean"
  | "date-time"
  | "blob"
  | "typedArray"
  | "json";

export type JsonKind = "array" | "object";

/** One property of the schema, as the storage sees it. */
export interface Column {
  readonly name: string;
  /** Position among the schema's columns. */
  readonly index: number;
  readonly type: ColumnType;
  /** For `typedArray`: the array type of the schema's format, or `undefined` where any is allowed. */
  readonly arrayName: TypedArrayName | undefined;
  /** For `json`: what the schema says it is, or `undefined` where that may differ. */
  readonly jsonKind?: JsonKind | undefined;
  /** `null` is a value of the column. */
  readonly nullable: boolean;
  /** The property may be absent. */
  readonly optional: boolean;
  readonly inKey: boolean;
  /** Filled in by the storage when absent. */
  readonly generated: boolean;
  /** Every object inherits a property of this name (`constructor`): read it through `cell`. */
  readonly inherited: boolean;
  /**
   * For a field inside a JSON column, as criteria on metadata name it: the keys that lead to it.
   * `name` is then the JSON column's and `type` the kind of value that is meant; what is of another
   * kind, or absent, counts as null. `json` means a value of any kind.
   */
  readonly path?: readonly string[];
}

type SchemaNode = Readonly<Record<string, unknown>>;

const MIXED: { type: ColumnType; nullable: boolean } = { type: "json", nullable: true };

/** Reads a property's schema. */
export function columnOf(
  name: string,
  index: number,
  node: unknown,
  required: boolean,
  inKey: boolean,
): Column {
  const schema = typeof node === "object" && node !== null ? (node as SchemaNode) : {};
  const found = typeOf(schema);
  return {
    name,
    index,
    type: found.type,
    arrayName: found.arrayName,
    jsonKind: found.jsonKind,
    nullable: found.nullable,
    optional: !required,
    inKey,
    generated: schema["x-auto-generated"] === true,
    inherited: name in Object.prototype,
  };
}

interface FoundType {
  readonly type: ColumnType;
  readonly nullable: boolean;
  readonly arrayName?: TypedArrayName | undefined;
  readonly jsonKind?: JsonKind | undefined;
}

function typeOf(schema: SchemaNode): FoundType {
  const union = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(union))
    return unionType(
      union.map((part) => typeOf((part ?? {}) as SchemaNode)),
      union,
    );
  const declared = schema.type;
  if (Array.isArray(declared)) {
    return unionType(
      declared.map((type) => typeOf({ ...schema, type })),
      declared,
    );
  }
  if (typeof declared === "string") return declaredType(declared, schema);
  const values = Array.isArray(schema.enum)
    ? schema.enum
    : "const" in schema
      ? [schema.const]
      : undefined;
  return values === undefined ? MIXED : unionType(values.map(typeOfValue), values);
}

function unionType(parts: readonly FoundType[], raw: readonly unknown[]): FoundType {
  if (raw.length === 0) return MIXED;
  const real = parts.filter((part) => !isNullType(part));
  const nullable = parts.some((part) => part.nullable);
  const first = real[0];
  if (first === undefined) return { type: "json", nullable: true };
  if (real.every((part) => isSameType(part, first))) return { ...first, nullable };
  if (real.every((p) => p.type === "integer" || p.type === "number")) {
    return { type: "number", nullable };
  }
  return { type: "json", nullable };
}

function isSameType(a: FoundType, b: FoundType): boolean {
  return a.type === b.type && a.arrayName === b.arrayName && a.jsonKind === b.jsonKind;
}

const NULL_TYPE: FoundType = { type: "json", nullable: true, arrayName: undefined };
const isNullType = (part: FoundType): boolean => part === NULL_TYPE;

function declaredType(type: string, schema: SchemaNode): FoundType {
  const format = schema.format;
  switch (type) {
    case "null":
      return NULL_TYPE;
    case "string":
      if (schema.contentEncoding === "blob") return { type: "blob", nullable: false };
      return { type: format === "date-time" ? "date-time" : "string", nullable: false };
    case "integer":
      return { type: format === "int64" ? "int64" : "integer", nullable: false };
    case "number":
      return { type: "number", nullable: false };
    case "boolean":
      return { type: "boolean", nullable: false };
    case "array":
      return arrayType(format);
    case "object":
      return { type: "json", jsonKind: "object", nullable: false };
    default:
      throw new StorageValidationError(`the schema has an unknown type "${type}"`);
  }
}

function arrayType(format: unknown): FoundType {
  if (format === "TypedArray") return { type: "typedArray", nullable: false };
  if (typeof format !== "string" || !format.startsWith("TypedArray:")) {
    return { type: "json", jsonKind: "array", nullable: false };
  }
  const arrayName = format.slice("TypedArray:".length);
  if (!isTypedArrayName(arrayName)) {
    throw new StorageValidationError(`the schema has an unknown format "${format}"`);
  }
  return { type: "typedArray", nullable: false, arrayName };
}

function typeOfValue(value: unknown): FoundType {
  if (value === null) return NULL_TYPE;
  if (typeof value === "string") return { type: "string", nullable: false };
  if (typeof value === "boolean") return { type: "boolean", nullable: false };
  if (typeof value === "number") return { type: "number", nullable: false };
  return { type: "json", nullable: false };
}
