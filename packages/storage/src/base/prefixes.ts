import { checkText, StorageValidationError, utf8ByteLength } from "@workglow/util";

/** A tenant column: `uuid` holds text, `number` a safe integer. */
export type PrefixColumn = { readonly name: string; readonly type: "uuid" | "number" };

/** Columns that are set on every write, required of every read, and part of every key. */
export interface PrefixOptions {
  readonly prefixes?: readonly PrefixColumn[];
  readonly prefixValues?: Readonly<Record<string, string | number>>;
}

export interface Prefix extends PrefixColumn {
  readonly value: string | number;
}

/** Longest name that every supported database keeps, in UTF-8 bytes. */
const MAX_NAME_BYTES = 63;

/**
 * Checks tenant columns and their values.
 *
 * @param taken names that the storage uses itself
 * @throws StorageValidationError for a name that is empty, too long, holds NUL, repeats or is
 *   taken; for a value that is missing, unknown or of the wrong type
 */
export function compilePrefixes(
  options: PrefixOptions,
  taken: (name: string) => boolean,
): readonly Prefix[] {
  const { prefixes, prefixValues } = given(options);
  const seen = new Set<string>();
  for (const { name, type } of prefixes) {
    checkPrefixName(name);
    if (type !== "uuid" && type !== "number") {
      throw new StorageValidationError(`prefix "${name}" is of type uuid or number`);
    }
    if (seen.has(name) || taken(name)) {
      throw new StorageValidationError(`prefix "${name}" has the name of another column`);
    }
    seen.add(name);
  }
  for (const name of Object.keys(prefixValues)) {
    if (!seen.has(name)) throw new StorageValidationError(`there is no prefix "${name}"`);
  }
  return prefixes.map(({ name, type }) => {
    if (!Object.hasOwn(prefixValues, name)) {
      throw new StorageValidationError(`prefix "${name}" needs a value`);
    }
    return { name, type, value: checkedPrefixValue({ name, type }, prefixValues[name]) };
  });
}

/** How many UTF-8 bytes the tenant's texts take of each index entry. */
export function prefixBytes(options: PrefixOptions): number {
  let bytes = 0;
  for (const value of Object.values(given(options).prefixValues)) {
    if (typeof value === "string") bytes += utf8ByteLength(value);
  }
  return bytes;
}

/** The options, of the shape that they are declared with. */
function given({ prefixes = [], prefixValues = {} }: PrefixOptions): Required<PrefixOptions> {
  const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;
  if (!Array.isArray(prefixes) || !prefixes.every(isObject)) {
    throw new StorageValidationError("prefixes are a list of names and types");
  }
  if (!isObject(prefixValues) || Array.isArray(prefixValues)) {
    throw new StorageValidationError("prefixValues are values by the name of their prefix");
  }
  return { prefixes, prefixValues };
}

/** @throws StorageValidationError for a value that the prefix does not take */
export function checkedPrefixValue({ name, type }: PrefixColumn, value: unknown): string | number {
  if (type === "number") {
    if (Number.isSafeInteger(value)) return value === 0 ? 0 : (value as number);
    throw new StorageValidationError(`prefix "${name}" takes a safe integer`);
  }
  if (typeof value !== "string" || value === "") {
    throw new StorageValidationError(`prefix "${name}" takes a text that is not empty`);
  }
  checkText(value, name);
  return value;
}

function checkPrefixName(name: unknown): void {
  if (typeof name !== "string" || name === "" || name === "__proto__") {
    throw new StorageValidationError("a prefix needs a name");
  }
  checkText(name, "prefix name");
  if (utf8ByteLength(name) > MAX_NAME_BYTES) {
    throw new StorageValidationError(`a prefix's name holds at most ${MAX_NAME_BYTES} bytes`);
  }
}
