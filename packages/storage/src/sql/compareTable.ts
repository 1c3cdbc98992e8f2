import type { DerivedColumn } from "./DerivedColumn.ts";
import type { DescribedColumn, DescribedIndex, DescribedTable } from "./SqlDialect.ts";
import type { SqlColumn, SqlIndex, SqlTable } from "./SqlTable.ts";

/** What an existing table lacks, and where it contradicts the schema. */
export interface TableComparison {
  readonly missingColumns: readonly (SqlColumn | DerivedColumn)[];
  readonly missingIndexes: readonly SqlIndex[];
  /** One line each; nothing that `setupDatabase()` may repair by itself. */
  readonly differences: readonly string[];
}

export function compareTable(table: SqlTable, found: DescribedTable): TableComparison {
  const wanted = [...table.prefixColumns, ...table.properties, ...table.derived];
  const columns = new Map(found.columns.map((column) => [column.name, column]));
  const missing = wanted.filter(({ name }) => !columns.has(name));
  return {
    missingColumns: missing.filter(({ nullable }) => nullable),
    missingIndexes: table.indexes.filter((index) => !found.indexes.some((f) => isSame(index, f))),
    differences: [
      ...missing
        .filter(({ nullable }) => !nullable)
        .map(({ name }) => `column "${name}" is required but missing`),
      ...wanted.flatMap((column) => {
        const existing = columns.get(column.name);
        return existing === undefined ? [] : columnDifferences(table, column, existing);
      }),
      ...keyDifferences(table, found),
      ...found.columns
        .filter(({ name }) => !wanted.some((column) => column.name === name))
        .map(({ name }) => `column "${name}" is not in the schema`),
      ...found.indexes
        .filter((index) => index.unique && index.plain && !isWanted(table, index))
        .map(
          ({ columns: names }) => `the unique index on ${quotedList(names)} is not in the schema`,
        ),
    ],
  };
}

function columnDifferences(
  table: SqlTable,
  wanted: SqlColumn | DerivedColumn,
  found: DescribedColumn,
): string[] {
  const differences: string[] = [];
  const isSame =
    typeof wanted.type === "string"
      ? table.dialect.sameType(found.declaredType, wanted.ddlType)
      : wanted.type.isSame(found.declaredType);
  if (!isSame) {
    differences.push(
      `column "${wanted.name}" is ${found.declaredType || "of no type"}, not ${wanted.ddlType}`,
    );
  }
  // A key column without NOT NULL holds no null either: the storage writes none.
  if (found.nullable !== wanted.nullable && found.keyPosition === 0) {
    differences.push(
      wanted.nullable
        ? `column "${wanted.name}" does not take null, as the schema does`
        : `column "${wanted.name}" takes null, as the schema does not`,
    );
  }
  return differences;
}

function keyDifferences(table: SqlTable, found: DescribedTable): string[] {
  const key = found.columns
    .filter(({ keyPosition }) => keyPosition > 0)
    .sort((a, b) => a.keyPosition - b.keyPosition)
    .map(({ name }) => name);
  const wanted = table.key.map(({ name }) => name);
  if (JSON.stringify(key) === JSON.stringify(wanted)) return [];
  return [`the primary key is ${quotedList(key)}, not ${quotedList(wanted)}`];
}

const isWanted = (table: SqlTable, found: DescribedIndex): boolean =>
  table.indexes.some((index) => isSame(index, found));

function isSame(index: SqlIndex, found: DescribedIndex): boolean {
  return (
    found.plain &&
    found.unique === index.unique &&
    found.columns.length === index.columns.length &&
    index.columns.every(({ name }, i) => name === found.columns[i])
  );
}

const quotedList = (names: readonly string[]): string =>
  names.length === 0 ? "nothing" : names.map((name) => `"${name}"`).join(", ");
