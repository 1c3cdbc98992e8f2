import { StorageValidationError } from "@workglow/util";

/** How storages use a pool or a database; part of the options of every constructor. */
export interface PostgresOptions {
  /**
   * The schema of all tables, the library's own included; `setupDatabase()` makes one that is missing,
   * where the role may. Unless given, names are
   * looked up along the connection's `search_path`.
   */
  readonly schema?: string;
  /**
   * Whether statements are prepared under a name once per connection. `false` where each statement
   * may reach another connection of the server, as behind a pooler in transaction mode.
   * Default: true.
   */
  readonly preparedStatements?: boolean;
  /**
   * Whether one connection of the pool listens for changes while there are subscriptions. `false`
   * where it cannot, as behind a pooler in transaction mode: changes are found by polling alone.
   * Default: true.
   */
  readonly listen?: boolean;
  /**
   * Whether `setupDatabase()` and `schemaSql()` have the database itself keep tenants apart, by
   * row-level security: a session sees and writes only rows whose tenant columns (option `prefixes`)
   * have the values of its settings `workglow.<name>`, and none without them. Set them once for
   * each connection, as in `new Pool({ options: "-c workglow.tenant_id=a" })`, or for a role by
   * `ALTER ROLE … SET`. Superusers and roles with BYPASSRLS see everything. Default: false.
   */
  readonly rowLevelSecurity?: boolean;
  /** How long a call waits for a free connection of the pool, in ms. Default: 30 000. */
  readonly acquireTimeoutMs?: number;
}

/** What of a storage's options is about the database. */
export function postgresOptionsOf(options: PostgresOptions = {}): PostgresOptions {
  const { schema, preparedStatements, listen, rowLevelSecurity, acquireTimeoutMs } = options;
  return { schema, preparedStatements, listen, rowLevelSecurity, acquireTimeoutMs };
}

export interface ResolvedPostgresOptions {
  readonly schema: string | undefined;
  readonly preparedStatements: boolean;
  readonly listen: boolean;
  readonly rowLevelSecurity: boolean;
  readonly acquireTimeoutMs: number;
}

const DEFAULT_ACQUIRE_TIMEOUT_MS = 30_000;
/** Timers take no longer delay. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** @throws StorageValidationError for options that are not what they should be */
export function resolvePostgresOptions(options: PostgresOptions = {}): ResolvedPostgresOptions {
  const {
    schema,
    preparedStatements = true,
    listen = true,
    rowLevelSecurity = false,
    acquireTimeoutMs = DEFAULT_ACQUIRE_TIMEOUT_MS,
  } = options;
  if (schema !== undefined && typeof schema !== "string") refuse("schema is a text");
  if (typeof preparedStatements !== "boolean") refuse("preparedStatements is true or false");
  if (typeof listen !== "boolean") refuse("listen is true or false");
  if (typeof rowLevelSecurity !== "boolean") refuse("rowLevelSecurity is true or false");
  if (!(Number.isFinite(acquireTimeoutMs) && acquireTimeoutMs > 0)) {
    refuse("acquireTimeoutMs is a number of milliseconds");
  }
  return {
    schema,
    preparedStatements,
    listen,
    rowLevelSecurity,
    acquireTimeoutMs: Math.min(acquireTimeoutMs, LONGEST_DELAY_MS),
  };
}

function refuse(text: string): never {
  throw new StorageValidationError(text);
}
