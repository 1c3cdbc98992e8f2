import type { DataPortSchemaObject } from "@workglow/util/schema";

type PropertyName<Schema extends DataPortSchemaObject> = keyof Schema["properties"] & string;

/**
 * The schema's vector: its first property of type `array` with the format `TypedArray` or
 * `TypedArray:*`.
 */
export function getVectorProperty<Schema extends DataPortSchemaObject>(
  schema: Schema,
): PropertyName<Schema> | undefined {
  return firstProperty(schema, "array", (format) => /^TypedArray(:|$)/.test(format));
}

/** The schema's metadata: its first property of type `object` with the format `metadata`. */
export function getMetadataProperty<Schema extends DataPortSchemaObject>(
  schema: Schema,
): PropertyName<Schema> | undefined {
  return firstProperty(schema, "object", (format) => format === "metadata");
}

function firstProperty<Schema extends DataPortSchemaObject>(
  schema: Schema,
  type: string,
  isFormat: (format: string) => boolean,
): PropertyName<Schema> | undefined {
  for (const [name, node] of Object.entries(schema.properties ?? {})) {
    if (typeof node !== "object" || node === null || node.type !== type) continue;
    if (typeof node.format === "string" && isFormat(node.format)) return name;
  }
  return undefined;
}
