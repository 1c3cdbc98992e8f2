import {
  describeUnstorable,
  isPlainObject,
  MAX_JSON_DEPTH,
  refuseValue,
  trail,
} from "./refuseValue.ts";

/**
 * One text for one JSON value, whatever the order of its keys at any depth, and never the same
 * text for two: fit for fingerprints and for keys. Properties that are undefined count as missing,
 * -0 as 0.
 *
 * @throws StorageValidationError for what is no JSON, and for values nested deeper than 1000
 * levels, rings among them
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0);
}

const WHERE = "value";

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case "string":
    case "boolean":
      return JSON.stringify(value);
    case "number":
      if (!Number.isFinite(value)) refuseValue(WHERE, depth, describeUnstorable(value));
      return String(value);
    case "object":
      if (value === null) return "null";
      if (depth >= MAX_JSON_DEPTH) refuseValue(WHERE, 0, "is nested too deeply, or in a ring");
      if (Array.isArray(value)) return writeArray(value, depth);
      if (isPlainObject(value)) return writeObject(value, depth);
  }
  return refuseValue(WHERE, depth, describeUnstorable(value));
}

function writeArray(array: readonly unknown[], depth: number): string {
  let text = "[";
  for (let index = 0; index < array.length; index++) {
    trail[depth] = index;
    if (index > 0) text += ",";
    text += write(array[index], depth + 1);
  }
  return `${text}]`;
}

function writeObject(object: object, depth: number): string {
  let text = "";
  for (const key of Object.keys(object).sort()) {
    const value = (object as Record<string, unknown>)[key];
    if (value === undefined) continue;
    trail[depth] = key;
    text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${write(value, depth + 1)}`;
  }
  return `{${text}}`;
}
