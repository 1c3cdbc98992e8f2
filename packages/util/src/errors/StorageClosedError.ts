import { StorageError, type StorageErrorOptions } from "./StorageError.ts";

/** The storage, or what it needs, has been destroyed. Code `CLOSED`. */
export class StorageClosedError extends StorageError {
  override get name(): string {
    return "StorageClosedError";
  }

  constructor(message: string, options?: StorageErrorOptions) {
    super(message, { ...options, kind: "invalid", code: options?.code ?? "CLOSED" });
  }
}
