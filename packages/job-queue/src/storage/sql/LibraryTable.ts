import {
  type DescribedTable,
  indexName,
  quoteIdentifier,
  type SqlChangeFeed,
  type SqlColumnType,
  type SqlDialect,
  type SqlExecutor,
  type SqlProgram,
  type SqlStatement,
  type SqlValue,
} from "@workglow/storage/sql";
import { type CallOptions, StorageSchemaMismatchError } from "@workglow/util";

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
  readonly indexes: readonly LibraryIndex[];
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
  feed: SqlChangeFeed | undefined,
  o: CallOptions | undefined,
): Promise<void> {
  const { dialect } = executor;
  const missing = await executor.atomic(() => missingStatements(dialect, tables), {
    ...o,
    mode: "read",
  });
  if (missing.length > 0) await executor.atomic(() => extendTables(dialect, tables), o);
  await feed?.sweep();
}

/** The statements that make the tables where they are not there, as text. */
export function libraryTablesSql(dialect: SqlDialect, tables: readonly LibraryTable[]): string {
  const statements = tables.flatMap((table) => [
    createTableSql(dialect, table, true),
    ...table.indexes.map((index) => createIndexSql(dialect, table, index, true)),
  ]);
  return `${statements.join(";\n\n")};\n`;
}

function* extendTables(dialect: SqlDialect, tables: readonly LibraryTable[]): SqlProgram<void> {
  for (const text of yield* missingStatements(dialect, tables)) yield plain(text);
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
          `ALTER TABLE ${quoted(dialect, table.name)} ADD COLUMN ${columnSql(dialect, column)}`,
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
  return `CREATE TABLE ${ifMissing ? "IF NOT EXISTS " : ""}${quoted(dialect, table.name)} (
  ${lines.join(",\n  ")}
)`;
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
  return `CREATE INDEX ${ifMissing ? "IF NOT EXISTS " : ""}${name} ON ${quoted(dialect, table.name)} (${terms.join(", ")})${where}`;
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
