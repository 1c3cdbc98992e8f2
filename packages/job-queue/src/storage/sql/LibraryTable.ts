import {
  type DescribedTable,
  type GuardedTable,
  indexName,
  quoteIdentifier,
  type SqlChangeFeed,
  type SqlChangeTable,
  type SqlColumnType,
  type SqlDialect,
  type SqlExecutor,
  type SqlProgram,
  type SqlStatement,
  type SqlValue,
  type TableGuard,
  unguarded,
} from "@workglow/storage/sql";
import {
  type CallOptions,
  StorageSchemaMismatchError,
  sha256Hex,
  utf8ByteLength,
} from "@workglow/util";

export interface LibraryColumn {
  readonly name: string;
  readonly type: SqlColumnType;
  /** Not null unless said so. */
  readonly nullable?: boolean;
  readonly default?: SqlValue;
}

export interface LibraryIndex {
  readonly columns: readonly (string | { readonly descending: string })[];
  /** The rows that it holds, as SQL; all of them unless given. */
  readonly where?: string;
}

/** A table that the library designs itself, not from a user's schema. */
export interface LibraryTable {
  readonly name: string;
  /** The primary key; `identity` is a column beside `columns` that the database counts up. */
  readonly key: { readonly identity: string } | readonly string[];
  readonly columns: readonly LibraryColumn[];
  /** Names of the columns that tell whose a row is. */
  readonly tenant?: readonly string[];
  readonly indexes: readonly LibraryIndex[];
  /** Rows change and go soon after they came. */
  readonly churns?: boolean;
}

/** A table's name with those of its tenant columns in it, cut where the database keeps no more. */
export function tenantTableName(
  dialect: SqlDialect,
  name: string,
  tenant: readonly string[],
): string {
  const full = [name, ...tenant].join("_");
  if (utf8ByteLength(full) <= dialect.maxIdentifierBytes) return full;
  return `${name}_${sha256Hex(JSON.stringify(tenant)).slice(0, 16)}`;
}

/** A table whose changes can be subscribed to. */
export interface LoggedTable {
  readonly feed: SqlChangeFeed;
  readonly table: SqlChangeTable;
}

/**
 * Creates or extends tables. Where nothing is missing it only reads; otherwise one transaction
 * looks again and does the work, so that any number of processes may do this at once.
 *
 * @throws StorageSchemaMismatchError for a table of another making
 */
export async function setUpLibraryTables(
  executor: SqlExecutor,
  tables: readonly LibraryTable[],
  logged: LoggedTable | undefined,
  o: CallOptions | undefined,
): Promise<void> {
  const { dialect } = executor;
  const isComplete = await executor.atomic(() => areComplete(dialect, tables, logged), {
    ...o,
    mode: "read",
  });
  if (!isComplete) await executor.atomic(() => extendTables(dialect, tables, logged), o);
  await logged?.feed.sweep();
}

/** The statements that make the tables where they are not there, as text. */
export function libraryTablesSql(
  dialect: SqlDialect,
  tables: readonly LibraryTable[],
  logged?: LoggedTable,
): string {
  const statements = tables.flatMap((table) => [
    createTableSql(dialect, table, true),
    ...table.indexes.map((index) => createIndexSql(dialect, table, index, true)),
  ]);
  const logging = logged === undefined ? [] : logged.feed.setupSql(logged.table);
  const guards = tables.flatMap((table) => {
    const { guard, guarded } = guardOf(dialect, table, logged);
    return guard.setupSql(guarded);
  });
  return `${[...dialect.setupSql, ...statements, ...logging, ...guards].join(";\n\n")};\n`;
}

function* areComplete(
  dialect: SqlDialect,
  tables: readonly LibraryTable[],
  logged: LoggedTable | undefined,
): SqlProgram<boolean> {
  if ((yield* missingStatements(dialect, tables)).length > 0) return false;
  if (logged !== undefined && !(yield* logged.feed.isSetUp(logged.table))) return false;
  return (yield* unguardedTables(dialect, tables, logged)).length === 0;
}

function* extendTables(
  dialect: SqlDialect,
  tables: readonly LibraryTable[],
  logged: LoggedTable | undefined,
): SqlProgram<void> {
  yield* dialect.beginSetup();
  for (const text of yield* missingStatements(dialect, tables)) yield plain(text);
  if (logged !== undefined && !(yield* logged.feed.isSetUp(logged.table))) {
    for (const text of logged.feed.setupSql(logged.table)) yield plain(text);
  }
  // Last, as the log is guarded too.
  for (const { guard, guarded } of yield* unguardedTables(dialect, tables, logged)) {
    for (const text of guard.setupSql(guarded)) yield plain(text);
  }
}

interface Guarding {
  readonly guard: TableGuard;
  readonly guarded: GuardedTable;
}

function guardOf(
  dialect: SqlDialect,
  { name, columns, tenant = [] }: LibraryTable,
  logged: LoggedTable | undefined,
): Guarding {
  return {
    guard: tenant.length === 0 ? unguarded : (dialect.guard ?? unguarded),
    guarded: {
      table: name,
      tenant: columns.filter((column) => tenant.includes(column.name)),
      changes: logged?.table.table === name ? logged.table : undefined,
    },
  };
}

