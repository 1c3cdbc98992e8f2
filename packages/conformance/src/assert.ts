import { show } from "./show.ts";

/** A promise that the storage under test does not keep. */
export class ConformanceError extends Error {
  override get name(): string {
    return "ConformanceError";
  }
}

export function fail(message: string): never {
  throw new ConformanceError(message);
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) fail(message);
}

/** Deep and strict: types, prototypes of arrays, `-0` and absent properties count. */
export function assertEqual(actual: unknown, expected: unknown, what = "the result"): void {
  const found = difference(actual, expected, "");
  if (found === undefined) return;
  if (found.path === "") fail(`${what} is ${show(actual)}, not ${show(expected)}`);
  const [inner, wanted] = [show(found.actual), show(found.expected)];
  fail(
    `${what} has at ${found.path} ${inner}, not ${wanted}: ${show(actual)}, not ${show(expected)}`,
  );
}

export function isEqual(a: unknown, b: unknown): boolean {
  return difference(a, b, "") === undefined;
}

interface Difference {
  readonly path: string;
  readonly actual: unknown;
  readonly expected: unknown;
}

/** Where two values first differ; `undefined` where they do not. */
function difference(actual: unknown, expected: unknown, path: string): Difference | undefined {
  if (Object.is(actual, expected)) return undefined;
  const here = { path, actual, expected };
  if (!isObject(actual) || !isObject(expected)) return here;
  if (className(actual) !== className(expected)) return here;
  if (actual instanceof Date) {
    return actual.getTime() === (expected as Date).getTime() ? undefined : here;
  }
  if (Array.isArray(actual) || ArrayBuffer.isView(actual)) {
    return listDifference(actual as ArrayLike<unknown>, expected as ArrayLike<unknown>, path);
  }
  for (const name of new Set([...Object.keys(actual), ...Object.keys(expected)])) {
    const inner = [propertyOf(actual, name), propertyOf(expected, name)];
    const found = difference(inner[0], inner[1], `${path}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function listDifference(
  actual: ArrayLike<unknown>,
  expected: ArrayLike<unknown>,
  path: string,
): Difference | undefined {
  for (let i = 0; i < Math.min(actual.length, expected.length); i++) {
    const found = difference(actual[i], expected[i], `${path}[${i}]`);
    if (found !== undefined) return found;
  }
  if (actual.length === expected.length) return undefined;
  return { path: `${path}.length`, actual: actual.length, expected: expected.length };
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

const ABSENT = Symbol("absent");

/** The own property, told apart from one that is there and undefined. */
function propertyOf(value: object, name: string): unknown {
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : ABSENT;
}

/** The value's class: a Buffer is no Uint8Array, an object without prototype is a plain one. */
function className(value: object): string {
  const prototype = Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null;
  return prototype?.constructor?.name ?? "Object";
}

/** What an error of the library shows of itself. */
export interface ExpectedError {
  /** The class, one or one of several. */
  readonly name?: string | readonly string[];
  readonly kind?: "invalid" | "transient" | "fatal";
}

/** What a rejected call threw. A call that throws instead of rejecting does not count. */
export async function rejection(action: () => Promise<unknown>, what: string): Promise<unknown> {
  let promise: Promise<unknown>;
  try {
    promise = action();
  } catch (error) {
    return fail(`${what}: it threw ${show(error)} instead of rejecting`);
  }
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  return fail(`${what}: it was accepted and gave ${show(value)}`);
}

/** Asserts that a call rejects with a typed error that says where it arose. */
export async function assertRejects(
  action: () => Promise<unknown>,
  expected: ExpectedError,
  what = "the call",
): Promise<void> {
  const error = await rejection(action, what);
  checkError(error, expected, what);
  const { storage, operation } = error as { storage?: unknown; operation?: unknown };
  assert(typeof storage === "string", `${what}: ${show(error)} does not name the storage`);
  assert(typeof operation === "string", `${what}: ${show(error)} does not name the operation`);
}

const invalid = (name: string | undefined): ExpectedError =>
  name === undefined ? { kind: "invalid" } : { kind: "invalid", name };

/** Asserts that bad input is refused as such. */
export function assertInvalid(
  action: () => Promise<unknown>,
  what: string,
  name?: string,
): Promise<void> {
  return assertRejects(action, invalid(name), what);
}

/** Asserts that a constructor or another synchronous call refuses its input. */
export function assertThrowsInvalid(action: () => unknown, what: string, name?: string): void {
  let thrown: { readonly error: unknown } | undefined;
  let value: unknown;
  try {
    value = action();
  } catch (error) {
    thrown = { error };
  }
  if (thrown === undefined) fail(`${what}: it was accepted and gave ${show(value)}`);
  checkError(thrown.error, invalid(name), what);
}

/** Words of the databases' own errors, which no caller should have to read. */
const DRIVER_WORDS = /SQLITE_|syntax error|no such (table|column)|near "|SQL logic error/i;

function checkError(error: unknown, { name, kind }: ExpectedError, what: string): void {
  assert(error instanceof Error, `${what}: ${show(error)} is no Error`);
  const names = name === undefined ? undefined : typeof name === "string" ? [name] : name;
  if (names !== undefined && !names.includes(error.name)) {
    fail(`${what}: ${show(error)} is no ${names.join(" or ")}`);
  }
  const found = (error as { kind?: unknown }).kind;
  if (kind !== undefined && found !== kind) {
    fail(`${what}: ${show(error)} is of kind ${show(found)}, not ${kind}`);
  }
  if (kind === "invalid" && DRIVER_WORDS.test(error.message)) {
    fail(`${what}: ${show(error)} shows the database's own error`);
  }
}

/** Waits until a condition holds, for things that other processes or timers bring about. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  what: string | (() => string),
  limitMs = 5_000,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > deadline) fail(typeof what === "string" ? what : what());
    await pause(5);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
