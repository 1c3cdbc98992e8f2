import { StorageError, type StorageErrorOptions } from "./StorageError.ts";

/**
 * The table differs from the schema in more than what `setupDatabase()` may add. The message ends
 * with one line for each difference. Code `SCHEMA_MISMATCH`.
 */
export class StorageSchemaMismatchError extends StorageError {
  override get name(): string {
    return "StorageSchemaMismatchError";
  }

  readonly differences: readonly string[];

  constructor(message: string, differences: readonly string[], options?: StorageErrorOptions) {
    super([message, ...differences.map((difference) => `  - ${difference}`)].join("\n"), {
      ...options,
      kind: "fatal",
      code: options?.code ?? "SCHEMA_MISMATCH",
    });
    this.differences = [...differences];
  }
}
