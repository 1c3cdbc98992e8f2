import type { SqlParam, SqlValue } from "@workglow/storage/sql";

/** Turns a value's text, as the server sends it, into what executors give. */
type Decode = (text: string) => SqlValue;

const NUMBER_TYPES = [21, 23, 26, 700, 701, 1700];
const BIGINT_TYPE = 20;
const BOOLEAN_TYPE = 16;
export const BYTES_TYPE = 17;

const decoders: ReadonlyMap<number, Decode> = new Map<number, Decode>([
  ...NUMBER_TYPES.map((type): [number, Decode] => [type, Number]),
  [BIGINT_TYPE, safeInteger],
  [BOOLEAN_TYPE, (text) => (text === "t" ? 1 : 0)],
  [BYTES_TYPE, bytesOf],
]);

/** A number where it is exact, else the text. */
function safeInteger(text: string): SqlValue {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : text;
}

const asIs: Decode = (text) => text;

/** By the number of the type, as in `pg_type`. What is not listed comes as the text that it is. */
export const decoderOf = (type: number): Decode => decoders.get(type) ?? asIs;

/** The text of one parameter; `null` as it is. */
export function paramText(value: SqlParam): string | null {
  if (value === null) return null;
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return `\\x${hexOf(value)}`;
  if (typeof value === "object") return arrayText(value as readonly SqlValue[]);
  return String(value);
}

const NEEDS_ESCAPE = /["\\]/;
const EVERY_ESCAPED = /["\\]/g;

/** A list as the text of an array of any element type. */
function arrayText(values: readonly SqlValue[]): string {
  let text = "{";
  for (let at = 0; at < values.length; at++) {
    if (at > 0) text += ",";
    const value = values[at] as SqlValue;
    if (typeof value === "string") {
      text += NEEDS_ESCAPE.test(value) ? `"${value.replace(EVERY_ESCAPED, "\\$&")}"` : `"${value}"`;
    } else if (value === null) text += "NULL";
    else if (value instanceof Uint8Array) text += `"\\\\x${hexOf(value)}"`;
    else text += value;
  }
  return `${text}}`;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Node's and Bun's own conversion is the fastest; browsers have none yet. */
const native = (globalThis as { Buffer?: typeof Buffer }).Buffer;

function hexOf(bytes: Uint8Array): string {
  if (native !== undefined) {
    return native.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
  }
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

function bytesOf(text: string): Uint8Array {
  if (!text.startsWith("\\x")) return escapedBytes(text);
  const length = (text.length - 2) / 2;
  const bytes = new Uint8Array(length);
  if (native !== undefined) {
    native.from(bytes.buffer).write(text.slice(2), "hex");
    return bytes;
  }
  for (let at = 0; at < length; at++) {
    bytes[at] = Number.parseInt(text.slice(2 + 2 * at, 4 + 2 * at), 16);
  }
  return bytes;
}

const ESCAPE = /\\(?:\\|[0-3][0-7]{2})/g;

/** Of a session whose `bytea_output` is `escape`: ASCII, and the other bytes in octal digits. */
function escapedBytes(text: string): Uint8Array {
  const characters = text.replace(ESCAPE, (found) =>
    found === "\\\\" ? "\\" : String.fromCharCode(Number.parseInt(found.slice(1), 8)),
  );
  return Uint8Array.from(characters, (character) => character.charCodeAt(0));
}
