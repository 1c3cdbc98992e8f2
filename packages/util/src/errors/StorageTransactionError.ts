import { StorageError, type StorageErrorOptions } from "./StorageError.ts";

/** A transaction is used against its rules, e.g. the storage instead of the handle given. Code `TRANSACTION`. */
export class StorageTransactionError extends StorageError {
  override get name(): string {
    return "StorageTransactionError";
  }

  constructor(message: string, options?: StorageErrorOptions) {
    super(message, { ...options, kind: "invalid", code: options?.code ?? "TRANSACTION" });
  }
}
