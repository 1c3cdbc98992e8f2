import { StorageValidationError } from "@workglow/util";
import type { PrefixOptions } from "../base/prefixes.ts";
import type { Migration } from "../migrations/Migration.ts";
import type { ClientProvidedKeys } from "./ITabularStorage.ts";
import type { IndexList } from "./schema/TableSchema.ts";

export interface TabularStorageOptions extends PrefixOptions {
  /** Whether callers may give the value of an `x-auto-generated` key; `"if-missing"` unless given. */
  readonly clientProvidedKeys?: ClientProvidedKeys;
  /** Column lists whose values no two rows share (within a tenant); nulls are all different. */
  readonly uniqueIndexes?: IndexList;
  /** Changes to tables of earlier versions, run once by `setupDatabase()`. */
  readonly migrations?: readonly Migration[];
}

/** Options as constructors take them: an object, or just a {@link ClientProvidedKeys}. */
export type TabularStorageOptionsInput<
  Options extends TabularStorageOptions = TabularStorageOptions,
> = Options | ClientProvidedKeys;

export function tabularOptions<Options extends TabularStorageOptions>(
  input: TabularStorageOptionsInput<Options> | undefined,
): Options {
  const options = typeof input === "string" ? { clientProvidedKeys: input } : (input ?? {});
  const keys = options.clientProvidedKeys;
  if (keys !== undefined && keys !== "never" && keys !== "if-missing" && keys !== "always") {
    throw new StorageValidationError('clientProvidedKeys is "never", "if-missing" or "always"');
  }
  return options as Options;
}
