import { StorageValidationError } from "@workglow/util";
import type { DataPortSchema, DataPortSchemaObject } from "@workglow/util/schema";
import type { Column } from "../tabular/schema/Column.ts";
import { TableSchema } from "../tabular/schema/TableSchema.ts";

/** The rows of a key-value storage without schemas: `value` holds JSON, `bytes` a `Uint8Array`. */
export const DefaultKeyValueSchema = {
  type: "object",
  properties: {
    key: { type: "string" },
    value: {},
    bytes: { type: "string", contentEncoding: "blob" },
  },
  required: ["key"],
  additionalProperties: false,
} as const satisfies DataPortSchemaObject;

/** The primary key of {@link DefaultKeyValueSchema}. */
export const DefaultKeyValueKey = ["key"] as const;

const SAYS_TYPE = ["type", "anyOf", "oneOf", "enum", "const"] as const;

/**
 * The rows of a key-value storage whose keys and values have schemas. A value schema that names no
 * type, like none at all, lets values be any JSON or bytes.
 *
 * @throws StorageValidationError for the schema `false`, which allows nothing
 */
export function keyValueSchema(
  keySchema: DataPortSchema = DefaultKeyValueSchema.properties.key,
  valueSchema: DataPortSchema = true,
): DataPortSchemaObject {
  if (keySchema === false || valueSchema === false) {
    throw new StorageValidationError(
      "a schema that allows nothing is of no use for keys or values",
    );
  }
  const isAny = typeof valueSchema === "boolean" || !SAYS_TYPE.some((name) => name in valueSchema);
  const properties = isAny
    ? { ...DefaultKeyValueSchema.properties, key: keySchema }
    : { key: keySchema, value: valueSchema };
  const required = isAny ? ["key"] : ["key", "value"];
  return { type: "object", properties, required, additionalProperties: false };
}

/** Where the rows of a key-value storage keep what. */
export interface KvColumns {
  readonly table: TableSchema;
  readonly key: Column;
  readonly value: Column;
  /** Where bytes are kept, if `value` takes any JSON but no bytes. */
  readonly bytes: Column | undefined;
}

/**
 * Finds the columns in a row's schema: one key column of texts or numbers, and either one other
 * column or the two of {@link DefaultKeyValueSchema}.
 *
 * @throws StorageValidationError for any other schema
 */
export function kvColumns(
  schema: DataPortSchemaObject,
  primaryKeyNames: readonly PropertyKey[],
): KvColumns {
  const table = new TableSchema(schema, primaryKeyNames);
  const [key, ...furtherKeys] = table.keyColumns;
  if (key === undefined || furtherKeys.length > 0 || !KEY_TYPES.has(key.type)) {
    throw new StorageValidationError("a key-value storage has one key, a text or a number");
  }
  const { valueColumns } = table;
  const bytes = valueColumns.length === 2 ? valueColumns.find(isBytes) : undefined;
  const value = valueColumns.find((column) => column !== bytes);
  if (value === undefined || valueColumns.length > 2 || (valueColumns.length === 2 && !bytes)) {
    throw new StorageValidationError(
      'a key-value storage has one column beside the key, or "value" and "bytes"',
    );
  }
  return { table, key, value, bytes };
}

const KEY_TYPES: ReadonlySet<Column["type"]> = new Set([
  "string",
  "number",
  "integer",
  "date-time",
]);

const isBytes = ({ name, type }: Column): boolean => name === "bytes" && type === "blob";
