import type { SqlValue } from "@workglow/storage/sql";

/**
 * A constant. Numbers stand in quotes too: the place then decides whether `1` is a number or true.
 * The text means the same whatever `standard_conforming_strings` says.
 */
export function literal(value: SqlValue): string {
  if (value === null) return "NULL";
  if (value instanceof Uint8Array) return `E'\\\\x${hexDigits(value)}'::bytea`;
  const text = String(value).replaceAll("'", "''");
  return text.includes("\\") ? `E'${text.replaceAll("\\", "\\\\")}'` : `'${text}'`;
}

const hexDigits = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
