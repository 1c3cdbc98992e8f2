import { StorageValidationError } from "../errors/StorageValidationError.ts";

/** Deeper values are refused: no database and no reader is made for them. */
export const MAX_JSON_DEPTH = 1000;

/**
 * The keys on the way to the value in hand, by depth: where an error is, at the price of one
 * assignment for each container. Walks are synchronous, so all may share it.
 */
export const trail: (string | number)[] = [];

/** @throws StorageValidationError that names the place of the value; never the value itself */
export function refuseValue(where: string, depth: number, problem: string): never {
  const path = trail.slice(0, depth).map(describeStep).join("");
  throw new StorageValidationError(`${where}${path} ${problem}`);
}

function describeStep(step: string | number): string {
  if (typeof step === "number") return `[${step}]`;
  return /^[A-Za-z_$][\w$]*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
}

/** Says what a value is that JSON cannot hold. */
export function describeUnstorable(value: unknown): string {
  if (value === undefined) return "is undefined";
  if (typeof value === "number") return `is ${value}, which is no number to store`;
  if (typeof value !== "object" || value === null) return `is a ${typeof value}, which is no JSON`;
  const name: unknown = value.constructor?.name;
  const kind = typeof name === "string" && name !== "" ? name : "class instance";
  return `is a ${kind}, which is no plain JSON value`;
}

/** Whether an object is a literal, of this or another realm, and no instance of a class. */
export function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    prototype === Object.prototype ||
    prototype === null ||
    (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, "toString"))
  );
}
