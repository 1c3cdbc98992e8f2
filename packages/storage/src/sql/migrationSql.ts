import type { Migration } from "../migrations/Migration.ts";
import { MigrationSteps } from "./MigrationSteps.ts";
import { MigrationTable } from "./MigrationTable.ts";
import { indexName, type SqlTable } from "./SqlTable.ts";

/** Migrations as statements for a team's own tools. */
export function migrationSql(table: SqlTable, migrations: readonly Migration[]): readonly string[] {
  if (migrations.length === 0) return ["-- nothing to migrate"];
  const all = new MigrationSteps(table, migrations);
  const record = new MigrationTable(table.dialect);
  const statements = [record.createSql];
  let at = 0;
  for (const { version, steps } of migrations) {
    for (const _ of steps) statements.push(stepSql(table, all, at++, version));
    statements.push(record.recordSql(table.name, [version]));
  }
  return statements;
}

function stepSql(table: SqlTable, all: MigrationSteps, at: number, version: number): string {
  const step = all.steps[at];
  const alter = `ALTER TABLE ${table.quoted}`;
  if (step === undefined || "transform" in step) {
    return `-- version ${version} rewrites rows by a function: run setupDatabase() for that`;
  }
  if ("addColumn" in step) return all.addColumnSql(at, step);
  if ("renameColumn" in step) {
    return `${alter} RENAME COLUMN ${table.quote(step.renameColumn)} TO ${table.quote(step.to)}`;
  }
  if ("dropColumn" in step) return `${alter} DROP COLUMN ${table.quote(step.dropColumn)}`;
  const unique = "addIndex" in step && step.unique === true;
  const columns = indexColumns(table, "addIndex" in step ? step.addIndex : step.dropIndex, unique);
  const name = table.quote(indexName(table.name, columns, unique));
  if ("dropIndex" in step) {
    const other = table.quote(
      indexName(table.name, indexColumns(table, step.dropIndex, true), true),
    );
    return `DROP INDEX IF EXISTS ${name};\nDROP INDEX IF EXISTS ${other}`;
  }
  const list = columns.map((column) => table.quote(column.name)).join(", ");
  return `CREATE ${unique ? "UNIQUE " : ""}INDEX IF NOT EXISTS ${name} ON ${table.quoted} (${list})`;
}

/** The columns of an index as the table has it: tenant columns first, the key last. */
export function indexColumns(
  table: SqlTable,
  names: readonly string[],
  unique: boolean,
): readonly { readonly name: string }[] {
  const key = table.key.slice(table.prefixColumns.length).map(({ name }) => name);
  const all = [...table.prefixColumns.map(({ name }) => name), ...names, ...(unique ? [] : key)];
  return [...new Set(all)].map((name) => ({ name }));
}
