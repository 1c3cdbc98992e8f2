import type { JsonValue } from "./JsonValue.ts";
import {
  describeUnstorable,
  isPlainObject,
  MAX_JSON_DEPTH,
  refuseValue,
  trail,
} from "./refuseValue.ts";
import { describeFlaw, isStorableText } from "./text.ts";

/**
 * Copies a JSON value and makes sure that every backend can keep it. Properties that are undefined
 * are left out, and -0 becomes 0; a key `__proto__` is a key like any other.
 *
 * @param where names the value in errors, which add the path inside it: `input.items[3].name`
 * @throws StorageValidationError for what is no JSON (undefined, functions, symbols, bigints, NaN,
 * infinities, instances of classes, holes in arrays), for strings and keys with NUL or lone
 * surrogates, and for values nested deeper than 1000 levels, rings among them
 */
export function copyJson(value: unknown, where: string): JsonValue {
  return copy(value, where, 0);
}

function copy(value: unknown, where: string, depth: number): JsonValue {
  switch (typeof value) {
    case "string":
      if (!isStorableText(value)) refuseValue(where, depth, describeFlaw(value));
      return value;
    case "number":
      if (!Number.isFinite(value)) refuseValue(where, depth, describeUnstorable(value));
      return value + 0;
    case "boolean":
      return value;
    case "object":
      if (value === null) return null;
      if (depth >= MAX_JSON_DEPTH) refuseValue(where, 0, "is nested too deeply, or in a ring");
      if (Array.isArray(value)) return copyArray(value, where, depth);
      if (isPlainObject(value)) return copyObject(value, where, depth);
  }
  return refuseValue(where, depth, describeUnstorable(value));
}

function copyArray(array: readonly unknown[], where: string, depth: number): JsonValue[] {
  const copied: JsonValue[] = [];
  for (let index = 0; index < array.length; index++) {
    trail[depth] = index;
    copied.push(copy(array[index], where, depth + 1));
  }
  return copied;
}

/**
 * Engines clone an object of a known shape at once, so that only the values are walked. What the
 * clone cannot leave as it is (undefined, symbols) goes the slow way, property by property.
 */
function copyObject(object: object, where: string, depth: number): Record<string, JsonValue> {
  if (!prototypeIsClean()) return copyProperties(object, where, depth);
  const copied: Record<string, unknown> = { ...object };
  for (const key in copied) {
    const value = copied[key];
    if (value === undefined) return copyProperties(object, where, depth);
    trail[depth] = key;
    if (!CHECKED_KEYS.has(key)) checkKey(key, where, depth);
    if (typeof value === "string") {
      if (!isStorableText(value)) refuseValue(where, depth + 1, describeFlaw(value));
    } else if (typeof value !== "boolean" && value !== null) {
      // An own "__proto__" stays a property: the spread defined it, and assigning finds it.
      copied[key] = copy(value, where, depth + 1);
    }
  }
  return Object.getOwnPropertySymbols(copied).length === 0
    ? (copied as Record<string, JsonValue>)
    : copyProperties(object, where, depth);
}

/**
 * A copy of a value that {@link copyJson} has made or a JSON parser has read, and that therefore
 * needs no checks.
 */
export function cloneJson<T>(value: T): T {
  return (typeof value === "object" && value !== null ? clone(value) : value) as T;
}

function clone(value: object): object {
  if (Array.isArray(value)) return value.map(cloneJson);
  const copied: Record<string, unknown> = { ...value };
  for (const key in copied) {
    const inner = copied[key];
    if (typeof inner !== "object" || inner === null) continue;
    if (prototypeIsClean() || Object.hasOwn(copied, key)) copied[key] = clone(inner);
  }
  return copied;
}

function copyProperties(object: object, where: string, depth: number): Record<string, JsonValue> {
  const copied: Record<string, JsonValue> = {};
  for (const key of Object.keys(object)) {
    const value = (object as Record<string, unknown>)[key];
    if (value === undefined) continue;
    trail[depth] = key;
    checkKey(key, where, depth);
    const inner = copy(value, where, depth + 1);
    if (key === "__proto__") defineProperty(copied, key, inner);
    else copied[key] = inner;
  }
  return copied;
}

/** Whether `for … in` meets own properties only: nobody has put any on `Object.prototype`. */
function prototypeIsClean(): boolean {
  for (const _ in PROBE) return false;
  return true;
}

const PROBE = {};

/** Keys repeat from object to object: those that were found good need no second look. */
const CHECKED_KEYS = /* @__PURE__ */ new Set<string>();
const MOST_CHECKED_KEYS = 4096;

function checkKey(key: string, where: string, depth: number): void {
  if (!isStorableText(key)) refuseValue(where, depth + 1, `is a key that ${describeFlaw(key)}`);
  if (CHECKED_KEYS.size < MOST_CHECKED_KEYS && key.length < 64) CHECKED_KEYS.add(key);
}

function defineProperty(target: object, key: string, value: JsonValue): void {
  Object.defineProperty(target, key, {
    value,
    configurable: true,
    enumerable: true,
    writable: true,
  });
}
