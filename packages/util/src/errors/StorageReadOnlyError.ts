import { StorageError, type StorageErrorOptions } from "./StorageError.ts";

/** The database accepts no writes. Code `READ_ONLY`. */
export class StorageReadOnlyError extends StorageError {
  override get name(): string {
    return "StorageReadOnlyError";
  }

  constructor(message: string, options?: StorageErrorOptions) {
    super(message, { ...options, kind: "fatal", code: options?.code ?? "READ_ONLY" });
  }
}
