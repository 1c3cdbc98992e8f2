import { quoteIdentifier } from "@workglow/storage/sql";
import {
  DELETE,
  INSERT,
  leaseLives,
  logTable,
  PENDING,
  triggerName,
  UPDATE,
} from "./changeLogTables.ts";

/** A table and what of it is logged; names as the database has them. */
export interface LoggedTable {
  readonly table: string;
  readonly columns: readonly string[];
  /** Of the primary key; among `columns`. */
  readonly keyColumns: readonly string[];
}

const quote = (name: string): string => quoteIdentifier(name, Number.MAX_SAFE_INTEGER);

/** The log's column that holds what `column` held before the change, quoted. */
export const oldColumn = (column: string): string => quote(`old:${column}`);
/** The log's column that holds what `column` holds after the change, quoted. */
export const newColumn = (column: string): string => quote(`new:${column}`);

/**
 * The log's columns have no type, so that every value is kept as it is stored. The row with the
 * highest `seq` is never trimmed: a new one always gets the next number, without the cost of
 * AUTOINCREMENT.
 */
export function createLog(log: string, columns: readonly string[]): string {
  const values = columns.flatMap((column) => [oldColumn(column), newColumn(column)]);
  return `CREATE TABLE ${logTable(log)} (
  "seq" INTEGER PRIMARY KEY,
  "type" INTEGER NOT NULL,
  ${values.join(",\n  ")}
)`;
}

export function addLogColumn(log: string, column: string): readonly string[] {
  const table = logTable(log);
  return [
    `ALTER TABLE ${table} ADD COLUMN ${oldColumn(column)}`,
    `ALTER TABLE ${table} ADD COLUMN ${newColumn(column)}`,
  ];
}

/**
 * The triggers log while a lease lives, and cost one look at the leases otherwise.
 *
 * INSERT OR REPLACE fires no delete trigger, so what it replaces would be an INSERT without its old
 * row. A trigger before each INSERT therefore logs the row that has the key already, as PENDING;
 * whatever fires after it (an INSERT that replaced, or the UPDATE of an upsert) completes that row.
 * An INSERT that did nothing leaves it, last in the log, to be removed before the next one.
 */
export function createTriggers(log: string, logged: LoggedTable): readonly string[] {
  const table = quote(logged.table);
  const columns = logged.columns.map(quote);
  const before = logged.columns.map(oldColumn).join(", ");
  const after = logged.columns.map(newColumn).join(", ");
  const values = (row: string): string => columns.map((column) => `${row}.${column}`).join(", ");
  const into = logTable(log);
  const last = `"seq" = (SELECT max("seq") FROM ${into}) AND "type" = ${PENDING}`;
  const matchesKey = (row: string, other: (column: string) => string): string =>
    logged.keyColumns.map((key) => `${row}.${quote(key)} = ${other(key)}`).join(" AND ");
  const complete = `UPDATE ${into} SET "type" = ${UPDATE}, ${logged.columns
    .map((column) => `${newColumn(column)} = NEW.${quote(column)}`)
    .join(", ")} WHERE ${last} AND`;

  const trigger = (
    name: Parameters<typeof triggerName>[1],
    event: string,
    statements: readonly string[],
  ): string =>
    `CREATE TRIGGER ${triggerName(log, name)} ${event} ON ${table} WHEN ${leaseLives(`'${log}'`)} BEGIN
  ${statements.join(";\n  ")};
END`;

  return [
    trigger("replace", "BEFORE INSERT", [
      `DELETE FROM ${into} WHERE ${last}`,
      // By the table's primary key.
      `INSERT INTO ${into} ("type", ${before}) SELECT ${PENDING}, ${values(table)} FROM ${table} WHERE ${matchesKey("NEW", (key) => `${table}.${quote(key)}`)}`,
    ]),
    trigger("insert", "AFTER INSERT", [
      `${complete} ${matchesKey("NEW", oldColumn)}`,
      `INSERT INTO ${into} ("type", ${after}) SELECT ${INSERT}, ${values("NEW")} WHERE changes() = 0`,
    ]),
    trigger("update", "AFTER UPDATE", [
      `${complete} ${matchesKey("OLD", oldColumn)}`,
      `INSERT INTO ${into} ("type", ${before}, ${after}) SELECT ${UPDATE}, ${values("OLD")}, ${values("NEW")} WHERE changes() = 0`,
    ]),
    trigger("delete", "AFTER DELETE", [
      `INSERT INTO ${into} ("type", ${before}) VALUES (${DELETE}, ${values("OLD")})`,
    ]),
  ];
}
