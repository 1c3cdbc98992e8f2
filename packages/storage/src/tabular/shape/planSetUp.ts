import { StorageSchemaMismatchError } from "@workglow/util";
import type { Migration } from "../../migrations/Migration.ts";
import type { CanonicalValue } from "../schema/canonicalValue.ts";
import { cell, type IndexDefinition, type Row, type TableSchema } from "../schema/TableSchema.ts";
import { compareShapes, takesNull } from "./compareShapes.ts";
import { ShapeMigration } from "./ShapeMigration.ts";
import type { FoundShape, WantedShape } from "./TableShape.ts";

/** How a table is brought to a schema. */
export interface SetUpPlan {
  /** What the table is to be like: with the indexes that it has, and those that it lacks. */
  readonly shape: WantedShape;
  /** A row as it is to be afterwards. */
  readonly rewrite: (row: Row) => Row;
}

/**
 * How a table that another storage has made is brought to the schema of this one, by migrations and
 * by adding columns and indexes; `undefined` where nothing is to be done.
 *
 * @param wanted what the storage's schema says, with the newest of `migrations` as version
 * @throws StorageSchemaMismatchError for a table that only a migration can bring to the schema
 */
export function planSetUp(
  name: string,
  wanted: WantedShape,
  found: FoundShape,
  migrations: readonly Migration[],
): SetUpPlan | undefined {
  if (found.version > wanted.version) {
    throw mismatch(name, [
      `the table is at version ${found.version}, and this program knows versions up to ${wanted.version}`,
    ]);
  }
  const pending = migrations.filter(({ version }) => version > found.version);
  const migration = new ShapeMigration(wanted.schema, found, pending);
  const comparison = compareShapes(wanted, migration.shape);
  const { missingColumns, missingIndexes } = comparison;
  const differences = [...comparison.columnDifferences, ...comparison.indexDifferences];
  if (differences.length > 0) throw mismatch(name, differences);
  if (pending.length + missingColumns.length + missingIndexes.length === 0) return undefined;
  const { schema } = wanted;
  return {
    shape: { ...wanted, indexes: [...indexesOf(migration.shape, schema), ...missingIndexes] },
    rewrite: (row) => conform(name, schema, migration.rewritten(row)),
  };
}

/** A table's indexes, over the columns of a schema that it has been compared with. */
export function indexesOf(found: FoundShape, schema: TableSchema): readonly IndexDefinition[] {
  return found.indexes.map(({ columns, unique }) => ({
    columns: columns.map((column) => schema.column(column.name)),
    unique,
  }));
}

/**
 * Makes sure that the rows of a table are what a storage takes them for.
 *
 * @throws StorageSchemaMismatchError for a table with other columns
 */
export function assertShape(name: string, wanted: WantedShape, found: FoundShape): void {
  const { missingColumns, columnDifferences } = compareShapes(wanted, found);
  const missing = missingColumns.map((c) => `column "${c.name}" is missing: call setupDatabase()`);
  const differences = [...missing, ...columnDifferences];
  if (differences.length > 0) throw mismatch(name, differences);
}

/** A row with the columns of a schema, in its order. */
function conform(name: string, schema: TableSchema, row: Row): Row {
  const conformed: Row = {};
  for (const column of schema.columns) {
    const value: CanonicalValue = cell(row, column) ?? null;
    if (value !== null) conformed[column.name] = value;
    else if (column.nullable) conformed[column.name] = null;
    else if (!takesNull(column)) {
      throw mismatch(name, [`column "${column.name}" is required, and a row has no value for it`]);
    }
  }
  return conformed;
}

function mismatch(name: string, differences: readonly string[]): StorageSchemaMismatchError {
  return new StorageSchemaMismatchError(
    `table "${name}" differs from the schema; a migration (option "migrations") can change it`,
    differences,
  );
}
