import { checkText, cloneJson, copyJson, StorageValidationError } from "@workglow/util";
import { isTypedArray, type TypedArray, typedArrayNameOf } from "@workglow/util/schema";
import type { Column } from "./Column.ts";
import { canonicalDateTime } from "./dateTime.ts";

/** A value in the one form in which every backend keeps it; never `undefined`. */
export type CanonicalValue =
  | string
  | number
  | bigint
  | boolean
  | Uint8Array
  | TypedArray
  | object
  | null;

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/**
 * Checks a non-null value against its column and gives the canonical copy: date-times as
 * `YYYY-MM-DDTHH:mm:ss.sssZ`, `-0` as `0`, JSON and binary values copied.
 *
 * @throws StorageValidationError for a value that the column does not take
 */
export function canonicalValue(column: Column, value: unknown): CanonicalValue {
  switch (column.type) {
    case "string":
      if (typeof value !== "string") throw wrongType(column, "a string", value);
      checkText(value, column.name);
      return value;
    case "number":
      if (typeof value !== "number") throw wrongType(column, "a number", value);
      if (!Number.isFinite(value)) throw wrongType(column, "a finite number", value);
      return value === 0 ? 0 : value;
    case "integer":
      if (!Number.isSafeInteger(value)) throw wrongType(column, "a safe integer", value);
      return value === 0 ? 0 : (value as number);
    case "boolean":
      if (typeof value !== "boolean") throw wrongType(column, "a boolean", value);
      return value;
    case "date-time":
      return canonicalDateTime(value, column.name);
    case "int64":
      if (typeof value !== "bigint" || value < INT64_MIN || value > INT64_MAX) {
        throw wrongType(column, "a bigint of 64 bits", value);
      }
      return value;
    case "blob":
      if (!(value instanceof Uint8Array)) throw wrongType(column, "a Uint8Array", value);
      return Uint8Array.prototype.slice.call(value);
    case "typedArray":
      return canonicalArray(column, value);
    case "json":
      return canonicalJsonValue(column, value);
  }
}

function canonicalJsonValue(column: Column, value: unknown): CanonicalValue {
  const { jsonKind } = column;
  if (jsonKind === "array" && !Array.isArray(value)) throw wrongType(column, "an array", value);
  if (jsonKind === "object" && (typeof value !== "object" || Array.isArray(value))) {
    throw wrongType(column, "an object", value);
  }
  return copyJson(value, column.name) as CanonicalValue;
}

function canonicalArray(column: Column, value: unknown): TypedArray {
  const expected = column.arrayName ?? "TypedArray";
  if (!isTypedArray(value)) throw wrongType(column, `a ${expected}`, value);
  if (column.arrayName !== undefined && typedArrayNameOf(value) !== column.arrayName) {
    throw wrongType(column, `a ${expected}`, value);
  }
  return copyArray(value);
}

function copyArray<T extends TypedArray | Uint8Array>(array: T): T {
  // `slice` of a Buffer would share memory; of any other typed array it copies.
  if (array instanceof Uint8Array) return Uint8Array.prototype.slice.call(array) as T;
  return array.slice() as T;
}

/** A copy of a canonical value, which needs no checks. */
export function copyCanonical(value: CanonicalValue): CanonicalValue {
  if (typeof value !== "object" || value === null) return value;
  if (ArrayBuffer.isView(value)) return copyArray(value as TypedArray);
  return cloneJson(value);
}

function wrongType(column: Column, expected: string, value: unknown): StorageValidationError {
  return new StorageValidationError(
    `column "${column.name}" takes ${expected}, not ${describeType(value)}`,
  );
}

/** The kind of a value, never the value itself: messages may be logged. */
export function describeType(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "number") {
    if (Number.isNaN(value)) return "NaN";
    if (!Number.isFinite(value)) return "an infinite number";
    return Number.isInteger(value) ? "an integer" : "a fraction";
  }
  if (typeof value !== "object") return value === undefined ? "undefined" : `a ${typeof value}`;
  if (Array.isArray(value)) return "an array";
  const name = (Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null)
    ?.constructor?.name;
  return name === undefined || name === "Object" ? "an object" : `a ${name}`;
}
