import type { Column, FoundShape, IndexDefinition, PrefixColumn } from "@workglow/storage";
import type { MadeVectors } from "../vector/makeVectors.ts";

/** What the side store holds of a table: IndexedDB knows nothing of columns. */
export interface TableDefinition {
  /** Of this record's own form. */
  readonly format: 1;
  readonly columns: readonly Column[];
  readonly key: readonly string[];
  readonly prefixes: readonly PrefixColumn[];
  readonly indexes: readonly { readonly columns: readonly string[]; readonly unique: boolean }[];
  /** The newest migration that the table has seen. */
  readonly version: number;
  /** What whoever writes to the table has to keep true for searches by vector. */
  readonly vectors?: MadeVectors;
}

export function definitionOf(shape: FoundShape, vectors?: MadeVectors): TableDefinition {
  return {
    format: 1,
    columns: shape.schema.columns,
    key: shape.schema.keyColumns.map(({ name }) => name),
    prefixes: shape.prefixes.map(({ name, type }) => ({ name, type })),
    indexes: shape.indexes.map(({ columns, unique }) => ({
      columns: columns.map(({ name }) => name),
      unique,
    })),
    version: shape.version,
    ...(vectors !== undefined && { vectors }),
  };
}

export function shapeOf(definition: TableDefinition): FoundShape {
  const byName = new Map(definition.columns.map((column) => [column.name, column]));
  const named = (name: string): Column => byName.get(name) as Column;
  return {
    schema: { columns: definition.columns, keyColumns: definition.key.map(named) },
    prefixes: definition.prefixes,
    indexes: definition.indexes.map(
      ({ columns, unique }): IndexDefinition => ({ columns: columns.map(named), unique }),
    ),
    version: definition.version,
  };
}
