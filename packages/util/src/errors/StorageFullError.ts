import { StorageError, type StorageErrorOptions } from "./StorageError.ts";

/** There is no room left to store anything. Code `FULL`. */
export class StorageFullError extends StorageError {
  override get name(): string {
    return "StorageFullError";
  }

  constructor(message: string, options?: StorageErrorOptions) {
    super(message, { ...options, kind: "fatal", code: options?.code ?? "FULL" });
  }
}
