import { type DerivedColumn, derivedValue } from "./DerivedColumn.ts";
import { RowCodec } from "./RowCodec.ts";
import { rowBatches } from "./rowBatches.ts";
import { SqlBuilder } from "./SqlBuilder.ts";
import type { SqlExecutor, SqlStatement, SqlValue } from "./SqlExecutor.ts";
import type { SqlTable } from "./SqlTable.ts";

/** No table of a user's has a name like that. */
const FILLED = '"_workglow_filled"';

/** Computes a derived column anew in all rows of all tenants, in batches by key. */
export async function fillDerivedColumn(
  tx: SqlExecutor,
  table: SqlTable,
  derived: DerivedColumn,
): Promise<void> {
  const codec = new RowCodec([table.column(derived.from)]);
  for await (const rows of rowBatches(tx, table, [table.column(derived.from)])) {
    const filled = rows.map((row) => {
      const [key, source] = [row.slice(0, table.key.length), row.slice(table.key.length)];
      return [...key, derivedValue(derived, codec.decode(source))];
    });
    await tx.execute(fill(table, derived, filled));
  }
}

function fill(
  table: SqlTable,
  derived: DerivedColumn,
  rows: readonly (readonly SqlValue[])[],
): SqlStatement {
  const sql = new SqlBuilder(table.dialect);
  const types = [...table.key.map(({ type }) => type), derived.type];
  const names = types.map((_, i) => `"column${i}"`);
  const source = table.dialect.rowSource(types, rows, sql.bind);
  const matches = table.key.map(({ reference }, i) => `${reference} = ${FILLED}.${names[i]}`);
  return sql.statement(
    `UPDATE ${table.quoted} SET ${derived.quoted} = ${FILLED}.${names.at(-1)} FROM (${source}) AS ${FILLED} (${names.join(", ")}) WHERE ${matches.join(" AND ")}`,
  );
}
