import type { TabularStorageOptions } from "@workglow/storage";
import { StorageValidationError } from "@workglow/util";
import type { IndexedDbDatabase } from "../connection/IndexedDbDatabase.ts";

export interface IndexedDbTabularStorageOptions extends TabularStorageOptions {
  /**
   * The database that holds the table, by its name or as an `IndexedDbDatabase`. Storages of the
   * same database share transactions. Unless given, a table has a database of its own, which is
   * named like it.
   */
  readonly database?: string | IndexedDbDatabase;
  /** Whether other tabs are told of changes by a BroadcastChannel; `true` unless given. */
  readonly useBroadcastChannel?: boolean;
  /**
   * Milliseconds between two looks at the change log by a subscriber that a BroadcastChannel wakes
   * anyway; 0 for never, 5,000 unless given.
   */
  readonly backupPollingIntervalMs?: number;
  /**
   * What becomes of the rows of a table that no migration brings to the schema: is given all of
   * them, in one list, and gives those to be kept. Called by `setupDatabase()`, for tables without
   * prefixes only; it must not wait for anything. Rows without their generated key get one, unless
   * `clientProvidedKeys` is `"always"`; two rows of the same key are a `StorageConflictError`, what
   * is no list of rows a `StorageValidationError`, and then nothing is changed.
   */
  readonly dataTransformer?: (
    rows: readonly Record<string, unknown>[],
  ) => readonly Record<string, unknown>[];
  /** Whether such a table may be emptied instead; `false` unless given. */
  readonly allowDestructiveMigration?: boolean;
}

/** @throws StorageValidationError for an option of the wrong kind */
export function checkIndexedDbOptions(options: IndexedDbTabularStorageOptions): void {
  const { useBroadcastChannel, backupPollingIntervalMs: interval } = options;
  const { dataTransformer, allowDestructiveMigration } = options;
  if (dataTransformer !== undefined && typeof dataTransformer !== "function") {
    throw new StorageValidationError("dataTransformer is a function of rows");
  }
  if (allowDestructiveMigration !== undefined && typeof allowDestructiveMigration !== "boolean") {
    throw new StorageValidationError("allowDestructiveMigration is true or false");
  }
  if (useBroadcastChannel !== undefined && typeof useBroadcastChannel !== "boolean") {
    throw new StorageValidationError("useBroadcastChannel is true or false");
  }
  if (interval !== undefined && !(typeof interval === "number" && interval >= 0)) {
    throw new StorageValidationError("backupPollingIntervalMs is a number of milliseconds");
  }
}
