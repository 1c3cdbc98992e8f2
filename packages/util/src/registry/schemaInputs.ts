import type { DataPortSchema, DataPortSchemaKeywords } from "../schema/DataPortSchema.ts";
import { isPlainObject } from "../values/refuseValue.ts";

/** What happens to the values of an input on their way through its schema. */
export interface InputConversion {
  /** Whether values of that format are converted at all. */
  handles(format: string): boolean;
  /** Whether this value is one to convert; all others pass. */
  accepts(value: unknown): boolean;
  /** The value in its place; `undefined` where this format has none for it. */
  convert(value: unknown, format: string): unknown;
}

/** Whether an object's values may be walked through: instances of classes are values themselves. */
function isWalkable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && isPlainObject(value);
}

/** The input with its values converted where the schema says so; what changes is copied. */
export async function convertInput(
  value: unknown,
  schema: DataPortSchema,
  conversion: InputConversion,
): Promise<unknown> {
  if (value === null || value === undefined) return value;
  const variants = variantsOf(schema);
  if (conversion.accepts(value) && !isLiteral(value, variants)) {
    const converted = await convertByFormat(value, variants, conversion);
    if (converted !== undefined) return converted;
  }
  if (Array.isArray(value)) return convertArray(value, variants, conversion);
  if (isWalkable(value)) return convertObject(value, variants, conversion);
  return value;
}

/** The schema and all that its unions offer, at any depth. */
function variantsOf(schema: DataPortSchema): DataPortSchemaKeywords[] {
  if (typeof schema === "boolean") return [];
  const { anyOf = [], oneOf = [], allOf = [] } = schema;
  return [schema, ...[...anyOf, ...oneOf, ...allOf].flatMap(variantsOf)];
}

/** A union may name values that mean themselves, such as `{ const: "none" }`. */
function isLiteral(value: unknown, variants: readonly DataPortSchemaKeywords[]): boolean {
  return variants.some(
    (variant) => variant.const === value || variant.enum?.includes(value) === true,
  );
}

/** Tries the formats in their order; only if all fail, the first failure counts. */
async function convertByFormat(
  value: unknown,
  variants: readonly DataPortSchemaKeywords[],
  conversion: InputConversion,
): Promise<unknown> {
  const failures: unknown[] = [];
  for (const { format } of variants) {
    if (format === undefined || !conversion.handles(format)) continue;
    try {
      const converted = await conversion.convert(value, format);
      if (converted !== undefined) return converted;
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return undefined;
}

function convertArray(
  array: readonly unknown[],
  variants: readonly DataPortSchemaKeywords[],
  conversion: InputConversion,
): Promise<unknown[]> | readonly unknown[] {
  const schemaOfItem = itemSchemas(variants, conversion);
  if (schemaOfItem === undefined) return array;
  return Promise.all(
    array.map((item, index) => convertInput(item, schemaOfItem(index), conversion)),
  );
}

/** Finds the schema of each item; `undefined` where no item can change, however many there are. */
function itemSchemas(
  variants: readonly DataPortSchemaKeywords[],
  conversion: InputConversion,
): ((index: number) => DataPortSchema) | undefined {
  for (const { items, additionalItems = true } of variants) {
    if (items === undefined || typeof items === "boolean") continue;
    if (isTuple(items)) return (index) => items[index] ?? additionalItems;
    if (mayConvert(items, conversion)) return () => items;
  }
  // A list of ids may carry the format itself.
  const listed = variants.filter(
    ({ format }) => format !== undefined && conversion.handles(format),
  );
  if (listed.length === 0) return undefined;
  const item: DataPortSchema = { anyOf: listed.map(({ format }) => ({ format })) };
  return () => item;
}

function isTuple(
  items: DataPortSchema | readonly DataPortSchema[],
): items is readonly DataPortSchema[] {
  return Array.isArray(items);
}

function mayConvert(schema: DataPortSchema, conversion: InputConversion): boolean {
  return variantsOf(schema).some(
    ({ format, items, properties, additionalProperties }) =>
      (format !== undefined && conversion.handles(format)) ||
      items !== undefined ||
      properties !== undefined ||
      typeof additionalProperties === "object",
  );
}

async function convertObject(
  object: Readonly<Record<string, unknown>>,
  variants: readonly DataPortSchemaKeywords[],
  conversion: InputConversion,
): Promise<unknown> {
  // The schema itself holds in any case; of what it offers, only what the object can be.
  const fitting = variants.filter((variant, index) => index === 0 || fits(object, variant));
  const entries = Object.entries(object).map(async ([key, value]) => {
    const schema = propertySchema(key, fitting);
    return [key, schema ? await convertInput(value, schema, conversion) : value] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** Whether the literals and required properties of a variant let the object be one of its kind. */
function fits(object: Readonly<Record<string, unknown>>, variant: DataPortSchemaKeywords): boolean {
  const { properties = {}, required = [] } = variant;
  if (!required.every((key) => Object.hasOwn(object, key))) return false;
  return Object.entries(properties).every(([key, schema]) => {
    if (typeof schema === "boolean" || !Object.hasOwn(object, key)) return true;
    if (schema.const !== undefined) return schema.const === object[key];
    return schema.enum === undefined || schema.enum.includes(object[key]);
  });
}

function propertySchema(
  key: string,
  variants: readonly DataPortSchemaKeywords[],
): DataPortSchema | undefined {
  const schemas = variants.flatMap(({ properties, additionalProperties }) => {
    if (properties && Object.hasOwn(properties, key)) return [properties[key] as DataPortSchema];
    return typeof additionalProperties === "object" ? [additionalProperties] : [];
  });
  return schemas.length > 1 ? { anyOf: schemas } : schemas[0];
}
