import { canonicalJson, type JSONValue } from "@workglow/util";
import { compareValues } from "../tabular/compareValues.ts";
import type { KvValue } from "./BaseKvStorage.ts";

/** Whether two values are equal: bytes by byte, JSON whatever the order of its keys. */
export function isSameValue(a: KvValue, b: KvValue): boolean {
  if (ArrayBuffer.isView(a) || ArrayBuffer.isView(b)) return isSameArray(a, b);
  if (typeof a !== "object" || typeof b !== "object") return a === b;
  return canonicalJson(a as JSONValue) === canonicalJson(b as JSONValue);
}

function isSameArray(a: KvValue, b: KvValue): boolean {
  if (!ArrayBuffer.isView(a) || !ArrayBuffer.isView(b) || a.constructor !== b.constructor)
    return false;
  return compareValues(bytesOf(a), bytesOf(b)) === 0;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
