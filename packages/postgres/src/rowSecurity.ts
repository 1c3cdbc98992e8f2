import type {
  GuardedTable,
  SqlChangeColumn,
  SqlDialect,
  SqlProgram,
  TableGuard,
} from "@workglow/storage/sql";
import { StorageValidationError } from "@workglow/util";
import {
  changeLogNames,
  loggedColumns,
  OPENED,
  quote,
  TRUNCATE,
} from "./changes/changeLogNames.ts";
import { literal } from "./dialect/literal.ts";

const POLICY = quote("_workglow_tenant");
/** Lets the triggers, which run as the owner of the log, write whatever happens to the table. */
const WRITERS_POLICY = quote("_workglow_triggers");

/** As the server takes a part of the name of a setting of others than its own. */
const SETTING_NAME = /^[A-Za-z_\u0080-\u{10ffff}][A-Za-z0-9_$\u0080-\u{10ffff}]*$/u;

/**
 * The settings by which a session says whose rows it may see, for tenant columns of these names.
 *
 * @throws StorageValidationError where there are none, where a name cannot be that of a setting, and
 *   where two would be the same, as the server tells no upper from lower case there
 */
export function checkTenantSettings(prefixes: readonly { readonly name: string }[]): void {
  if (prefixes.length === 0) {
    throw new StorageValidationError("rowLevelSecurity keeps tenants apart: it needs prefixes");
  }
  const settings = new Set<string>();
  for (const { name } of prefixes) {
    if (!SETTING_NAME.test(name)) {
      throw new StorageValidationError(
        `with rowLevelSecurity a prefix is the name of a setting: "${name}" cannot be one, as it is not made of letters, digits and underscores`,
      );
    }
    settings.add(name.toLowerCase());
  }
  if (settings.size < prefixes.length) {
    throw new StorageValidationError(
      "with rowLevelSecurity prefixes are names of settings, which do not differ by case alone",
    );
  }
}

/**
 * Row-level security on tables with tenant columns and on the logs of their changes, for their
 * owner as well.
 */
export function rowSecurity({ qualified }: Pick<SqlDialect, "qualified">): TableGuard {
  return {
    setupSql: (table) => [
      ...policySql(qualified(table.table), table.tenant.map(isOfTenant).join(" AND ")),
      ...(isLogged(table) ? [guardLogSql(qualified, table)] : []),
    ],
    isSetUp: (table) => isSetUp(qualified, table),
    liftSql: (table) => [`ALTER TABLE ${qualified(table.table)} NO FORCE ROW LEVEL SECURITY`],
  };
}

const isLogged = ({ changes }: GuardedTable): boolean => changes !== undefined;

/** One policy for all commands: rows that are not the tenant's are neither seen nor written. */
function policySql(table: string, condition: string): readonly string[] {
  return [
    `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`,
    `DROP POLICY IF EXISTS ${POLICY} ON ${table}`,
    `CREATE POLICY ${POLICY} ON ${table} USING (${condition}) WITH CHECK (${condition})`,
  ];
}

const isOfTenant = (column: SqlChangeColumn): string =>
  `${quote(column.name)} = ${settingOf(column)}`;

/**
 * A subquery is evaluated once a statement. A setting that was there for a transaction only is an
 * empty text afterwards, and nobody's.
 */
function settingOf({ name, type }: SqlChangeColumn): string {
  const setting = `nullif(current_setting(${literal(`workglow.${name}`)}, true), '')`;
  return `(SELECT ${type === "integer" ? `${setting}::bigint` : setting})`;
}

/** Tables with too many columns have no log. */
function guardLogSql(qualified: SqlDialect["qualified"], table: GuardedTable): string {
  const { log } = changeLogNames({ qualified }, table.table);
  const statements = [
    ...policySql(log, `"kind" IN (${OPENED}, ${TRUNCATE}) OR (${tenantInLog(table)})`),
    `DROP POLICY IF EXISTS ${WRITERS_POLICY} ON ${log}`,
    `CREATE POLICY ${WRITERS_POLICY} ON ${log} FOR INSERT TO CURRENT_USER WITH CHECK (true)`,
  ];
  const body = `BEGIN
  IF to_regclass(${literal(log)}) IS NOT NULL THEN
    ${statements.join(";\n    ")};
  END IF;
END`;
  return `DO ${literal(body)}`;
}

/** The columns of a key hold the same before and after. */
function tenantInLog({ tenant, changes }: GuardedTable): string {
  const logged = loggedColumns(
    tenant.map(({ name }) => name),
    (changes?.keyColumns ?? []).filter((key) => tenant.some(({ name }) => name === key)),
  );
  return logged
    .map((column, i) => {
      const value =
        column.old === column.new
          ? quote(column.new)
          : `coalesce(${quote(column.new)}, ${quote(column.old)})`;
      return `${value} = ${settingOf(tenant[i] as SqlChangeColumn)}`;
    })
    .join(" AND ");
}

function* isSetUp(qualified: SqlDialect["qualified"], table: GuardedTable): SqlProgram<boolean> {
  const { log } = changeLogNames({ qualified }, table.table);
  const { rows } = yield {
    text: `SELECT count(*) FROM pg_class c
WHERE (c.oid = to_regclass($1::text) OR ($3::boolean AND c.oid = to_regclass($2::text)))
  AND NOT (c.relrowsecurity AND c.relforcerowsecurity
    AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = '_workglow_tenant'))`,
    params: [qualified(table.table), log, isLogged(table) ? 1 : 0],
  };
  return Number(rows[0]?.[0]) === 0;
}
