import type { CanonicalValue, Column, Prefix } from "@workglow/storage";

/** One value inside a key, encoded so that IndexedDB's order of keys is the order of the values. */
export type KeyPart = string | number | ArrayBuffer;

/** How the values of one column stand in keys. */
export interface KeyPartCodec {
  /** The part of a value that is not null. */
  encode(value: CanonicalValue): KeyPart;
  /** The value of a part that IndexedDB has given back, and that is not {@link NULL_PART}. */
  decode(part: IDBValidKey): CanonicalValue;
}

/** Stands for null and absent: before all values, as numbers come first and are finite. */
export const NULL_PART = Number.NEGATIVE_INFINITY;

export function keyPartCodec({ type, name }: Pick<Column, "type" | "name">): KeyPartCodec {
  switch (type) {
    case "string":
      return TEXT;
    case "number":
    case "integer":
      return NUMBER;
    case "boolean":
      return BOOLEAN;
    case "date-time":
      return DATE_TIME;
    case "int64":
      return INT64;
    case "blob":
      return BLOB;
    default:
      throw new TypeError(`column "${name}" has no order`);
  }
}

/** The part of a tenant's value. */
export function prefixPart({ value }: Prefix): KeyPart {
  return typeof value === "string" ? encodeText(value) : value;
}

/** IndexedDB orders strings by UTF-16 unit; from here on that differs from the order by code point. */
const MOVED_UNIT = /[\uD800-\uFFFF]/;
const MOVED_UNITS = /[\uD800-\uFFFF]/g;

/**
 * Moves the surrogates, which begin the largest code points, behind all other units: by unit the
 * result is ordered as the text is by code point. Most texts stay as they are.
 */
function encodeText(text: string): string {
  if (!MOVED_UNIT.test(text)) return text;
  return text.replace(MOVED_UNITS, (character) => {
    const unit = character.charCodeAt(0);
    return String.fromCharCode(unit < 0xe000 ? unit + 0x2000 : unit - 0x800);
  });
}

function decodeText(text: string): string {
  if (!MOVED_UNIT.test(text)) return text;
  return text.replace(MOVED_UNITS, (character) => {
    const unit = character.charCodeAt(0);
    return String.fromCharCode(unit < 0xf800 ? unit + 0x800 : unit - 0x2000);
  });
}

const TEXT: KeyPartCodec = {
  encode: (value) => encodeText(value as string),
  decode: (part) => decodeText(part as string),
};

const NUMBER: KeyPartCodec = {
  encode: (value) => value as number,
  decode: (part) => part as number,
};

const BOOLEAN: KeyPartCodec = {
  encode: (value) => (value === true ? 1 : 0),
  decode: (part) => part === 1,
};

/** A canonical date-time is a text; the milliseconds since 1970 take less room. */
const DATE_TIME: KeyPartCodec = {
  encode: (value) => Date.parse(value as string),
  decode: (part) => new Date(part as number).toISOString(),
};

const INT64_OFFSET = 2n ** 63n;
const INT64_DIGITS = 13;

/** Numbers lose digits beyond 53 bits: the distance from the least value, of a fixed length. */
const INT64: KeyPartCodec = {
  encode: (value) => ((value as bigint) + INT64_OFFSET).toString(32).padStart(INT64_DIGITS, "0"),
  decode: (part) => {
    let distance = 0n;
    for (const digit of part as string) distance = distance * 32n + BigInt(parseInt(digit, 32));
    return distance - INT64_OFFSET;
  },
};

const BLOB: KeyPartCodec = {
  encode: (value) => bufferOf(value as Uint8Array<ArrayBuffer>),
  decode: (part) => new Uint8Array(part as ArrayBuffer),
};

/** A record would be stored with all of a view's buffer. */
function bufferOf(view: Uint8Array<ArrayBuffer>): ArrayBuffer {
  const isWhole = view.byteLength === view.buffer.byteLength;
  return isWhole ? view.buffer : new Uint8Array(view).buffer;
}
