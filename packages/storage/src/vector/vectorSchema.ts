import { StorageUnsupportedError, StorageValidationError } from "@workglow/util";
import {
  type DataPortSchemaObject,
  type TypedArrayConstructor,
  type TypedArrayName,
  typedArrayConstructors,
} from "@workglow/util/schema";
import { isTypedArrayName } from "../tabular/schema/typedArrayFormat.ts";
import { getVectorProperty } from "./vectorProperties.ts";

const DEFAULT_ARRAY: TypedArrayName = "Float32Array";

/**
 * The schema of a vector storage's rows: where it leaves the vector's array type open, the type is
 * `vectorCtor`'s, or `Float32Array`.
 *
 * @throws StorageValidationError for a schema without a vector, or with another type than given,
 *   and for dimensions that are no integer of 1 or more
 * @throws StorageUnsupportedError where the runtime lacks the type (`Float16Array` before Node 24)
 */
export function vectorSchema<Schema extends DataPortSchemaObject>(
  schema: Schema,
  dimensions: number,
  vectorCtor: TypedArrayConstructor | undefined,
): Schema {
  if (!Number.isSafeInteger(dimensions) || dimensions < 1) {
    throw new StorageValidationError("the dimensions are an integer of 1 or more");
  }
  const name = getVectorProperty(schema ?? {});
  if (name === undefined) {
    throw new StorageValidationError(
      "Schema must have a property with type array and format TypedArray",
    );
  }
  const property = schema.properties[name] as { readonly format: string };
  const declared = declaredArray(property.format);
  const wanted = vectorCtor === undefined ? undefined : constructorName(vectorCtor);
  if (declared !== undefined && wanted !== undefined && declared !== wanted) {
    throw new StorageValidationError(
      `the schema's vector "${name}" is a ${declared}, and the storage is given ${wanted}`,
    );
  }
  const arrayName = declared ?? wanted ?? DEFAULT_ARRAY;
  if (typedArrayConstructors[arrayName] === undefined) {
    throw new StorageUnsupportedError(arrayName, "this JavaScript runtime");
  }
  if (declared !== undefined) return schema;
  const typed = { ...property, format: `TypedArray:${arrayName}` };
  return { ...schema, properties: { ...schema.properties, [name]: typed } };
}

function declaredArray(format: string): TypedArrayName | undefined {
  const name = format.slice("TypedArray:".length);
  if (name === "") return undefined;
  if (isTypedArrayName(name)) return name;
  throw new StorageValidationError(`the schema has an unknown format "${format}"`);
}

function constructorName(vectorCtor: TypedArrayConstructor): TypedArrayName {
  for (const [name, candidate] of Object.entries(typedArrayConstructors)) {
    if (candidate === vectorCtor) return name as TypedArrayName;
  }
  throw new StorageValidationError("vectorCtor is no typed array that vectors can have");
}
