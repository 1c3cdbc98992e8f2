import type { Migration, MigrationStep } from "../migrations/Migration.ts";
import type { SqlChangeFeed } from "./changes/SqlChangeFeed.ts";
import { MigrationSteps } from "./MigrationSteps.ts";
import { MigrationTable } from "./MigrationTable.ts";
import { indexColumns, newIndexName, possibleIndexes, possibleLists } from "./possibleIndexes.ts";
import type { SqlTable } from "./SqlTable.ts";
import { createIndexSql } from "./tableDdl.ts";

/**
 * The migrations beyond a version as statements for a team's own tools, up to the first one that
 * holds a `transform`: that one and those after it are left, unrecorded, to `setupDatabase()`.
 */
export function migrationSql(
  table: SqlTable,
  migrations: readonly Migration[],
  feed: SqlChangeFeed,
  fromVersion: number,
): readonly string[] {
  const pending = migrations.filter(({ version }) => version > fromVersion);
  if (pending.length === 0) return ["-- nothing to migrate"];
  // Earlier steps tell under which names the table's indexes may be.
  const all = new MigrationSteps(table, migrations);
  const record = new MigrationTable(table.dialect);
  const first = pending.findIndex(needsProgram);
  const printed = first === -1 ? pending : pending.slice(0, first);
  const statements =
    printed.length === 0
      ? []
      : [...table.guard.liftSql(table.guarded), ...feed.interruptSql(table.name), record.createSql];
  let at = migrations
    .filter(({ version }) => version <= fromVersion)
    .reduce((sum, { steps }) => sum + steps.length, 0);
  for (const { version, steps } of printed) {
    for (const step of steps) statements.push(stepSql(table, all, at++, step as PrintedStep));
    statements.push(record.recordSql(table.name, [version]));
  }
  // Only a table of the newest version has all columns that changes travel with.
  if (printed.length === pending.length) {
    return [...statements, ...feed.setupSql(table.changes), ...table.guard.setupSql(table.guarded)];
  }
  return [...statements, ...pending.slice(printed.length).map(leftToProgram)];
}

const needsProgram = ({ steps }: Migration): boolean => steps.some((step) => "transform" in step);

function leftToProgram(migration: Migration): string {
  const why = needsProgram(migration) ? "rewrites rows by a function" : "comes after that one";
  return `-- version ${migration.version} ${why}: run setupDatabase(), which does the whole version`;
}

type PrintedStep = Exclude<MigrationStep, { readonly transform: unknown }>;

function stepSql(table: SqlTable, all: MigrationSteps, at: number, step: PrintedStep): string {
  const alter = `ALTER TABLE ${table.quoted}`;
  if ("addColumn" in step) return all.addColumnSql(at, step);
  if ("renameColumn" in step) {
    return `${alter} RENAME COLUMN ${table.quote(step.renameColumn)} TO ${table.quote(step.to)}`;
  }
  if ("dropColumn" in step) {
    const drops = dropIndexSql(table, all, at, possibleLists(all, at, step.dropColumn));
    return `-- if an index of three or more columns, which no migration names, is over the column, drop it first
${drops};
${alter} DROP COLUMN ${table.quote(step.dropColumn)}`;
  }
  if ("dropIndex" in step) return dropIndexSql(table, all, at, [step.dropIndex]);
  return addIndexSql(table, all, at, step.addIndex, step.unique === true);
}

function dropIndexSql(
  table: SqlTable,
  all: MigrationSteps,
  at: number,
  lists: readonly (readonly string[])[],
): string {
  return possibleIndexes(table, all, at, lists)
    .map((name) => `DROP INDEX IF EXISTS ${table.dialect.qualified(name)}`)
    .join(";\n");
}

function addIndexSql(
  table: SqlTable,
  all: MigrationSteps,
  at: number,
  names: readonly string[],
  unique: boolean,
): string {
  const inKey = new Set(table.key.map(({ name }) => name));
  const columns = indexColumns(table, names, unique).map(({ name }) => ({
    quoted: table.quote(name),
    nullable: !inKey.has(name) && (all.columnAt(at, name)?.nullable ?? true),
  }));
  const name = newIndexName(table, all, at, names, unique);
  return createIndexSql(table, { name, unique, columns }, true);
}
