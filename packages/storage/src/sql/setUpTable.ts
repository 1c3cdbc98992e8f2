import {
  type CallOptions,
  StorageSchemaMismatchError,
  StorageValidationError,
} from "@workglow/util";
import type { Migration } from "../migrations/Migration.ts";
import type { SqlChangeFeed } from "./changes/SqlChangeFeed.ts";
import { compareTable } from "./compareTable.ts";
import type { DerivedColumn } from "./DerivedColumn.ts";
import { fillDerivedColumn } from "./fillDerivedColumn.ts";
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
  /** Whether its changes can be subscribed to. */
  readonly logged: boolean;
  /** Whether the database keeps its tenants apart, or is not to. */
  readonly guarded: boolean;
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
  const found = await executor.atomic(() => findState(table, feed), { ...o, mode: "read" });
  if (!isComplete(table, migrations, found)) {
    await executor.transaction(
      async (tx) => {
        await tx.atomic(() => table.dialect.beginSetup());
        const state = await tx.atomic(() => findState(table, feed), { mode: "read" });
        if (state.table === undefined) await tx.atomic(() => create(table, migrations));
        else await bringUpToDate(tx, table, migrations, state, feed);
        await tx.atomic(() => arrangeLogging(table, feed));
        // Last, as the log is guarded too.
        await tx.atomic(() => arrangeGuard(table));
      },
      // The second look has to see what others did while it waited for them.
      { ...o, isolation: "read committed" },
    );
  }
  await feed.sweep();
}

function* findState(table: SqlTable, feed: SqlChangeFeed): SqlProgram<FoundState> {
  const { dialect, countedKey } = table;
  return {
    table: yield* dialect.describeTable(table.name),
    version: yield* new MigrationTable(dialect).version(table.name),
    counted: countedKey === undefined || (yield* dialect.keyCounter.isSetUp(countedKey)),
    logged: yield* feed.isSetUp(table.changes),
    guarded: yield* table.guard.isSetUp(table.guarded),
  };
}

const newestVersion = (migrations: readonly Migration[]): number => migrations.at(-1)?.version ?? 0;

function isComplete(table: SqlTable, migrations: readonly Migration[], found: FoundState): boolean {
  if (found.table?.name !== table.name || !found.counted || !found.logged || !found.guarded) {
    return false;
  }
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

function* arrangeLogging(table: SqlTable, feed: SqlChangeFeed): SqlProgram<void> {
  if (yield* feed.isSetUp(table.changes)) return;
  for (const text of feed.setupSql(table.changes)) yield plain(text);
}

function* arrangeGuard(table: SqlTable): SqlProgram<void> {
  if (yield* table.guard.isSetUp(table.guarded)) return;
  for (const text of table.guard.setupSql(table.guarded)) yield plain(text);
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
  // What is done below is done to the rows of all tenants.
  for (const text of table.guard.liftSql(table.guarded)) await tx.execute(plain(text));
  const pending = migrations.filter(({ version }) => version > state.version);
  if (pending.length > 0) {
    // What a transform has read may not change before it is written back.
    const lock = table.dialect.lockTable(table.quoted, pending.some(changesShape));
    if (lock !== undefined) await tx.execute(plain(lock));
    await tx.atomic(() => feed.interrupt(table.name));
    await runMigrations(tx, table, pending);
  }
  const added = await tx.atomic(() => extend(table));
  for (const derived of table.derived) {
    if (!added.has(derived.name) && !pending.some((one) => changesSource(one, derived))) continue;
    await fillDerivedColumn(tx, table, derived);
  }
}

/** Whether what the column is computed of is not what it was. */
const changesSource = ({ steps }: Migration, { from }: DerivedColumn): boolean =>
  steps.some(
    (step) =>
      "transform" in step ||
      ("addColumn" in step && step.addColumn === from.name) ||
      ("renameColumn" in step && step.to === from.name),
  );

const changesShape = ({ steps }: Migration): boolean =>
  steps.some((step) => !("transform" in step || "addIndex" in step));

/**
 * Adds what a schema may gain by itself; anything else is a difference.
 *
 * @returns the names of the columns that were missing
 */
function* extend(table: SqlTable): SqlProgram<ReadonlySet<string>> {
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
  return new Set(missingColumns.map(({ name }) => name));
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
