import {
  type CallOptions,
  StorageSchemaMismatchError,
  StorageValidationError,
} from "@workglow/util";
import type { Migration } from "../migrations/Migration.ts";
import type { SqlChangeFeed } from "./changes/SqlChangeFeed.ts";
import { compareTable } from "./compareTable.ts";
import { MigrationTable } from "./MigrationTable.ts";
import { runMigrations } from "./runMigrations.ts";
import type { DescribedTable } from "./SqlDialect.ts";
import type { SqlExecutor, SqlProgram } from "./SqlExecutor.ts";
import type { SqlTable } from "./SqlTable.ts";
import { addColumnSql, createIndexSql, createTableSql } from "./tableDdl.ts";

/** What a set-up finds. */
interface FoundState {
  readonly table: DescribedTable | undefined;
  /** The newest migration that the table has seen. */
  readonly version: number;
  /** Whether its generated keys are counted, or there are none. */
  readonly counted: boolean;
}

/**
 * Creates or extends a table. Where nothing is missing it only reads; otherwise one transaction
 * looks again and does the work, so that any number of processes may do this at once.
 *
 * @throws StorageSchemaMismatchError for a table that only a migration can bring to the schema
 * @throws StorageValidationError for the name of another table that differs in case only, where the
 *   database takes both for one
 */
export async function setUpTable(
  executor: SqlExecutor,
  table: SqlTable,
  migrations: readonly Migration[],
  feed: SqlChangeFeed,
  o: CallOptions | undefined,
): Promise<void> {
  const found = await executor.atomic(() => findState(table), { ...o, mode: "read" });
  if (!isComplete(table, migrations, found)) {
    await executor.transaction(async (tx) => {
      const state = await tx.atomic(() => findState(table), { mode: "read" });
      if (state.table === undefined) await tx.atomic(() => create(table, migrations));
      else await bringUpToDate(tx, table, migrations, state, feed);
    }, o);
  }
  await feed.sweep();
}

function* findState(table: SqlTable): SqlProgram<FoundState> {
  const { dialect, countedKey } = table;
  return {
    table: yield* dialect.describeTable(table.name),
    version: yield* new MigrationTable(dialect).version(table.name),
    counted: countedKey === undefined || (yield* dialect.keyCounter.isSetUp(countedKey)),
  };
}

const newestVersion = (migrations: readonly Migration[]): number => migrations.at(-1)?.version ?? 0;

function isComplete(table: SqlTable, migrations: readonly Migration[], found: FoundState): boolean {
  if (found.table?.name !== table.name || !found.counted) return false;
  if (found.version !== newestVersion(migrations)) return false;
  const { missingColumns, missingIndexes, differences } = compareTable(table, found.table);
  return missingColumns.length + missingIndexes.length + differences.length === 0;
}

function* create(table: SqlTable, migrations: readonly Migration[]): SqlProgram<void> {
  yield plain(createTableSql(table));
  for (const index of table.indexes) yield plain(createIndexSql(table, index));
  const { countedKey } = table;
  if (countedKey !== undefined) {
    for (const text of table.dialect.keyCounter.setup(countedKey)) yield plain(text);
  }
  if (migrations.length === 0) return;
  const record = new MigrationTable(table.dialect);
  yield plain(record.createSql);
  yield plain(
    record.recordSql(
      table.name,
      migrations.map(({ version }) => version),
    ),
  );
}

async function bringUpToDate(
  tx: SqlExecutor,
  table: SqlTable,
  migrations: readonly Migration[],
  state: FoundState,
  feed: SqlChangeFeed,
): Promise<void> {
  const { name } = state.table as DescribedTable;
  if (name !== table.name) {
    throw new StorageValidationError(
      `the database has a table "${name}", for which it takes the name "${table.name}" too`,
    );
  }
  const newest = newestVersion(migrations);
  if (state.version > newest) {
    throw mismatch(table, [
      `the table is at version ${state.version}, and this program knows versions up to ${newest}`,
    ]);
  }
  const pending = migrations.filter(({ version }) => version > state.version);
  if (pending.length > 0) {
    await tx.atomic(() => feed.interrupt(table.name));
    await runMigrations(tx, table, pending);
  }
  await tx.atomic(() => extend(table));
}

/** Adds what a schema may gain by itself; anything else is a difference. */
function* extend(table: SqlTable): SqlProgram<void> {
  const found = (yield* table.dialect.describeTable(table.name)) as DescribedTable;
  const { missingColumns, differences } = compareTable(table, found);
  if (differences.length > 0) throw mismatch(table, differences);
  for (const column of missingColumns) yield plain(addColumnSql(table, column));
  const names = new Set(found.indexes.map(({ name }) => name));
  for (const index of compareTable(table, found).missingIndexes) {
    // A renamed column leaves its index under a name that says otherwise.
    let name = index.name;
    for (let n = 2; names.has(name); n++) name = `${index.name}${n}`;
    yield plain(createIndexSql(table, { ...index, name }));
  }
  const { countedKey } = table;
  if (countedKey !== undefined) {
    for (const text of table.dialect.keyCounter.setup(countedKey)) yield plain(text);
  }
}

function mismatch(table: SqlTable, differences: readonly string[]): StorageSchemaMismatchError {
  return new StorageSchemaMismatchError(
    `table "${table.name}" differs from the schema; a migration (option "migrations") can change it`,
    differences,
  );
}

const plain = (text: string): { readonly text: string; readonly params: readonly [] } => ({
  text,
  params: [],
});
