import { StorageError, type StorageErrorOptions } from "./StorageError.ts";

/** The backend cannot do this; its `capabilities` say so beforehand. Code `UNSUPPORTED`. */
export class StorageUnsupportedError extends StorageError {
  override get name(): string {
    return "StorageUnsupportedError";
  }

  readonly backend: string;

  constructor(operation: string, backend: string, options?: StorageErrorOptions) {
    super(`${backend} does not support ${operation}`, {
      ...options,
      operation: options?.operation ?? operation,
      kind: "invalid",
      code: options?.code ?? "UNSUPPORTED",
    });
    this.backend = backend;
  }
}
