import { StorageInvalidColumnError, StorageValidationError, utf8ByteLength } from "@workglow/util";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import { compareValues } from "../compareValues.ts";
import { type Column, columnOf } from "./Column.ts";
import {
  type CanonicalValue,
  canonicalValue,
  copyCanonical,
  describeType,
} from "./canonicalValue.ts";

/** A row (or a part of one) in canonical form. Absent properties are absent. */
export type Row = { [column: string]: CanonicalValue };

/** The value of a column, `undefined` where the row has none. */
export function cell(row: Readonly<Row>, column: Column): CanonicalValue | undefined {
  if (column.inherited && !Object.hasOwn(row, column.name)) return undefined;
  return row[column.name];
}

/** Longest text of one index entry, in UTF-8 bytes. */
export const MAX_INDEX_ENTRY_BYTES = 2000;

/** An index that the storage keeps; `columns` does not repeat the key. */
export interface IndexDefinition {
  readonly columns: readonly Column[];
  readonly unique: boolean;
}

/** Column names, single or in lists, as constructors take them. */
export type IndexList = readonly (string | readonly string[])[];

/**
 * A JSON schema, its primary key and its indexes, compiled: which columns there are, what they take,
 * and the one place where values become canonical rows.
 */
export class TableSchema {
  public readonly columns: readonly Column[];
  public readonly keyColumns: readonly Column[];
  /** The columns that are not part of the key. */
  public readonly valueColumns: readonly Column[];
  public readonly generated: Column | undefined;
  public readonly indexes: readonly IndexDefinition[];
  private readonly byName: ReadonlyMap<string, Column>;
  /** The columns whose values are objects. */
  private readonly objectColumns: readonly Column[];
  private readonly boundedEntries: readonly (readonly Column[])[];
  private readonly reservedBytes: number;

  /** @param reservedBytes what tenant columns take of each index entry, in UTF-8 bytes */
  public constructor(
    schema: DataPortSchemaObject,
    primaryKeyNames: readonly PropertyKey[],
    indexes: IndexList = [],
    uniqueIndexes: IndexList = [],
    reservedBytes = 0,
  ) {
    this.reservedBytes = reservedBytes;
    const keyNames = checkedKeyNames(schema, primaryKeyNames);
    const required = new Set(checkedList(schema.required, "the schema's required"));
    this.columns = Object.entries(schema.properties).map(([name, node], index) =>
      columnOf(checkedName(name), index, node, required.has(name), keyNames.includes(name)),
    );
    this.byName = new Map(this.columns.map((column) => [column.name, column]));
    this.keyColumns = keyNames.map((name) => this.byName.get(name) as Column);
    this.valueColumns = this.columns.filter((column) => !column.inKey);
    this.objectColumns = this.columns.filter(holdsObjects);
    this.generated = generatedColumn(this.columns);
    for (const column of this.keyColumns) checkKeyColumn(column);
    this.indexes = [
      ...checkedList(indexes, "the indexes").map((entry) => this.index(entry, false)),
      ...checkedList(uniqueIndexes, "the unique indexes").map((entry) => this.index(entry, true)),
    ];
    const entries = [
      this.keyColumns,
      ...this.indexes.map((i) => [...i.columns, ...this.keyColumns]),
    ];
    this.boundedEntries = entries
      .map((columns) => columns.filter((c) => c.type === "string" || c.type === "blob"))
      .filter((columns) => columns.length > 0);
  }

  /** @throws StorageInvalidColumnError for a name that the schema does not have */
  public column(name: PropertyKey): Column {
    const column = typeof name === "string" ? this.byName.get(name) : undefined;
    if (column === undefined) {
      throw new StorageInvalidColumnError(`there is no column ${nameInText(name)}`);
    }
    return column;
  }

  public has(name: string): boolean {
    return this.byName.has(name);
  }

  /**
   * A checked copy of a full row. A generated column may be missing; everything else that the
   * schema requires must be there, and nothing that it does not know.
   */
  public canonicalRow(value: unknown): Row {
    const input = asRecord(value, "a row");
    const row: Row = {};
    let seen = 0;
    for (const column of this.columns) {
      const given = Object.hasOwn(input, column.name) ? input[column.name] : undefined;
      if (given !== undefined) {
        row[column.name] = given === null ? canonicalNull(column) : canonicalValue(column, given);
        seen++;
      } else if (column.generated) {
        // the storage fills it in
      } else if (column.optional && !column.inKey) {
        // Where a property may be null and absent, both are kept as null.
        if (column.nullable) row[column.name] = null;
      } else {
        throw new StorageValidationError(`column "${column.name}" is required`);
      }
    }
    this.refuseUnknown(input, seen);
    this.checkEntrySizes(row);
    return row;
  }

