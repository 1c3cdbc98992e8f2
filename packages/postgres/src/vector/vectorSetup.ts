import type { Column } from "@workglow/storage";
import type { DerivedColumn, SqlExecutor, SqlProgram, SqlTable } from "@workglow/storage/sql";
import type { CallOptions } from "@workglow/util";
import { type HnswIndex, isHnswName } from "./HnswIndex.ts";

/**
 * Makes what searches need beyond the table: the place of its columns on disk and the index. Where
 * nothing is missing it only reads.
 */
export async function setUpVectors(
  executor: SqlExecutor,
  table: SqlTable,
  index: HnswIndex | undefined,
  o: CallOptions | undefined,
): Promise<void> {
  const missing = await executor.atomic(() => missingSql(table, index), { ...o, mode: "read" });
  if (missing.length === 0) return;
  await executor.transaction(
    async (tx) => {
      await tx.atomic(() => table.dialect.beginSetup());
      for (const text of await tx.atomic(() => missingSql(table, index))) {
        await tx.execute({ text, params: [] });
      }
    },
    { ...o, isolation: "read committed" },
  );
}

/** What a team's own tools have to run, before and after the table's own statements. */
export function vectorSchemaSql(
  tableSql: string,
  table: SqlTable,
  index: HnswIndex | undefined,
): string {
  const statements = [
    ...storageOf(table).map(({ sql }) => sql),
    ...(index === undefined ? [] : [wholeRowsSql(table), index.createSql(true)]),
  ];
  return `CREATE EXTENSION IF NOT EXISTS vector;\n\n${tableSql}\n${statements.join(";\n\n")};\n`;
}

interface ColumnStorage {
  readonly name: string;
  /** As `pg_attribute` has it. */
  readonly kind: string;
  readonly sql: string;
}

/**
 * Searches without an index read the unit vectors of all rows, so these stay in their rows up to the
 * size of a page, and the vectors as they are, of which only the best are read, leave them first.
 * Neither is worth an attempt to compress it.
 */
function storageOf(table: SqlTable): readonly ColumnStorage[] {
  const unit = table.derived[0] as DerivedColumn;
  const alter = (column: { readonly name: string; readonly quoted: string }, storage: string) => ({
    name: column.name,
    kind: storage === "MAIN" ? "m" : "e",
    sql: `ALTER TABLE ${table.quoted} ALTER COLUMN ${column.quoted} SET STORAGE ${storage}`,
  });
  return [alter(table.column(unit.from as Column), "EXTERNAL"), alter(unit, "MAIN")];
}

/** The largest size of a row in bytes that PostgreSQL takes here, which is a page's. */
const WHOLE_ROW_BYTES = 8160;
const ROW_SIZE_OPTION = "toast_tuple_target";

/**
 * Where an index leads to the few rows that are read, they are read whole: to fetch each vector from
 * outside of its row costs as much as a quarter of the search. All rows are read rarely then.
 */
const wholeRowsSql = (table: SqlTable): string =>
  `ALTER TABLE ${table.quoted} SET (${ROW_SIZE_OPTION} = ${WHOLE_ROW_BYTES})`;

function* missingSql(table: SqlTable, index: HnswIndex | undefined): SqlProgram<readonly string[]> {
  const { dialect } = table;
  const place = `to_regclass(${dialect.literal(table.quoted)})`;
  const columns = yield {
    text: `SELECT attname, attstorage FROM pg_catalog.pg_attribute WHERE attrelid = ${place} AND NOT attisdropped`,
    params: [],
  };
  const stored = new Map(columns.rows.map(([name, kind]) => [name, kind]));
  const missing = storageOf(table)
    .filter(({ name, kind }) => stored.get(name) !== kind)
    .map(({ sql }) => sql);
  if (index === undefined) return missing;
  // A partitioned table takes no such option; who made it knows of its partitions.
  const open = yield {
    text: `SELECT 1 FROM pg_catalog.pg_class WHERE oid = ${place} AND relkind = 'r' AND NOT coalesce(array_to_string(reloptions, ' '), '') LIKE '%${ROW_SIZE_OPTION}%'`,
    params: [],
  };
  if (open.rows.length > 0) missing.push(wholeRowsSql(table));
  const { rows } = yield {
    text: `SELECT c.relname FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid WHERE i.indrelid = ${place}`,
    params: [],
  };
  const names = rows.map(([name]) => String(name)).filter((name) => isHnswName(table, name));
  const others = names.filter((name) => name !== index.name);
  return [
    ...missing,
    ...others.map((name) => `DROP INDEX ${dialect.qualified(name)}`),
    ...(names.includes(index.name) ? [] : [index.createSql(false)]),
  ];
}
