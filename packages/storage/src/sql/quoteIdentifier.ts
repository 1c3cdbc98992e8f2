import { checkText, StorageValidationError, utf8ByteLength } from "@workglow/util";

/**
 * A name as SQL takes it, whatever it holds.
 *
 * @throws StorageValidationError for a name that is empty, holds NUL or a lone surrogate, or is
 *   longer than the database keeps
 */
export function quoteIdentifier(name: string, maxBytes: number): string {
  if (typeof name !== "string" || name === "") {
    throw new StorageValidationError("a table or column needs a name");
  }
  checkText(name, "the name of a table or column");
  if (utf8ByteLength(name) > maxBytes) {
    throw new StorageValidationError(
      `the name of a table or column holds at most ${maxBytes} bytes`,
    );
  }
  return `"${name.replaceAll('"', '""')}"`;
}
