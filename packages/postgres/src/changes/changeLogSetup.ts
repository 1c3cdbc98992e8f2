import type { SqlChangeTable, SqlDialect, SqlProgram } from "@workglow/storage/sql";
import { sha256Hex } from "@workglow/util";
import { literal } from "../dialect/literal.ts";
import {
  type ChangeLogNames,
  changeLogNames,
  DELETE,
  INSERT,
  type LoggedColumn,
  loggedColumns,
  OPENED,
  quote,
  TRIGGERS,
  TRUNCATE,
  UPDATE,
} from "./changeLogNames.ts";
import { SUBSCRIBERS_COLUMNS } from "./leasePrograms.ts";

/** To be raised when the function below changes, so that set-ups replace older ones. */
const VERSION = 1;

/** The log has two columns of its own. */
const OWN_COLUMNS = 2;

/** Whether a log of the table's changes can have all of its columns. */
export function canBeLogged(dialect: SqlDialect, { columns, keyColumns }: SqlChangeTable): boolean {
  const logged = loggedColumns(
    columns.map(({ name }) => name),
    keyColumns,
  );
  const width = logged.reduce((sum, column) => sum + (column.old === column.new ? 1 : 2), 0);
  return width + OWN_COLUMNS <= dialect.maxColumns;
}

/**
 * Makes or widens the log of a table, its triggers and what belongs to them, in one statement that
 * may run again. Needs the table's owner.
 */
export function setupSql(dialect: SqlDialect, table: SqlChangeTable): string {
  const names = changeLogNames(dialect, table.table);
  const columns = columnsOf(table);
  return `DO ${dollarQuoted(`DECLARE
  source regclass := ${literal(names.source)};
  log regclass;
  home text;
  additions text;
  unlike boolean;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('_workglow_changes', 0));
  CREATE TABLE IF NOT EXISTS ${names.subscribers} (${SUBSCRIBERS_COLUMNS});
  CREATE SEQUENCE IF NOT EXISTS ${names.gate} MINVALUE 0 START 0;
  IF to_regclass(${literal(names.log)}) IS NULL THEN
    CREATE TABLE ${names.log} ("seq" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "kind" smallint NOT NULL)
      WITH (autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0.05);
    CREATE INDEX ON ${names.log} ("seq") WHERE "kind" = ${OPENED};
  END IF;
  log := ${literal(names.log)};
  SELECT quote_ident(n.nspname) INTO home FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = log;
  -- Columns of the table's own types keep its values as they are.
  SELECT string_agg(
      CASE WHEN l.attname IS NULL THEN '' ELSE format('DROP COLUMN %I, ', v.logged) END
        || format('ADD COLUMN %I %s', v.logged, format_type(a.atttypid, a.atttypmod)), ', '),
    coalesce(bool_or(l.attname IS NOT NULL), false)
    INTO additions, unlike
    FROM (VALUES ${valuesOf(columns)}) v (name, logged)
    JOIN pg_attribute a ON a.attrelid = source AND a.attname = v.name AND NOT a.attisdropped
    LEFT JOIN pg_attribute l ON l.attrelid = log AND l.attname = v.logged AND NOT l.attisdropped
    WHERE l.attname IS NULL OR l.atttypid <> a.atttypid;
  IF additions IS NOT NULL THEN EXECUTE format('ALTER TABLE %s ', log) || additions; END IF;
  EXECUTE format(${dollarQuoted(functionSql(names, table, columns))}, home,
    (SELECT format('%s.%I', home, relname) FROM pg_class WHERE oid = ${literal(names.gate)}::regclass),
    (SELECT relname FROM pg_class WHERE oid = log));
  -- Only a function that nobody else can attach keeps strangers from writing to the log.
  EXECUTE format('REVOKE ALL ON FUNCTION %s.%I() FROM PUBLIC', home, (SELECT relname FROM pg_class WHERE oid = log));
  IF (SELECT count(*) FROM pg_trigger WHERE tgrelid = source AND tgname IN (${TRIGGERS.map(literal).join(", ")})) < ${TRIGGERS.length} THEN
    unlike := true;
    ${createTriggers(names).join(";\n    ")};
  END IF;
  -- What happened before is not known.
  IF unlike THEN INSERT INTO ${names.log} ("kind") VALUES (${OPENED}); END IF;
END`)}`;
}

/** Removes what {@link setupSql} made; the subscribers' table is everybody's. */
export function teardownSql(dialect: SqlDialect, table: string): readonly string[] {
  const { log, logFunction, gate } = changeLogNames(dialect, table);
  return [
    // With its triggers.
    `DROP FUNCTION IF EXISTS ${logFunction}() CASCADE`,
    `DROP TABLE IF EXISTS ${log}`,
    `DROP SEQUENCE IF EXISTS ${gate}`,
  ];
}

/** Whether {@link setupSql} has been run for this table with these columns. */
export function* isSetUp(dialect: SqlDialect, table: SqlChangeTable): SqlProgram<boolean> {
  const names = changeLogNames(dialect, table.table);
  const { rows } = yield {
    text: `SELECT count(*) FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
WHERE t.tgrelid = to_regclass($1::text) AND NOT t.tgisinternal AND t.tgname = ANY($2::text[]) AND position($3::text IN p.prosrc) > 0
  AND to_regclass($4::text) IS NOT NULL AND to_regclass($5::text) IS NOT NULL AND to_regclass($6::text) IS NOT NULL`,
    params: [names.source, TRIGGERS, fingerprint(table), names.log, names.gate, names.subscribers],
  };
  return Number(rows[0]?.[0]) === TRIGGERS.length;
}

