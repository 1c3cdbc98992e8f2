import { StorageError, type StorageErrorOptions } from "./StorageError.ts";

/** The database file or what is stored in it is damaged. Code `CORRUPT`. */
export class StorageCorruptError extends StorageError {
  override get name(): string {
    return "StorageCorruptError";
  }

  constructor(message: string, options?: StorageErrorOptions) {
    super(message, { ...options, kind: "fatal", code: options?.code ?? "CORRUPT" });
  }
}
