import { StorageValidationError } from "@workglow/util";
import { describeType } from "../tabular/schema/canonicalValue.ts";

/**
 * What a function of the user's has given for a row, if it can be one: what has no columns would
 * wipe the row out.
 *
 * @param giver names the function, for the message
 * @throws StorageValidationError for anything but an object of columns, a promise above all
 */
export function givenRow(giver: string, given: unknown): Readonly<Record<string, unknown>> {
  const isPromise = ignoresPromise(given);
  if (!isPromise && isObjectOfColumns(given)) return given;
  const hint = isPromise ? ": it must not be asynchronous" : "";
  throw new StorageValidationError(`${giver} gives a row, not ${describeType(given)}${hint}`);
}

/** Whether it is a promise; one that rejects is not to be reported as unhandled then. */
function ignoresPromise(given: unknown): boolean {
  if (typeof (given as { then?: unknown } | null | undefined)?.then !== "function") return false;
  void Promise.resolve(given).catch(() => undefined);
  return true;
}

/** Unlike `instanceof` true for objects of other realms, too. */
function isObjectOfColumns(given: unknown): given is Readonly<Record<string, unknown>> {
  return Object.prototype.toString.call(given) === "[object Object]";
}
