import { StorageError, type StorageErrorOptions } from "./StorageError.ts";

/** The database is locked, overloaded or unreachable at the moment. Code `BUSY`. */
export class StorageBusyError extends StorageError {
  override get name(): string {
    return "StorageBusyError";
  }

  constructor(message: string, options?: StorageErrorOptions) {
    super(message, { ...options, kind: "transient", code: options?.code ?? "BUSY" });
  }
}
