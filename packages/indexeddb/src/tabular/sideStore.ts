import { checkText, StorageValidationError } from "@workglow/util";

const SUFFIX = ":side";
const RESERVED = [SUFFIX, ":vectors"];

/** The store beside a table's rows: its counter, its change log, what it is like. */
export function sideStore(table: string): string {
  return table + SUFFIX;
}

/** Under which keys the side store holds what. Numbers are its change log. */
export const SIDE = { shape: "shape", counter: "counter" } as const;

/** @throws StorageValidationError for what is no name, and for that of a store beside another table */
export function checkTableName(table: string): void {
  if (typeof table !== "string" || table === "") {
    throw new StorageValidationError("a table needs a name");
  }
  checkText(table, "the name of a table");
  for (const suffix of RESERVED) {
    if (table.endsWith(suffix)) {
      throw new StorageValidationError(`a table's name must not end in "${suffix}"`);
    }
  }
}
