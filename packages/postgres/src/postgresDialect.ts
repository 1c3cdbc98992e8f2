import { quoteIdentifier, type SqlDialect } from "@workglow/storage/sql";
import { StorageValidationError } from "@workglow/util";
import { describeTable } from "./dialect/describeTable.ts";
import { jsonField } from "./dialect/jsonField.ts";
import { literal } from "./dialect/literal.ts";
import { SequenceCounter } from "./dialect/SequenceCounter.ts";
import {
  bindExpression,
  columnType,
  markedExpression,
  membership,
  propertyType,
  rowSource,
  sameType,
  selectExpression,
} from "./dialect/types.ts";
import { rowSecurity } from "./rowSecurity.ts";

const MAX_IDENTIFIER_BYTES = 63;

/** A lock of all set-ups in one database; the number means nothing. */
const SETUP_LOCK = "_workglow set-up";

/**
 * Room on each page for the next version of its rows, and a vacuum that comes by the number of dead
 * rows, not by the share of a table that may hold the history of years.
 */
const CHURNING = ` WITH (fillfactor = 70, autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.05,
  autovacuum_analyze_threshold = 5000, autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0)`;

/** Chapter "System Columns" of PostgreSQL's manual. */
const SYSTEM_COLUMNS: ReadonlySet<string> = new Set([
  "tableoid",
  "xmin",
  "cmin",
  "xmax",
  "cmax",
  "ctid",
]);

/**
 * The SQL of PostgreSQL. Timestamps are `timestamptz` in columns, expressions and comparisons, and
 * ISO texts in parameters and results; booleans go in as 0 and 1.
 *
 * @param options.schema where all tables are; the search path decides unless given
 * @param options.losesMarks whether the driver takes a byte order mark off the texts of results
 * @param options.rowLevelSecurity whether set-ups have the database keep tenants apart
 * @throws StorageValidationError for a schema name that the database cannot have
 */
export function postgresDialect(
  options: {
    readonly schema?: string | undefined;
    readonly rowLevelSecurity?: boolean;
    readonly losesMarks?: boolean;
  } = {},
): SqlDialect {
  const schema = options.schema === undefined ? undefined : quotedSchema(options.schema);
  const inSchema = schema === undefined ? "" : `${schema}.`;
  const qualified = (table: string): string =>
    `${inSchema}${quoteIdentifier(table, MAX_IDENTIFIER_BYTES)}`;

  return {
    name: "postgresql",
    maxIdentifierBytes: MAX_IDENTIFIER_BYTES,
    maxColumns: 1600,
    maxParameters: 65_535,
    caseInsensitiveColumns: false,
    isReservedTable: (name) => name.startsWith("pg_"),
    isReservedColumn: (name) => SYSTEM_COLUMNS.has(name),
    qualified,

    placeholder: (position) => `$${position}`,
    columnType,
    sameType,
    literal,
    selectExpression: options.losesMarks ? markedExpression : selectExpression,
    bindExpression,
    orderTerm,
    limitClause(limit, offset, bind) {
      const rows = limit === undefined ? "" : ` LIMIT ${bind(limit)}::bigint`;
      const skipped = offset === undefined || offset === 0 ? "" : ` OFFSET ${bind(offset)}::bigint`;
      return `${rows}${skipped}`;
    },
    rowSource,
    membership,
    jsonField,
    // What the time of a transaction's start would be wrong for is a caller's long transaction.
    nowExpression: "date_trunc('milliseconds', statement_timestamp())",
    addMilliseconds: (timestamp, milliseconds) =>
      `(${timestamp} + (${milliseconds}) * interval '1 millisecond')`,
    lockSkippingLocked: " FOR UPDATE SKIP LOCKED",
    withoutCompiling: "SELECT set_config('jit', 'off', true)",
    lazyCommit: "set_config('synchronous_commit', 'off', true)",

    *beginSetup() {
      yield {
        text: "SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))",
        params: [SETUP_LOCK],
      };
      if (schema === undefined) return;
      // CREATE SCHEMA IF NOT EXISTS wants its privilege also where the schema is there.
      const there = yield {
        text: "SELECT to_regnamespace($1::text) IS NOT NULL",
        params: [schema],
      };
      if (Number(there.rows[0]?.[0]) === 0) yield { text: `CREATE SCHEMA ${schema}`, params: [] };
    },
    setupSql: schema === undefined ? [] : [createSchemaSql(schema)],
    lockTable: (quotedTable, alone) =>
      `LOCK TABLE ${quotedTable} IN ${alone ? "ACCESS EXCLUSIVE" : "SHARE ROW EXCLUSIVE"} MODE`,
    tableExistsExpression: (table) => `(to_regclass(${literal(qualified(table))}) IS NOT NULL)`,
    propertyType,
    identityKey: "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    tableSuffix: () => "",
    churningTableSuffix: CHURNING,
    describeTable: (table) => describeTable(qualified(table)),
    keyCounter: new SequenceCounter(qualified),
    ...(options.rowLevelSecurity && { guard: rowSecurity({ qualified }) }),
  };
}

function quotedSchema(schema: string): string {
  const quoted = quoteIdentifier(schema, MAX_IDENTIFIER_BYTES);
  if (schema.startsWith("pg_") || schema === "information_schema") {
    throw new StorageValidationError(`the schema "${schema}" is the database's own`);
  }
  return quoted;
}

function orderTerm(quotedColumn: string, descending: boolean, nullable: boolean): string {
  const direction = descending ? " DESC" : "";
  const nulls = descending ? " NULLS LAST" : " NULLS FIRST";
  return `${quotedColumn}${direction}${nullable ? nulls : ""}`;
}

/** Wants no privilege where the schema is there. */
function createSchemaSql(schema: string): string {
  const body = `BEGIN
  IF to_regnamespace(${literal(schema)}) IS NULL THEN CREATE SCHEMA ${schema}; END IF;
END`;
  return `DO ${literal(body)}`;
}
