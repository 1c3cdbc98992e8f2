export { errorKind, isTransient } from "./errorKind.ts";
export { CircularDependencyError, ServiceNotRegisteredError } from "./ServiceError.ts";
export { StorageBusyError } from "./StorageBusyError.ts";
export { StorageClosedError } from "./StorageClosedError.ts";
export { StorageConflictError } from "./StorageConflictError.ts";
export { StorageCorruptError } from "./StorageCorruptError.ts";
export {
  StorageError,
  type StorageErrorContext,
  type StorageErrorKind,
  type StorageErrorOptions,
} from "./StorageError.ts";
export { StorageFullError } from "./StorageFullError.ts";
export { StorageNotSetUpError } from "./StorageNotSetUpError.ts";
export { StorageReadOnlyError } from "./StorageReadOnlyError.ts";
export { StorageSchemaMismatchError } from "./StorageSchemaMismatchError.ts";
export { StorageTimeoutError } from "./StorageTimeoutError.ts";
export { StorageTransactionError } from "./StorageTransactionError.ts";
export { StorageUnsupportedError } from "./StorageUnsupportedError.ts";
export {
  StorageEmptyCriteriaError,
  StorageInvalidColumnError,
  StorageInvalidCursorError,
  StorageInvalidLimitError,
  StorageValidationError,
} from "./StorageValidationError.ts";