function columnsOf({ columns, keyColumns }: SqlChangeTable): readonly LoggedColumn[] {
  return loggedColumns(
    columns.map(({ name }) => name),
    keyColumns,
  );
}

const fingerprint = ({ columns, keyColumns }: SqlChangeTable): string =>
  sha256Hex(JSON.stringify([VERSION, columns.map(({ name }) => name), keyColumns]));

const valuesOf = (columns: readonly LoggedColumn[]): string =>
  columns
    .flatMap((column) =>
      [...new Set([column.old, column.new])].map((logged) => [column.name, logged]),
    )
    .map(([name, logged]) => `(${literal(name as string)}, ${literal(logged as string)})`)
    .join(", ");

function createTriggers({ source, logFunction }: ChangeLogNames): readonly string[] {
  const [insert, update, remove, truncate] = TRIGGERS;
  const trigger = (name: string, event: string, rows: string): string =>
    `CREATE OR REPLACE TRIGGER ${quote(name)} AFTER ${event} ON ${source}${rows} FOR EACH STATEMENT EXECUTE FUNCTION ${logFunction}()`;
  const referencing = (...tables: string[]): string => ` REFERENCING ${tables.join(" ")}`;
  const before = "OLD TABLE AS old_rows";
  const after = "NEW TABLE AS new_rows";
  return [
    trigger(insert, "INSERT", referencing(after)),
    trigger(update, "UPDATE", referencing(before, after)),
    trigger(remove, "DELETE", referencing(before)),
    trigger(truncate, "TRUNCATE", ""),
  ];
}

/**
 * The function of all four triggers, to be completed by `format` with the schema, the gate and the
 * function's name. It writes as its owner, so that writers need no rights on the log; a search path
 * of its own would double what it costs without subscribers, so every name in it is qualified.
 *
 * The gate is read past any snapshot: a serializable transaction that began before the first
 * subscription logs from then on, too, and is in nobody's way. Nested loops would be planned for
 * the few rows of a first call and kept for the many of a later one.
 */
function functionSql(
  { log, gate }: ChangeLogNames,
  { keyColumns, ...table }: SqlChangeTable,
  columns: readonly LoggedColumn[],
): string {
  const into = (sides: readonly string[]): string =>
    `INSERT INTO %1$s.%3$I (${['"kind"', ...sides.map(inFormat)].join(", ")})`;
  const keys = columns.filter((column) => column.old === column.new);
  const others = columns.filter((column) => column.old !== column.new);
  const row = (alias: string, list: readonly LoggedColumn[]): readonly string[] =>
    list.map(({ name }) => `${alias}.${inFormat(name)}`);
  const oldSides = others.map((column) => column.old);
  const newSides = others.map((column) => column.new);
  const keySides = keys.map((column) => column.old);
  const sameKey = keys
    .map(({ name }) => `o.${inFormat(name)} ${op("=")} n.${inFormat(name)}`)
    .join(" AND ");
  const eitherKey = keys.map(({ name }) => `coalesce(n.${inFormat(name)}, o.${inFormat(name)})`);
  const firstKey = inFormat((keys[0] as LoggedColumn).name);
  return `CREATE OR REPLACE FUNCTION %1$s.%3$I() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER AS ${dollarQuoted(
    `-- ${fingerprint({ ...table, keyColumns })}
DECLARE
  nested text;
BEGIN
  IF coalesce(pg_catalog.pg_sequence_last_value(%2$L::pg_catalog.regclass), 0)
    ${op("<=")} (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) ${op("*")} 1000) THEN
    RETURN NULL;
  END IF;
  -- What subscribers have heard of may not be undone by a crash.
  IF pg_catalog.current_setting('synchronous_commit') ${op("=")} 'off' THEN
    PERFORM pg_catalog.set_config('synchronous_commit', 'local', true);
  END IF;
  IF TG_OP ${op("=")} 'INSERT' THEN
    ${into([...keySides, ...newSides])}
    SELECT ${[INSERT, ...row("n", keys), ...row("n", others)].join(", ")} FROM new_rows n;
  ELSIF TG_OP ${op("=")} 'UPDATE' THEN
    nested := pg_catalog.current_setting('enable_nestloop');
    PERFORM pg_catalog.set_config('enable_nestloop', 'off', true);
    ${into([...keySides, ...oldSides, ...newSides])}
    SELECT ${[
      `CASE WHEN o.${firstKey} IS NULL THEN ${INSERT} WHEN n.${firstKey} IS NULL THEN ${DELETE} ELSE ${UPDATE} END`,
      ...eitherKey,
      ...row("o", others),
      ...row("n", others),
    ].join(", ")}
    FROM new_rows n FULL JOIN old_rows o ON ${sameKey};
    PERFORM pg_catalog.set_config('enable_nestloop', nested, true);
  ELSIF TG_OP ${op("=")} 'DELETE' THEN
    ${into([...keySides, ...oldSides])}
    SELECT ${[DELETE, ...row("o", keys), ...row("o", others)].join(", ")} FROM old_rows o;
  ELSE
    ${into([])} VALUES (${TRUNCATE});
  END IF;
  RETURN NULL;
END`,
    log + gate,
  )}`;
}

const op = (operator: string): string => `OPERATOR(pg_catalog.${operator})`;

const inFormat = (name: string): string => quote(name).replaceAll("%", "%%");

/** A text in quotes that neither it contains nor what is yet to be put into it. */
function dollarQuoted(text: string, inserted = ""): string {
  let tag = "$workglow$";
  for (let n = 2; text.includes(tag) || inserted.includes(tag); n++) tag = `$workglow${n}$`;
  return `${tag}\n${text}\n${tag}`;
}
