import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import * as errors from "../src/errors/index.ts";
import { errorKind, isTransient, StorageError, StorageValidationError } from "../src/index.ts";

type Message = new (message: string, options?: { cause?: unknown }) => StorageError;

const family: readonly (readonly [Message, string, string])[] = [
  [errors.StorageValidationError, "invalid", "VALIDATION"],
  [errors.StorageEmptyCriteriaError, "invalid", "EMPTY_CRITERIA"],
  [errors.StorageInvalidLimitError, "invalid", "INVALID_LIMIT"],
  [errors.StorageInvalidColumnError, "invalid", "INVALID_COLUMN"],
  [errors.StorageInvalidCursorError, "invalid", "INVALID_CURSOR"],
  [errors.StorageConflictError, "invalid", "CONFLICT"],
  [errors.StorageTransactionError, "invalid", "TRANSACTION"],
  [errors.StorageClosedError, "invalid", "CLOSED"],
  [errors.StorageNotSetUpError, "fatal", "NOT_SET_UP"],
  [errors.StorageTimeoutError, "transient", "TIMEOUT"],
  [errors.StorageBusyError, "transient", "BUSY"],
  [errors.StorageCorruptError, "fatal", "CORRUPT"],
  [errors.StorageFullError, "fatal", "FULL"],
  [errors.StorageReadOnlyError, "fatal", "READ_ONLY"],
];

describe("storage errors", () => {
  test.each(family)("%o carries its kind, code, name and cause", (Class, kind, code) => {
    const cause = new Error("driver");
    const error = new Class("no luck", { cause });
    expect(error).toBeInstanceOf(StorageError);
    expect(error).toMatchObject({ kind, code, message: "no luck", cause, name: Class.name });
    expect(error.stack).toContain("errors.test.ts");
    expect(String(error)).toBe(`${Class.name}: no luck`);
    expect(Object.hasOwn(new Class("x"), "cause")).toBe(false);
  });

  test("criteria, limits, columns and cursors are validation errors", () => {
    expect(new errors.StorageEmptyCriteriaError()).toBeInstanceOf(StorageValidationError);
    expect(new errors.StorageInvalidLimitError("x")).toBeInstanceOf(StorageValidationError);
    expect(new errors.StorageInvalidColumnError("x")).toBeInstanceOf(StorageValidationError);
    expect(new errors.StorageInvalidCursorError("x")).toBeInstanceOf(StorageValidationError);
  });

  test("an operation that is not supported names the backend", () => {
    const error = new errors.StorageUnsupportedError("subscriptions", "HuggingFace");
    expect(error).toMatchObject({ kind: "invalid", code: "UNSUPPORTED", backend: "HuggingFace" });
    expect(error.message).toBe("HuggingFace does not support subscriptions");
    expect(error.locate("data", "ignored").operation).toBe("subscriptions");
  });

  test("a schema mismatch lists the differences", () => {
    const error = new errors.StorageSchemaMismatchError("table differs", [
      "a is text",
      "b is gone",
    ]);
    expect(error).toMatchObject({ kind: "fatal", code: "SCHEMA_MISMATCH" });
    expect(error.differences).toEqual(["a is text", "b is gone"]);
    expect(error.message).toBe("table differs\n  - a is text\n  - b is gone");
  });

  test("a finer code may replace the class's own", () => {
    expect(new StorageValidationError("x", { code: "KEY_TOO_LONG" }).code).toBe("KEY_TOO_LONG");
  });
});

describe("locate", () => {
  test("names the place in properties and message, once", () => {
    const error = new StorageValidationError("bad").locate("users", "put");
    expect(error).toMatchObject({ storage: "users", operation: "put" });
    expect(error.locate("outer", "get").message).toBe("users.put: bad");
    expect(error).toMatchObject({ storage: "users", operation: "put" });
  });

  test("fills only what is missing", () => {
    const error = new StorageValidationError("bad", { operation: "query" });
    expect(error.message).toBe("bad");
    expect(error.locate("users", "put").message).toBe("users.query: bad");
  });

  test("a place given at once is in the message at once", () => {
    const error = new StorageValidationError("bad", { storage: "users", operation: "put" });
    expect(error.locate("x", "y").message).toBe("users.put: bad");
  });

  test("a printed error shows its code and place", () => {
    const printed = inspect(new StorageValidationError("bad").locate("users", "put"));
    expect(printed).toContain("StorageValidationError");
    expect(printed).toContain("code: 'VALIDATION'");
    expect(printed).toContain("operation: 'put'");
  });
});

describe("errorKind and isTransient", () => {
  test("follow the causes to the first error with a kind", () => {
    const busy = new errors.StorageBusyError("locked");
    const wrapped = new Error("outer", { cause: new Error("middle", { cause: busy }) });
    expect(errorKind(wrapped)).toBe("transient");
    expect(isTransient(wrapped)).toBe(true);
    const fatal = new errors.StorageCorruptError("page 3", { cause: busy });
    expect(errorKind(fatal)).toBe("fatal");
    expect(isTransient(fatal)).toBe(false);
  });

  test("know nothing of foreign errors, values and rings", () => {
    const ring = new Error("ring");
    ring.cause = ring;
    for (const value of [ring, new Error("x"), undefined, null, "transient", { kind: "odd" }]) {
      expect(errorKind(value)).toBeUndefined();
      expect(isTransient(value)).toBe(false);
    }
    expect(errorKind({ kind: "transient" })).toBeUndefined();
  });

  test("recognise errors of another copy of the package", () => {
    expect(isTransient(Object.assign(new Error("x"), { kind: "transient", code: "BUSY" }))).toBe(
      true,
    );
  });
});