  /** A checked copy of the key's columns; other columns of an entity are ignored if `fromEntity`. */
  public canonicalKey(value: unknown, fromEntity = false): Row {
    const input = asRecord(value, "a key");
    const key: Row = {};
    for (const column of this.keyColumns) {
      const given = Object.hasOwn(input, column.name) ? input[column.name] : undefined;
      if (given === undefined || given === null) {
        throw new StorageValidationError(`key column "${column.name}" is required`);
      }
      key[column.name] = canonicalValue(column, given);
    }
    if (!fromEntity) this.refuseUnknown(input, this.keyColumns.length);
    return key;
  }

  /**
   * A checked copy of a change to some columns. `undefined` stands for removal of the property, as
   * `null` does where the schema allows both.
   */
  public canonicalPatch(value: unknown): { [column: string]: CanonicalValue | undefined } {
    const input = asRecord(value, "a patch");
    const patch: { [column: string]: CanonicalValue | undefined } = {};
    for (const name of Object.keys(input)) {
      const column = this.column(name);
      const given = input[name];
      if (given === undefined) {
        if (!column.optional || column.inKey) {
          throw new StorageValidationError(`column "${name}" is required`);
        }
        patch[name] = column.nullable ? null : undefined;
      } else {
        patch[name] = given === null ? canonicalNull(column) : canonicalValue(column, given);
      }
    }
    return patch;
  }

  /** A copy of a canonical row, for the boundary of a backend that keeps rows as objects. */
  public copyRow(row: Readonly<Row>, columns: readonly Column[] = this.columns): Row {
    if (columns === this.columns) {
      // A spread copies an object of known shape many times faster than a loop over its columns.
      const copy = { ...row };
      this.detach(copy);
      return copy;
    }
    const copy: Row = {};
    for (const column of columns) {
      const value = cell(row, column);
      if (value !== undefined) copy[column.name] = copyCanonical(value);
    }
    return copy;
  }

  /** Replaces the row's binary and JSON values by copies, so that they are shared with nobody. */
  public detach(row: Row): void {
    for (const column of this.objectColumns) {
      const value = cell(row, column);
      if (typeof value === "object" && value !== null) row[column.name] = copyCanonical(value);
    }
  }

  public keyOf(row: Row): Row {
    const key: Row = {};
    for (const { name } of this.keyColumns) key[name] = row[name] as CanonicalValue;
    return key;
  }

  /** A value that is equal (by `Map` rules) exactly for rows of the same key. */
  public keyIdentity(row: Row): unknown {
    const { keyColumns } = this;
    if (keyColumns.length === 1) return identityOf(row[(keyColumns[0] as Column).name]);
    return JSON.stringify(
      keyColumns.map((column) => {
        const identity = identityOf(row[column.name]);
        return typeof identity === "bigint" ? identity.toString() : identity;
      }),
    );
  }

