import { StorageError, type StorageErrorOptions } from "./StorageError.ts";

/** The call is wrong; nothing was stored. Code `VALIDATION`, or a finer one. */
export class StorageValidationError extends StorageError {
  override get name(): string {
    return "StorageValidationError";
  }

  constructor(message: string, options?: StorageErrorOptions) {
    super(message, { ...options, kind: "invalid", code: options?.code ?? "VALIDATION" });
  }
}

/** `query({})`: criteria without a single condition. Code `EMPTY_CRITERIA`. */
export class StorageEmptyCriteriaError extends StorageValidationError {
  override get name(): string {
    return "StorageEmptyCriteriaError";
  }

  constructor(message = "criteria must name at least one column", options?: StorageErrorOptions) {
    super(message, { ...options, code: options?.code ?? "EMPTY_CRITERIA" });
  }
}

/** A limit, page size or offset outside its range. Code `INVALID_LIMIT`. */
export class StorageInvalidLimitError extends StorageValidationError {
  override get name(): string {
    return "StorageInvalidLimitError";
  }

  constructor(message: string, options?: StorageErrorOptions) {
    super(message, { ...options, code: options?.code ?? "INVALID_LIMIT" });
  }
}

/** A column that the schema does not have. Code `INVALID_COLUMN`. */
export class StorageInvalidColumnError extends StorageValidationError {
  override get name(): string {
    return "StorageInvalidColumnError";
  }

  constructor(message: string, options?: StorageErrorOptions) {
    super(message, { ...options, code: options?.code ?? "INVALID_COLUMN" });
  }
}

/** A page cursor that this query did not give out. Code `INVALID_CURSOR`. */
export class StorageInvalidCursorError extends StorageValidationError {
  override get name(): string {
    return "StorageInvalidCursorError";
  }

  constructor(message: string, options?: StorageErrorOptions) {
    super(message, { ...options, code: options?.code ?? "INVALID_CURSOR" });
  }
}
