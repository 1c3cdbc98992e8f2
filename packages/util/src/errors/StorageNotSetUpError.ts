import { StorageError, type StorageErrorOptions } from "./StorageError.ts";

/** The table is missing: call `setupDatabase()`, or run what `schemaSql()` prints. Code `NOT_SET_UP`. */
export class StorageNotSetUpError extends StorageError {
  override get name(): string {
    return "StorageNotSetUpError";
  }

  constructor(message: string, options?: StorageErrorOptions) {
    super(message, { ...options, kind: "fatal", code: options?.code ?? "NOT_SET_UP" });
  }
}
