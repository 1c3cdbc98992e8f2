import type { MigrationSteps } from "./MigrationSteps.ts";
import { indexName, type SqlTable } from "./SqlTable.ts";

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

/** The name that a new index gets before step `at`: one that no renamed column's index has. */
export function newIndexName(
  table: SqlTable,
  steps: MigrationSteps,
  at: number,
  names: readonly string[],
  unique: boolean,
): string {
  const name = indexName(table.name, indexColumns(table, names, unique), unique);
  return names.some((column) => steps.hasRenamed(at, column)) ? `${name}2` : name;
}

/**
 * The names under which the library may have made an index on these columns, unique or not. An
 * index keeps the name that it got when its columns had other names.
 */
export function possibleIndexes(
  table: SqlTable,
  steps: MigrationSteps,
  at: number,
  lists: readonly (readonly string[])[],
): readonly string[] {
  const found = new Set<string>();
  for (const list of lists) {
    for (let then = at; then >= 0; then--) {
      const names = list.flatMap((name) => steps.nameAt(at, then, name) ?? []);
      // Before one of the columns was there, there was no index on it.
      if (names.length < list.length) break;
      for (const unique of [false, true]) {
        found.add(indexName(table.name, indexColumns(table, names, unique), unique));
        found.add(newIndexName(table, steps, then, names, unique));
      }
    }
  }
  return [...found];
}

/**
 * The columns of indexes that may lie over a column before step `at`: alone, with one other column,
 * and as migrations name it.
 */
export function possibleLists(
  steps: MigrationSteps,
  at: number,
  column: string,
): readonly (readonly string[])[] {
  const others = steps.columnsBefore(at).filter((name) => name !== column);
  return [
    [column],
    ...others.flatMap((other) => [
      [column, other],
      [other, column],
    ]),
    ...steps.indexesAdded(at).filter((list) => list.includes(column)),
  ];
}