  /** The order of two rows by primary key: negative, 0 or positive. */
  public compareKeys(a: Readonly<Row>, b: Readonly<Row>): number {
    for (const { name } of this.keyColumns) {
      const difference = compareValues(a[name], b[name]);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  /** @throws StorageValidationError when the texts of one index entry are too long together */
  public checkEntrySizes(row: Row): void {
    const { reservedBytes } = this;
    for (const columns of this.boundedEntries) {
      let bytes = reservedBytes;
      for (const { name } of columns) {
        const value = row[name];
        if (typeof value === "string") bytes += value.length * 3;
        else if (value instanceof Uint8Array) bytes += value.length;
      }
      if (
        bytes > MAX_INDEX_ENTRY_BYTES &&
        exactBytes(row, columns) + reservedBytes > MAX_INDEX_ENTRY_BYTES
      ) {
        throw new StorageValidationError(
          `the columns ${columns.map((c) => `"${c.name}"`).join(", ")} of one index entry hold more than ${MAX_INDEX_ENTRY_BYTES} bytes`,
        );
      }
    }
  }

  /**
   * Whether a patch changes texts of an index entry, so that the whole row has to be checked again
   * by {@link checkEntrySizes}.
   */
  public changesEntries(patch: { readonly [column: string]: unknown }): boolean {
    return this.boundedEntries.some((columns) =>
      columns.some(({ name, inKey }) => !inKey && Object.hasOwn(patch, name)),
    );
  }

  private index(entry: string | readonly string[], unique: boolean): IndexDefinition {
    const names = typeof entry === "string" ? [entry] : checkedList(entry, "an index");
    const columns = [...new Set(names)].map((name) => this.column(name));
    if (columns.length === 0) throw new StorageValidationError("an index needs a column");
    for (const column of columns) {
      if (column.type === "json" || column.type === "typedArray") {
        throw new StorageValidationError(`column "${column.name}" cannot be indexed`);
      }
    }
    return { columns, unique };
  }

  private refuseUnknown(input: Readonly<Record<string, unknown>>, known: number): void {
    const names = Object.keys(input);
    if (names.length === known) return;
    for (const name of names) this.column(name);
  }
}

function holdsObjects({ type }: Column): boolean {
  return type === "json" || type === "typedArray" || type === "blob";
}

function identityOf(value: CanonicalValue | undefined): unknown {
  return value instanceof Uint8Array ? value.join() : value;
}

function exactBytes(row: Row, columns: readonly Column[]): number {
  let bytes = 0;
  for (const { name } of columns) {
    const value = row[name];
    if (typeof value === "string") bytes += utf8ByteLength(value);
    else if (value instanceof Uint8Array) bytes += value.length;
  }
  return bytes;
}

function asRecord(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new StorageValidationError(`${what} is an object of columns, not ${describeType(value)}`);
  }
  return value as Readonly<Record<string, unknown>>;
}

function canonicalNull(column: Column): null {
  if (column.nullable && !column.inKey) return null;
  throw new StorageValidationError(`column "${column.name}" does not take null`);
}

/** What was given as a name, for a message: anything at all may be. */
function nameInText(name: unknown): string {
  return typeof name === "string" ? `"${name}"` : describeType(name);
}

function checkedName(name: string): string {
  if (name === "" || name === "__proto__" || name.includes("\0") || !name.isWellFormed()) {
    throw new StorageValidationError(`"${name.replaceAll("\0", "\\0")}" cannot be a column's name`);
  }
  return name;
}

function checkedKeyNames(
  schema: DataPortSchemaObject,
  names: readonly PropertyKey[],
): readonly string[] {
  if (
    typeof schema !== "object" ||
    schema === null ||
    typeof schema.properties !== "object" ||
    schema.properties === null
  ) {
    throw new StorageValidationError("the schema is an object schema with properties");
  }
  if (!Array.isArray(names) || names.length === 0) {
    throw new StorageValidationError("the primary key needs at least one column");
  }
  for (const name of names) {
    if (typeof name !== "string" || !Object.hasOwn(schema.properties, name)) {
      throw new StorageInvalidColumnError(
        `the primary key names ${nameInText(name)}, which is no column`,
      );
    }
  }
  if (new Set(names).size !== names.length) {
    throw new StorageValidationError("the primary key names a column twice");
  }
  return names as readonly string[];
}

function checkedList<T>(list: readonly T[] | undefined, what: string): readonly T[] {
  if (list === undefined || list === null) return [];
  if (Array.isArray(list)) return list;
  throw new StorageValidationError(`${what} are a list of columns, not ${describeType(list)}`);
}

function checkKeyColumn(column: Column): void {
  if (column.type === "json" || column.type === "typedArray") {
    throw new StorageValidationError(`column "${column.name}" cannot be part of a key`);
  }
}

function generatedColumn(columns: readonly Column[]): Column | undefined {
  const generated = columns.filter((column) => column.generated);
  if (generated.length > 1) {
    throw new StorageValidationError("at most one column can be x-auto-generated");
  }
  const [column] = generated;
  if (column === undefined) return undefined;
  if (!column.inKey) {
    throw new StorageValidationError(
      `x-auto-generated column "${column.name}" is not part of the key`,
    );
  }
  if (column.type !== "string" && column.type !== "integer") {
    throw new StorageValidationError(
      `x-auto-generated column "${column.name}" is a string or an integer`,
    );
  }
  return column;
}
