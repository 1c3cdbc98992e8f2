import type { StorageCapabilities } from "@workglow/storage";
import type { SqlDialect } from "@workglow/storage/sql";
import { StorageValidationError } from "@workglow/util";
import { postgresChangeFeed } from "./changes/postgresChangeFeed.ts";
import type { Pglite } from "./connection/Pglite.ts";
import { PgliteSource } from "./connection/PgliteSource.ts";
import type { PgPool } from "./connection/PgPool.ts";
import { PoolSource } from "./connection/PoolSource.ts";
import { StatementNames } from "./connection/StatementNames.ts";
import { PostgresExecutor } from "./PostgresExecutor.ts";
import {
  type PostgresOptions,
  type ResolvedPostgresOptions,
  resolvePostgresOptions,
} from "./PostgresOptions.ts";
import { pgliteCapabilities, postgresCapabilities } from "./postgresCapabilities.ts";
import { postgresDialect } from "./postgresDialect.ts";

/** A Pool of `pg`, or a PGlite. Whoever made it ends it. */
export type PostgresHandle = PgPool | Pglite;

/** A pool or database and what all storages on it share, for one set of options. */
export class PostgresDatabase {
  public readonly source: PoolSource | PgliteSource;
  public readonly executor: PostgresExecutor;
  public readonly dialect: SqlDialect;
  public readonly options: ResolvedPostgresOptions;
  /** What storages on this database can do. */
  public readonly capabilities: StorageCapabilities;
  /** The changes of this database's tables; writes without it would be told to nobody. */
  public readonly changeFeed: ReturnType<typeof postgresChangeFeed>;

  public constructor(source: PoolSource | PgliteSource, options: ResolvedPostgresOptions) {
    this.source = source;
    this.options = options;
    this.dialect = postgresDialect({
      ...options,
      losesMarks: source instanceof PgliteSource,
    });
    const names = new StatementNames(options.preparedStatements && source instanceof PoolSource);
    this.executor = new PostgresExecutor(source, this.dialect, names);
    this.capabilities = source instanceof PgliteSource ? pgliteCapabilities : postgresCapabilities;
    this.changeFeed = postgresChangeFeed(this);
  }

  /** Resolves once the subscriptions that were ended use no connection any more. */
  public async idle(): Promise<void> {
    await this.changeFeed.idle();
  }
}

const databases = new WeakMap<object, Map<string, PostgresDatabase>>();

/**
 * The database behind what a constructor was given: the same for the same handle and options.
 *
 * @throws StorageValidationError for anything but a Pool or a PGlite, and for bad options
 */
export function openPostgres(handle: PostgresHandle, options?: PostgresOptions): PostgresDatabase {
  const resolved = resolvePostgresOptions(options);
  const identity = JSON.stringify(resolved);
  const known = databases.get(handle as object)?.get(identity);
  if (known !== undefined) return known;
  const database = new PostgresDatabase(sourceOf(handle, resolved), resolved);
  const ofHandle = databases.get(handle) ?? new Map<string, PostgresDatabase>();
  databases.set(handle, ofHandle.set(identity, database));
  return database;
}

function sourceOf(
  handle: PostgresHandle,
  { acquireTimeoutMs }: ResolvedPostgresOptions,
): PoolSource | PgliteSource {
  const known = handle as Partial<PgPool & Pglite> | null | undefined;
  if (typeof known?.execProtocol === "function") return new PgliteSource(handle as Pglite);
  if (typeof known?.connect === "function" && typeof known.totalCount === "number") {
    return new PoolSource(handle as PgPool, acquireTimeoutMs);
  }
  throw new StorageValidationError(
    "a PostgreSQL database is a Pool of pg, or a PGlite; a single Client takes part by withTransaction",
  );
}
