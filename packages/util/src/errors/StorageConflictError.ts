import { StorageError, type StorageErrorOptions } from "./StorageError.ts";

/** A key, a unique index or an expectation did not hold. Code `CONFLICT`. */
export class StorageConflictError extends StorageError {
  override get name(): string {
    return "StorageConflictError";
  }

  constructor(message: string, options?: StorageErrorOptions) {
    super(message, { ...options, kind: "invalid", code: options?.code ?? "CONFLICT" });
  }
}
