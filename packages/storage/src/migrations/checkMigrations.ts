import { StorageValidationError } from "@workglow/util";
import type { TableSchema } from "../tabular/schema/TableSchema.ts";
import type { Migration, MigrationStep } from "./Migration.ts";

/**
 * Checks migrations and gives them in the order of their versions.
 *
 * @throws StorageValidationError for a version that is no integer of 1 or more or that repeats, an
 *   unknown step, and a step that would drop, add or rename a column of the key
 */
export function checkMigrations(
  migrations: readonly Migration[] | undefined,
  schema: TableSchema,
): readonly Migration[] {
  if (migrations === undefined) return [];
  if (!Array.isArray(migrations)) throw new StorageValidationError("migrations are a list");
  const versions = new Set<number>();
  for (const { version, steps } of migrations as readonly Migration[]) {
    if (!Number.isSafeInteger(version) || version < 1) {
      throw new StorageValidationError("a migration's version is an integer of 1 or more");
    }
    if (versions.has(version)) {
      throw new StorageValidationError(`there are two migrations to version ${version}`);
    }
    versions.add(version);
    if (!Array.isArray(steps)) {
      throw new StorageValidationError(`the steps of migration ${version} are a list`);
    }
    for (const step of steps) checkStep(step, version, schema);
  }
  return [...migrations].sort((a, b) => a.version - b.version);
}

function checkStep(step: MigrationStep, version: number, schema: TableSchema): void {
  const names = namesOf(step);
  if (names === undefined) {
    throw new StorageValidationError(`migration ${version} has a step of an unknown kind`);
  }
  if (names.length === 0 && !("transform" in step)) {
    throw new StorageValidationError(`migration ${version} names no column`);
  }
  for (const name of names) {
    if (typeof name !== "string" || name === "") {
      throw new StorageValidationError(`migration ${version} names a column by no text`);
    }
  }
  if ("addIndex" in step || "dropIndex" in step) return;
  const inKey = names.find((name) => schema.keyColumns.some((column) => column.name === name));
  if (inKey !== undefined) {
    throw new StorageValidationError(`migration ${version} changes key column "${inKey}"`);
  }
}

/** The columns that a step names, `undefined` for what is no step. */
function namesOf(step: MigrationStep): readonly string[] | undefined {
  if (typeof step !== "object" || step === null) return undefined;
  if ("addColumn" in step) return [step.addColumn];
  if ("renameColumn" in step) return [step.renameColumn, step.to];
  if ("dropColumn" in step) return [step.dropColumn];
  if ("addIndex" in step) return Array.isArray(step.addIndex) ? step.addIndex : undefined;
  if ("dropIndex" in step) return Array.isArray(step.dropIndex) ? step.dropIndex : undefined;
  return typeof step.transform === "function" ? [] : undefined;
}
