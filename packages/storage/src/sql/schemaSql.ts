import type { Migration } from "../migrations/Migration.ts";
import type { SqlChangeFeed } from "./changes/SqlChangeFeed.ts";
import { MigrationTable } from "./MigrationTable.ts";
import { migrationSql } from "./migrationSql.ts";
import type { SqlTable } from "./SqlTable.ts";
import { createIndexSql, createTableSql } from "./tableDdl.ts";

/** The statements that make a table at its newest version, or bring an older one to it, as text. */
export function schemaSql(
  table: SqlTable,
  migrations: readonly Migration[],
  feed: SqlChangeFeed,
  fromVersion: number | undefined,
): string {
  const statements =
    fromVersion === undefined
      ? [
          ...creation(table, migrations),
          ...feed.setupSql(table.changes),
          ...table.guard.setupSql(table.guarded),
        ]
      : migrationSql(table, migrations, feed, fromVersion);
  return `${[...table.dialect.setupSql, ...statements].join(";\n\n")};\n`;
}

function creation(table: SqlTable, migrations: readonly Migration[]): readonly string[] {
  const { dialect, countedKey } = table;
  const versions = migrations.map(({ version }) => version);
  const record = new MigrationTable(dialect);
  return [
    // Before the table is there: only then is it made at the newest version.
    ...(versions.length === 0
      ? []
      : [
          record.createSql,
          record.recordSql(
            table.name,
            versions,
            `NOT ${dialect.tableExistsExpression(table.name)}`,
          ),
        ]),
    createTableSql(table, true),
    ...table.indexes.map((index) => createIndexSql(table, index, true)),
    ...(countedKey === undefined ? [] : dialect.keyCounter.setup(countedKey)),
  ];
}