/** The tables whose tenants the database is to keep apart, and does not yet. */
function* unguardedTables(
  dialect: SqlDialect,
  tables: readonly LibraryTable[],
  logged: LoggedTable | undefined,
): SqlProgram<readonly Guarding[]> {
  const found: Guarding[] = [];
  for (const table of tables) {
    const guarding = guardOf(dialect, table, logged);
    if (!(yield* guarding.guard.isSetUp(guarding.guarded))) found.push(guarding);
  }
  return found;
}

/** What has to be run to have the tables as they are designed. */
function* missingStatements(
  dialect: SqlDialect,
  tables: readonly LibraryTable[],
): SqlProgram<readonly string[]> {
  const statements: string[] = [];
  for (const table of tables) {
    const found = yield* dialect.describeTable(table.name);
    const indexes = new Set(found?.indexes.map(({ name }) => name));
    if (found === undefined) statements.push(createTableSql(dialect, table, false));
    else {
      refuseDifferences(dialect, table, found);
      const names = new Set(found.columns.map(({ name }) => name));
      for (const column of table.columns) {
        if (names.has(column.name)) continue;
        statements.push(
          `ALTER TABLE ${dialect.qualified(table.name)} ADD COLUMN ${columnSql(dialect, column)}`,
        );
      }
    }
    for (const index of table.indexes) {
      if (indexes.has(nameOfIndex(table, index))) continue;
      statements.push(createIndexSql(dialect, table, index, false));
    }
  }
  return statements;
}

function refuseDifferences(dialect: SqlDialect, table: LibraryTable, found: DescribedTable): void {
  const designed = new Map(table.columns.map((column) => [column.name, column]));
  const key = "identity" in table.key ? [table.key.identity] : table.key;
  const differences: string[] = [];
  for (const { name, declaredType, nullable, keyPosition } of found.columns) {
    const column = designed.get(name);
    designed.delete(name);
    if (column === undefined) {
      if (!key.includes(name)) differences.push(`column "${name}" is not one of this library's`);
    } else if (!dialect.sameType(declaredType, dialect.columnType(column.type))) {
      differences.push(
        `column "${name}" is ${declaredType}, not ${dialect.columnType(column.type)}`,
      );
    } else if (nullable !== (column.nullable ?? false) && keyPosition === 0) {
      differences.push(`column "${name}" ${nullable ? "takes" : "does not take"} null`);
    }
  }
  for (const { name, nullable, default: value } of designed.values()) {
    if (!nullable && value === undefined) differences.push(`column "${name}" is missing`);
  }
  const foundKey = found.columns
    .filter(({ keyPosition }) => keyPosition > 0)
    .sort((a, b) => a.keyPosition - b.keyPosition)
    .map(({ name }) => name);
  if (foundKey.join("\0") !== key.join("\0")) {
    differences.push(`the primary key is (${foundKey.join(", ")}), not (${key.join(", ")})`);
  }
  if (differences.length === 0) return;
  throw new StorageSchemaMismatchError(
    `table "${table.name}" is not as this library makes it; nothing was changed`,
    differences,
  );
}

function createTableSql(dialect: SqlDialect, table: LibraryTable, ifMissing: boolean): string {
  const { key, columns } = table;
  const lines =
    "identity" in key
      ? [
          `${quoted(dialect, key.identity)} ${dialect.identityKey}`,
          ...columns.map((column) => columnSql(dialect, column)),
        ]
      : [
          ...columns.map((column) => columnSql(dialect, column)),
          `PRIMARY KEY (${key.map((name) => quoted(dialect, name)).join(", ")})`,
        ];
  return `CREATE TABLE ${ifMissing ? "IF NOT EXISTS " : ""}${dialect.qualified(table.name)} (
  ${lines.join(",\n  ")}
)${table.churns === true ? (dialect.churningTableSuffix ?? "") : ""}`;
}

function columnSql(dialect: SqlDialect, column: LibraryColumn): string {
  const { name, type, nullable, default: value } = column;
  const rule = nullable ? "" : " NOT NULL";
  const filled = value === undefined ? "" : ` DEFAULT ${dialect.literal(value)}`;
  return `${quoted(dialect, name)} ${dialect.columnType(type)}${rule}${filled}`;
}

function createIndexSql(
  dialect: SqlDialect,
  table: LibraryTable,
  index: LibraryIndex,
  ifMissing: boolean,
): string {
  const terms = index.columns.map((column) =>
    typeof column === "string"
      ? quoted(dialect, column)
      : dialect.orderTerm(quoted(dialect, column.descending), true, false),
  );
  const where = index.where === undefined ? "" : ` WHERE ${index.where}`;
  const name = quoted(dialect, nameOfIndex(table, index));
  return `CREATE INDEX ${ifMissing ? "IF NOT EXISTS " : ""}${name} ON ${dialect.qualified(table.name)} (${terms.join(", ")})${where}`;
}

/** Another design has another name, so that an index is known by it. */
function nameOfIndex(table: LibraryTable, { columns, where = "" }: LibraryIndex): string {
  const terms = columns.map((c) => (typeof c === "string" ? c : `${c.descending} DESC`));
  return indexName(
    table.name,
    [...terms, where].map((name) => ({ name })),
    false,
  );
}

function quoted(dialect: SqlDialect, name: string): string {
  return quoteIdentifier(name, dialect.maxIdentifierBytes);
}

const plain = (text: string): SqlStatement => ({ text, params: [] });
