type SchemaTypeName = "string" | "number" | "integer" | "boolean" | "object" | "array" | "null";

/** A JSON Schema with the keywords that storages and tasks understand beside it. */
export interface DataPortSchemaKeywords {
  readonly $id?: string;
  readonly $ref?: string;
  readonly $schema?: string;
  readonly $comment?: string;
  readonly type?: SchemaTypeName | readonly SchemaTypeName[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly nullable?: boolean;

  readonly multipleOf?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maxLength?: number;
  readonly minLength?: number;
  readonly pattern?: string;

  readonly items?: DataPortSchema | readonly DataPortSchema[];
  readonly additionalItems?: DataPortSchema;
  readonly contains?: DataPortSchema;
  readonly maxItems?: number;
  readonly minItems?: number;
  readonly uniqueItems?: boolean;

  readonly properties?: Readonly<Record<string, DataPortSchema>>;
  readonly patternProperties?: Readonly<Record<string, DataPortSchema>>;
  readonly additionalProperties?: DataPortSchema;
  readonly unevaluatedProperties?: DataPortSchema;
  readonly propertyNames?: DataPortSchema;
  readonly dependencies?: Readonly<Record<string, DataPortSchema | readonly string[]>>;
  readonly required?: readonly string[];
  readonly maxProperties?: number;
  readonly minProperties?: number;

  readonly if?: DataPortSchema;
  readonly then?: DataPortSchema;
  readonly else?: DataPortSchema;
  readonly allOf?: readonly DataPortSchema[];
  readonly anyOf?: readonly DataPortSchema[];
  readonly oneOf?: readonly DataPortSchema[];
  readonly not?: DataPortSchema;
  readonly definitions?: Readonly<Record<string, DataPortSchema>>;

  /**
   * `date-time`, `int64`, `metadata`, `TypedArray`, `TypedArray:Float32Array`, `storage:tabular`,
   * or any other; unknown formats mean nothing to a storage.
   */
  readonly format?: string;
  /** `blob`: bytes, a Uint8Array in and out. */
  readonly contentEncoding?: string;
  readonly contentMediaType?: string;

  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly readOnly?: boolean;
  readonly writeOnly?: boolean;

  /** The storage makes the value: a UUID for a string, the next number for an integer. */
  readonly "x-auto-generated"?: boolean;
  readonly [extension: `x-${string}`]: unknown;
}

/** The schema of a row, a value or a task's ports: an object with named properties. */
export interface DataPortSchemaObject extends DataPortSchemaKeywords {
  readonly type: "object";
  readonly properties: Readonly<Record<string, DataPortSchema>>;
}

/** Any schema: of an object, of anything else, or `true` and `false` for all and nothing. */
export type DataPortSchema = DataPortSchemaObject | DataPortSchemaKeywords | boolean;
