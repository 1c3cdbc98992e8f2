import { sleep } from "@workglow/util";
import { SqlBuilder } from "./SqlBuilder.ts";
import type { SqlExecutor, SqlRow, SqlStatement, SqlValue } from "./SqlExecutor.ts";
import type { SqlColumn, SqlTable } from "./SqlTable.ts";

const BATCH_ROWS = 500;

/** All rows of all tenants in the order of the key, each with its whole key before the columns. */
export async function* rowBatches(
  tx: SqlExecutor,
  table: SqlTable,
  columns: readonly SqlColumn[],
): AsyncGenerator<readonly SqlRow[], void> {
  let after: readonly SqlValue[] | undefined;
  for (;;) {
    const { rows } = await tx.execute(nextBatch(table, columns, after));
    if (rows.length > 0) yield rows;
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
