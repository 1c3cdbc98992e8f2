import { StorageError, type StorageErrorOptions } from "./StorageError.ts";

/** A call or a wait took longer than allowed. Code `TIMEOUT`. */
export class StorageTimeoutError extends StorageError {
  override get name(): string {
    return "StorageTimeoutError";
  }

  constructor(message: string, options?: StorageErrorOptions) {
    super(message, { ...options, kind: "transient", code: options?.code ?? "TIMEOUT" });
  }
}
