import { StorageValidationError } from "@workglow/util";
import { givenRow } from "../migrations/givenRow.ts";
import type { Column } from "../tabular/schema/Column.ts";
import { type CanonicalValue, canonicalValue } from "../tabular/schema/canonicalValue.ts";
import type { Row } from "../tabular/schema/TableSchema.ts";
import { RowCodec } from "./RowCodec.ts";
import { rowBatches } from "./rowBatches.ts";
import { SqlBuilder } from "./SqlBuilder.ts";
import type { SqlExecutor, SqlStatement, SqlValue } from "./SqlExecutor.ts";
import type { SqlColumn, SqlTable } from "./SqlTable.ts";

/** No table of a user's has a name like that. */
const CHANGED = '"_workglow_changed"';

interface ChangedRow {
  readonly key: readonly SqlValue[];
  readonly row: Row;
}

/** Rewrites all rows of all tenants, in batches by key. */
export async function rewriteRows(
  tx: SqlExecutor,
  table: SqlTable,
  columns: readonly SqlColumn[],
  transform: (row: Readonly<Row>) => Row,
): Promise<void> {
  const codec = new RowCodec(columns);
  const values = columns.filter(({ property }) => property?.inKey !== true);
  for await (const rows of rowBatches(tx, table, columns)) {
    const changed = rows.map((row): ChangedRow => {
      const decoded = codec.decode(row.slice(table.key.length));
      const key = row.slice(0, table.key.length);
      return { key, row: checkedRow(columns, transform(decoded), decoded) };
    });
    await storeRows(tx, table, values, changed);
  }
}

/** In one statement where lists travel better, else row by row. */
async function storeRows(
  tx: SqlExecutor,
  table: SqlTable,
  values: readonly SqlColumn[],
  changed: readonly ChangedRow[],
): Promise<void> {
  if (changed.length === 0 || values.length === 0) return;
  if (tx.concurrent === true) {
    await tx.execute(replaceListed(table, values, changed));
    return;
  }
  for (const one of changed) await tx.execute(replacement(table, values, one));
}

function replacement(
  table: SqlTable,
  values: readonly SqlColumn[],
  { key, row }: ChangedRow,
): SqlStatement {
  const sql = new SqlBuilder(table.dialect);
  const changes = values.map(
    (column) => `${column.quoted} = ${sql.bindAs(encoded(column, row), column.type)}`,
  );
  const oneRow = table.key.map(
    (column, i) => `${column.reference} = ${sql.bindAs(key[i] as SqlValue, column.type)}`,
  );
  return sql.statement(
    `UPDATE ${table.quoted} SET ${changes.join(", ")} WHERE ${oneRow.join(" AND ")}`,
  );
}

/** {@link replacement} of many rows. */
function replaceListed(
  table: SqlTable,
  values: readonly SqlColumn[],
  changed: readonly ChangedRow[],
): SqlStatement {
  const sql = new SqlBuilder(table.dialect);
  const columns = [...table.key, ...values];
  const rows = changed.map(({ key, row }) => [...key, ...values.map((c) => encoded(c, row))]);
  const types = columns.map(({ type }) => type);
  const source = table.dialect.rowSource(types, rows, sql.bind);
  const names = columns.map((_, i) => `"column${i}"`);
  const given = (place: number): string => `${CHANGED}.${names[place]}`;
  const changes = values.map(({ quoted }, i) => `${quoted} = ${given(table.key.length + i)}`);
  const sameKey = table.key.map(({ reference }, i) => `${reference} = ${given(i)}`);
  return sql.statement(
    `UPDATE ${table.quoted} SET ${changes.join(", ")} FROM (${source}) AS ${CHANGED} (${names.join(", ")}) WHERE ${sameKey.join(" AND ")}`,
  );
}

function encoded({ property, codec }: SqlColumn, row: Row): SqlValue {
  const value = row[(property as Column).name] ?? null;
  return value === null ? null : codec.encode(value);
}

/**
 * What a transform gives, as it is stored. Values that it only hands on are taken as they are: an
 * integer column that the schema no longer has may hold more than numbers can.
 *
 * @throws StorageValidationError for what the columns of this moment do not take
 */
function checkedRow(columns: readonly SqlColumn[], given: unknown, before: Row): Row {
  const row: Row = {};
  const known = new Map(columns.map(({ property }) => [property?.name, property as Column]));
  for (const [name, value] of Object.entries(givenRow("a migration's transform", given))) {
    const property = known.get(name);
    if (property === undefined) {
      throw new StorageValidationError(
        `a migration's transform gives column "${name}", which is not there`,
      );
    }
    if (value === undefined || value === null) continue;
    const isHandedOn = typeof value === "bigint" && value === before[name];
    row[name] = isHandedOn ? value : (canonicalValue(property, value) as CanonicalValue);
  }
  return row;
}
