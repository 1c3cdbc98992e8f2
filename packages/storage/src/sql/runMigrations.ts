import type { Migration, MigrationStep } from "../migrations/Migration.ts";
import { dropped, MigrationSteps } from "./MigrationSteps.ts";
import { MigrationTable } from "./MigrationTable.ts";
import { indexColumns } from "./possibleIndexes.ts";
import { rewriteRows } from "./rewriteRows.ts";
import type { DescribedTable } from "./SqlDialect.ts";
import type { SqlExecutor } from "./SqlExecutor.ts";
import { indexName, type SqlColumn, type SqlTable } from "./SqlTable.ts";
import { createIndexSql } from "./tableDdl.ts";

/** Runs migrations on an existing table, inside a transaction, and records them. */
export async function runMigrations(
  tx: SqlExecutor,
  table: SqlTable,
  migrations: readonly Migration[],
): Promise<void> {
  const all = new MigrationSteps(table, migrations);
  const record = new MigrationTable(table.dialect);
  await run(tx, record.createSql);
  let at = 0;
  for (const { version, steps } of migrations) {
    for (const step of steps) await runStep(tx, table, all, at++, step);
    await run(tx, record.recordSql(table.name, [version]));
  }
}

/** Steps whose work is done already (a column that set-up had added, say) are passed over. */
async function runStep(
  tx: SqlExecutor,
  table: SqlTable,
  all: MigrationSteps,
  at: number,
  step: MigrationStep,
): Promise<void> {
  const found = (await tx.atomic(() => table.dialect.describeTable(table.name))) as DescribedTable;
  const has = (name: string): boolean => found.columns.some((column) => column.name === name);
  const alter = `ALTER TABLE ${table.quoted}`;
  if ("transform" in step)
    await rewriteRows(tx, table, currentColumns(table, all, at, found), step.transform);
  else if ("addColumn" in step) {
    if (!has(step.addColumn)) await run(tx, all.addColumnSql(at, step));
  } else if ("renameColumn" in step) {
    if (!has(step.renameColumn) && has(step.to)) return;
    await run(
      tx,
      `${alter} RENAME COLUMN ${table.quote(step.renameColumn)} TO ${table.quote(step.to)}`,
    );
  } else if ("dropColumn" in step) {
    if (!has(step.dropColumn)) return;
    await dropIndexes(tx, table, found, (columns) => columns.includes(step.dropColumn));
    await run(tx, `${alter} DROP COLUMN ${table.quote(step.dropColumn)}`);
  } else if ("addIndex" in step) {
    await addIndex(tx, table, found, step.addIndex, step.unique === true);
  } else {
    const plainIndex = JSON.stringify(names(table, step.dropIndex, false));
    const uniqueIndex = JSON.stringify(names(table, step.dropIndex, true));
    await dropIndexes(tx, table, found, (columns) =>
      [plainIndex, uniqueIndex].includes(JSON.stringify(columns)),
    );
  }
}

const names = (table: SqlTable, columns: readonly string[], unique: boolean): readonly string[] =>
  indexColumns(table, columns, unique).map(({ name }) => name);

async function addIndex(
  tx: SqlExecutor,
  table: SqlTable,
  found: DescribedTable,
  given: readonly string[],
  unique: boolean,
): Promise<void> {
  const columns = indexColumns(table, given, unique);
  const wanted = JSON.stringify(columns.map(({ name }) => name));
  if (found.indexes.some((i) => i.unique === unique && JSON.stringify(i.columns) === wanted))
    return;
  const base = indexName(table.name, columns, unique);
  let name = base;
  for (let n = 2; found.indexes.some((index) => index.name === name); n++) name = `${base}${n}`;
  const nullable = new Set(found.columns.filter((c) => c.nullable).map((c) => c.name));
  const terms = columns.map((column) => ({
    quoted: table.quote(column.name),
    nullable: nullable.has(column.name) && !table.key.some((k) => k.name === column.name),
  }));
  await run(tx, createIndexSql(table, { name, unique, columns: terms }));
}

async function dropIndexes(
  tx: SqlExecutor,
  table: SqlTable,
  found: DescribedTable,
  chosen: (columns: readonly string[]) => boolean,
): Promise<void> {
  for (const index of found.indexes) {
    if (chosen(index.columns)) await run(tx, `DROP INDEX ${table.dialect.qualified(index.name)}`);
  }
}

/** The columns that the table has before a step, as properties. */
function currentColumns(
  table: SqlTable,
  all: MigrationSteps,
  at: number,
  found: DescribedTable,
): readonly SqlColumn[] {
  const beside = new Set([...table.prefixColumns, ...table.derived].map(({ name }) => name));
  return found.columns
    .filter(({ name }) => !beside.has(name))
    .map(
      ({ name, declaredType }) =>
        all.columnAt(at, name) ??
        table.columnOutside(dropped(name, table.dialect.propertyType(declaredType))),
    );
}

const run = async (tx: SqlExecutor, text: string): Promise<void> => {
  await tx.execute({ text, params: [] });
};
