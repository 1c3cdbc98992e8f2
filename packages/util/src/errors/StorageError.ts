/**
 * What a caller can do about an error: `invalid` — change the call; `transient` — try it again
 * later; `fatal` — a person has to look at the database.
 */
export type StorageErrorKind = "invalid" | "transient" | "fatal";

/** Where an error arose and what led to it; taken by every error of the family. */
export interface StorageErrorContext {
  /** Name of the storage, e.g. its table. */
  readonly storage?: string;
  /** Name of the method that failed, e.g. `put`. */
  readonly operation?: string;
  /** The error underneath, usually the driver's. */
  readonly cause?: unknown;
}

/** A context that may also replace the class's own code with a finer one. */
export interface StorageErrorOptions extends StorageErrorContext {
  readonly code?: string;
}

/**
 * Base of all errors that storages throw. `code` is stable across releases; messages may improve.
 * Once storage and operation are both known the message starts with `storage.operation: `.
 */
export class StorageError extends Error {
  override get name(): string {
    return "StorageError";
  }

  readonly kind: StorageErrorKind;
  readonly code: string;
  storage?: string;
  operation?: string;

  constructor(
    message: string,
    options: StorageErrorContext & { readonly kind: StorageErrorKind; readonly code: string },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = options.kind;
    this.code = options.code;
    if (options.storage !== undefined || options.operation !== undefined) {
      this.place(options.storage, options.operation);
    }
  }

  /**
   * Says where the error arose, unless it says so already: the innermost place wins, so that
   * layers may call this without looking.
   */
  locate(storage: string, operation: string): this {
    this.place(this.storage ?? storage, this.operation ?? operation);
    return this;
  }

  private place(storage: string | undefined, operation: string | undefined): void {
    const complete = this.storage !== undefined && this.operation !== undefined;
    if (storage !== undefined) this.storage = storage;
    if (operation !== undefined) this.operation = operation;
    if (!complete && storage !== undefined && operation !== undefined) {
      this.message = `${storage}.${operation}: ${this.message}`;
    }
  }
}
