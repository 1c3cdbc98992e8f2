import { canonicalJson, StorageInvalidCursorError, sha256Hex } from "@workglow/util";
import type { OrderColumn } from "./SelectPlan.ts";
import { type CanonicalValue, canonicalValue } from "./schema/canonicalValue.ts";
import { cell, type Row } from "./schema/TableSchema.ts";

/**
 * Keyset cursors: the position of the last row of a page, bound to the query that made it, with a
 * checksum. They are opaque, not secret: whoever may read the page may read its cursor.
 */
const VERSION = 1;
const CHECK_LENGTH = 16;

type Encoded = string | number | boolean | null | readonly [tag: string, value: string];

/** Identifies a query, so that a cursor of another one is refused. */
export function queryFingerprint(
  table: string,
  order: readonly OrderColumn[],
  criteria: string,
): string {
  const columns = order.map(({ column, descending }) => [column.name, descending]);
  return sha256Hex(canonicalJson([VERSION, table, columns, criteria])).slice(0, CHECK_LENGTH);
}

export function encodeCursor(fingerprint: string, order: readonly OrderColumn[], row: Row): string {
  const values = order.map(({ column }) => encodeValue(cell(row, column) ?? null));
  const body = JSON.stringify(values);
  return toBase64Url(`${fingerprint}${checksum(fingerprint, body)}${body}`);
}

/** @throws StorageInvalidCursorError for a cursor that was changed or belongs to another query */
export function decodeCursor(
  cursor: unknown,
  fingerprint: string,
  order: readonly OrderColumn[],
): readonly CanonicalValue[] {
  if (typeof cursor !== "string") throw new StorageInvalidCursorError("a cursor is a text");
  const text = fromBase64Url(cursor);
  const body = text.slice(2 * CHECK_LENGTH);
  if (text.slice(0, CHECK_LENGTH) !== fingerprint) {
    throw new StorageInvalidCursorError("the cursor is damaged or belongs to another query");
  }
  if (text.slice(CHECK_LENGTH, 2 * CHECK_LENGTH) !== checksum(fingerprint, body)) {
    throw new StorageInvalidCursorError("the cursor is damaged");
  }
  try {
    const values = JSON.parse(body) as Encoded[];
    if (values.length !== order.length) throw new RangeError("length");
    return order.map(({ column }, i) => {
      const value = decodeValue(values[i] as Encoded);
      return value === null ? null : canonicalValue(column, value);
    });
  } catch (cause) {
    throw new StorageInvalidCursorError("the cursor is damaged", { cause });
  }
}

const checksum = (fingerprint: string, body: string): string =>
  sha256Hex(`${fingerprint}:${body}`).slice(0, CHECK_LENGTH);

function encodeValue(value: CanonicalValue): Encoded {
  if (typeof value === "bigint") return ["i", value.toString()];
  if (value instanceof Uint8Array) return ["b", binaryText(value)];
  return value as Encoded;
}

function decodeValue(value: Encoded): CanonicalValue {
  if (!Array.isArray(value)) return value as CanonicalValue;
  const [tag, text] = value as readonly [string, string];
  if (tag === "i") return BigInt(text);
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** One character for each byte. */
function binaryText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function toBase64Url(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return btoa(binaryText(bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function fromBase64Url(cursor: string): string {
  try {
    const binary = atob(cursor.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new StorageInvalidCursorError("the cursor is damaged", { cause });
  }
}
