import { StorageValidationError, sleep } from "@workglow/util";
import type { Migration, MigrationStep } from "../migrations/Migration.ts";
import type { Column } from "../tabular/schema/Column.ts";
import { type CanonicalValue, canonicalValue } from "../tabular/schema/canonicalValue.ts";
import type { Row } from "../tabular/schema/TableSchema.ts";
import { dropped, MigrationSteps } from "./MigrationSteps.ts";
import { MigrationTable } from "./MigrationTable.ts";
import { indexColumns } from "./possibleIndexes.ts";
import { RowCodec } from "./RowCodec.ts";
import { SqlBuilder } from "./SqlBuilder.ts";
import type { DescribedTable } from "./SqlDialect.ts";
import type { SqlExecutor, SqlRow, SqlStatement, SqlValue } from "./SqlExecutor.ts";
import { indexName, type SqlColumn, type SqlTable } from "./SqlTable.ts";

const BATCH_ROWS = 500;

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
  const list = columns.map((column) => table.quote(column.name)).join(", ");
  await run(
    tx,
    `CREATE ${unique ? "UNIQUE " : ""}INDEX ${table.quote(name)} ON ${table.quoted} (${list})`,
  );
}

async function dropIndexes(
  tx: SqlExecutor,
  table: SqlTable,
  found: DescribedTable,
  chosen: (columns: readonly string[]) => boolean,
): Promise<void> {
  for (const index of found.indexes) {
    if (chosen(index.columns)) await run(tx, `DROP INDEX ${table.quote(index.name)}`);
  }
}

/** The columns that the table has before a step, as properties. */
function currentColumns(
  table: SqlTable,
  all: MigrationSteps,
  at: number,
  found: DescribedTable,
): readonly SqlColumn[] {
  const tenant = new Set(table.prefixColumns.map(({ name }) => name));
  return found.columns
    .filter(({ name }) => !tenant.has(name))
    .map(
      ({ name, declaredType }) =>
        all.columnAt(at, name) ??
        table.columnOutside(dropped(name, table.dialect.propertyType(declaredType))),
    );
}

/** Rewrites all rows of all tenants, in batches by key. */
async function rewriteRows(
  tx: SqlExecutor,
  table: SqlTable,
  columns: readonly SqlColumn[],
  transform: (row: Readonly<Row>) => Row,
): Promise<void> {
  const codec = new RowCodec(columns);
  const values = columns.filter(({ property }) => property?.inKey !== true);
  let after: readonly SqlValue[] | undefined;
  for (;;) {
    const { rows } = await tx.execute(nextBatch(table, columns, after));
    for (const row of rows) {
      const changed = transform(codec.decode(row.slice(table.key.length)));
      await tx.execute(replacement(table, values, row, checkedRow(columns, changed)));
    }
    if (rows.length < BATCH_ROWS) return;
    after = (rows.at(-1) as SqlRow).slice(0, table.key.length);
    // Lets others use the event loop between batches.
    await sleep(0);
  }
}

function nextBatch(
  table: SqlTable,
  columns: readonly SqlColumn[],
  after: readonly SqlValue[] | undefined,
): SqlStatement {
  const sql = new SqlBuilder(table.dialect);
  const key = table.key.map(({ quoted }) => quoted).join(", ");
  const position = after?.map((value, i) => sql.bindAs(value, (table.key[i] as SqlColumn).type));
  const where = position === undefined ? "" : ` WHERE (${key}) > (${position.join(", ")})`;
  const selected = [...table.key, ...columns].map((column) => column.selected).join(", ");
  const limit = table.dialect.limitClause(BATCH_ROWS, undefined, sql.bind);
  return sql.statement(`SELECT ${selected} FROM ${table.quoted}${where} ORDER BY ${key}${limit}`);
}

function replacement(
  table: SqlTable,
  values: readonly SqlColumn[],
  found: SqlRow,
  row: Row,
): SqlStatement {
  const sql = new SqlBuilder(table.dialect);
  const changes = values.map((column) => {
    const value = row[(column.property as Column).name] ?? null;
    const encoded = value === null ? null : column.codec.encode(value);
    return `${column.quoted} = ${sql.bindAs(encoded, column.type)}`;
  });
  const key = table.key.map(
    (column, i) => `${column.reference} = ${sql.bindAs(found[i] as SqlValue, column.type)}`,
  );
  return sql.statement(
    `UPDATE ${table.quoted} SET ${changes.join(", ")} WHERE ${key.join(" AND ")}`,
  );
}

/** @throws StorageValidationError for what the columns of this moment do not take */
function checkedRow(columns: readonly SqlColumn[], given: Row): Row {
  const row: Row = {};
  const known = new Map(columns.map(({ property }) => [property?.name, property as Column]));
  for (const [name, value] of Object.entries(given)) {
    const property = known.get(name);
    if (property === undefined) {
      throw new StorageValidationError(
        `a migration's transform gives column "${name}", which is not there`,
      );
    }
    if (value !== undefined && value !== null)
      row[name] = canonicalValue(property, value) as CanonicalValue;
  }
  return row;
}

const run = async (tx: SqlExecutor, text: string): Promise<void> => {
  await tx.execute({ text, params: [] });
};
