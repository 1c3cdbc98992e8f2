import { StorageValidationError } from "../errors/StorageValidationError.ts";
import type { DataPortSchema } from "../schema/DataPortSchema.ts";
import { globalServiceRegistry, type ServiceRegistry } from "./ServiceRegistry.ts";
import { convertInput } from "./schemaInputs.ts";

/**
 * Finds what an id stands for.
 *
 * @throws an error that says what was not found
 */
export type InputResolver<T = unknown> = (
  id: string,
  format: string,
  registry: ServiceRegistry,
) => T | Promise<T>;

/** The way back: the id of an instance, `undefined` if it has none. */
export type InputCompactor = (
  instance: unknown,
  format: string,
  registry: ServiceRegistry,
) => string | undefined | Promise<string | undefined>;

export interface InputResolutionOptions {
  /** Where to look ids up; the global registry by default. */
  readonly registry?: ServiceRegistry;
}

const resolvers = /* @__PURE__ */ new Map<string, InputResolver>();
const compactors = /* @__PURE__ */ new Map<string, InputCompactor>();

/**
 * Says how ids of a format become instances.
 *
 * @param formatPrefix a whole format (`storage:tabular`), or what stands before its colon
 * (`storage`); the whole one is preferred. A second registration replaces the first.
 */
export function registerInputResolver(formatPrefix: string, resolver: InputResolver): void {
  resolvers.set(formatPrefix, resolver);
}

/** Says how instances of a format become ids again; `formatPrefix` as for the resolver. */
export function registerInputCompactor(formatPrefix: string, compactor: InputCompactor): void {
  compactors.set(formatPrefix, compactor);
}

/**
 * Puts instances in the place of ids wherever the schema has a format that somebody registered a
 * resolver for: strings, lists of strings and nested objects, in unions as well. What is an
 * instance already stays. The input itself is not changed.
 *
 * @throws what the resolver throws for an unknown id
 */
export async function resolveSchemaInputs<Input>(
  input: Input,
  schema: DataPortSchema,
  options: InputResolutionOptions = {},
): Promise<Input> {
  const { registry = globalServiceRegistry } = options;
  const resolved = await convertInput(input, schema, {
    handles: (format) => findByFormat(resolvers, format) !== undefined,
    accepts: (value) => typeof value === "string",
    convert: (id, format) => resolveId(id as string, format, registry),
  });
  return resolved as Input;
}

/**
 * Puts ids in the place of instances: the way back from `resolveSchemaInputs`. An instance that
 * the compactor has no id for stays. The input itself is not changed.
 */
export async function compactSchemaInputs<Input>(
  input: Input,
  schema: DataPortSchema,
  options: InputResolutionOptions = {},
): Promise<Input> {
  const { registry = globalServiceRegistry } = options;
  const compacted = await convertInput(input, schema, {
    handles: (format) => findByFormat(compactors, format) !== undefined,
    accepts: (value) => typeof value === "object" && !Array.isArray(value),
    convert: (instance, format) => findByFormat(compactors, format)?.(instance, format, registry),
  });
  return compacted as Input;
}

async function resolveId(id: string, format: string, registry: ServiceRegistry): Promise<unknown> {
  const instance = await findByFormat(resolvers, format)?.(id, format, registry);
  if (instance === undefined || instance === null) {
    throw new StorageValidationError(`Nothing found for ${format} "${id}"`, { code: "UNKNOWN_ID" });
  }
  return instance;
}

function findByFormat<T>(registered: ReadonlyMap<string, T>, format: string): T | undefined {
  const colon = format.indexOf(":");
  const exact = registered.get(format);
  return exact === undefined && colon > 0 ? registered.get(format.slice(0, colon)) : exact;
}
