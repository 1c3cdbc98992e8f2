import type { StorageErrorKind } from "./StorageError.ts";

const KINDS: ReadonlySet<unknown> = new Set<StorageErrorKind>(["invalid", "transient", "fatal"]);

/** Causes may form a ring; a real chain is never this long. */
const MAX_CAUSES = 32;

/**
 * The kind of the first error with one along the chain of causes, the error itself included;
 * `undefined` for foreign errors. Works on shape, so that two copies of this package in one
 * program understand each other.
 */
export function errorKind(error: unknown): StorageErrorKind | undefined {
  let current = error;
  for (let depth = 0; depth < MAX_CAUSES; depth++) {
    if (typeof current !== "object" || current === null) return undefined;
    const { kind, code, cause } = current as { kind?: unknown; code?: unknown; cause?: unknown };
    if (typeof code === "string" && KINDS.has(kind)) return kind as StorageErrorKind;
    current = cause;
  }
  return undefined;
}

/** Whether the same call may succeed when it is made again. */
export function isTransient(error: unknown): boolean {
  return errorKind(error) === "transient";
}
