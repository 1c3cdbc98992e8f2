import type { TypedArray } from "@workglow/util/schema";
import type { Column } from "../tabular/schema/Column.ts";
import type { CanonicalValue } from "../tabular/schema/canonicalValue.ts";
import { typedArrayFromBytes, typedArrayToBytes } from "../tabular/schema/typedArrayFormat.ts";
import type { SqlValue } from "./SqlExecutor.ts";

/** How a column's canonical values, null aside, become what drivers take, and back. */
export interface ColumnCodec {
  encode(value: CanonicalValue): SqlValue;
  /** `undefined` where the driver's value is the canonical one. */
  readonly decode: ((value: SqlValue) => CanonicalValue) | undefined;
}

const AS_IS: ColumnCodec = { encode: (value) => value as SqlValue, decode: undefined };

const INTEGER: ColumnCodec = {
  encode: (value) => value as number,
  decode: (value) => (typeof value === "number" ? value : integerOf(String(value))),
};

/** Columns that the schema no longer has may hold more than numbers can. */
function integerOf(digits: string): number | bigint {
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : BigInt(digits);
}

const INT64: ColumnCodec = {
  encode: (value) => value as bigint,
  decode: (value) => BigInt(value as string),
};

const BOOLEAN: ColumnCodec = {
  encode: (value) => (value === true ? 1 : 0),
  decode: (value) => Number(value) === 1,
};

const JSON_TEXT: ColumnCodec = {
  encode: (value) => JSON.stringify(value),
  decode: (value) => JSON.parse(value as string) as CanonicalValue,
};

const BYTES: ColumnCodec = {
  encode: (value) => value as Uint8Array,
  decode: (value) => ownBytes(value as Uint8Array),
};

/** The codec of a property; tenant columns hold plain texts and integers. */
export function codecOf(property: Column | undefined): ColumnCodec {
  switch (property?.type) {
    case "integer":
      return INTEGER;
    case "int64":
      return INT64;
    case "boolean":
      return BOOLEAN;
    case "json":
      return JSON_TEXT;
    case "blob":
      return BYTES;
    case "typedArray":
      return arrayCodec(property);
    default:
      return AS_IS;
  }
}

function arrayCodec({ arrayName }: Column): ColumnCodec {
  return {
    encode: (value) => typedArrayToBytes(value as TypedArray, arrayName),
    decode: (value) => typedArrayFromBytes(value as Uint8Array, arrayName),
  };
}

/** A plain Uint8Array over memory of its own: drivers may hand out Buffers, pooled ones too. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.constructor === Uint8Array && bytes.byteLength === bytes.buffer.byteLength)
    return bytes;
  return bytes.byteLength === bytes.buffer.byteLength
    ? new Uint8Array(bytes.buffer)
    : Uint8Array.prototype.slice.call(bytes);
}
