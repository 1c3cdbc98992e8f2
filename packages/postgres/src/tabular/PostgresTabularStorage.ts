import {
  type EntityOf,
  type IndexList,
  type InsertOf,
  type SimplifyPrimaryKey,
  type StorageCapabilities,
  type TabularEvents,
  type TabularStorageOptions,
  type TabularStorageOptionsInput,
  tabularOptions,
} from "@workglow/storage";
import {
  type DerivedColumnSpec,
  type SqlChangeFeed,
  SqlTabularStorage,
} from "@workglow/storage/sql";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import { openPostgres, type PostgresDatabase, type PostgresHandle } from "../PostgresDatabase.ts";
import { type PostgresOptions, postgresOptionsOf } from "../PostgresOptions.ts";
import { checkTenantSettings } from "../rowSecurity.ts";

/** Options of a table, and how it is reached. */
export type PostgresTabularOptions = TabularStorageOptions & PostgresOptions;

/** Tabular storage in a table of a PostgreSQL database. */
export class PostgresTabularStorage<
  Schema extends DataPortSchemaObject,
  PrimaryKeyNames extends ReadonlyArray<keyof Schema["properties"]>,
  Entity = EntityOf<Schema>,
  PrimaryKey = SimplifyPrimaryKey<Entity, PrimaryKeyNames>,
  InsertType = InsertOf<Schema>,
  Events extends TabularEvents<Entity, PrimaryKey> = TabularEvents<Entity, PrimaryKey>,
> extends SqlTabularStorage<Schema, PrimaryKeyNames, Entity, PrimaryKey, InsertType, Events> {
  public readonly capabilities: StorageCapabilities;
  protected readonly used: PostgresDatabase;

  /**
   * @param handle a Pool of `pg`, or a PGlite, which its owner ends
   * @param table name of the table
   * @param indexes column names, or lists of them, by which rows are searched and ordered
   * @param derived columns that a storage built on this one keeps beside the properties
   * @throws StorageValidationError for a schema, name or option that cannot be
   */
  public constructor(
    handle: PostgresHandle,
    table: string,
    schema: Schema,
    primaryKeyNames: PrimaryKeyNames,
    indexes: IndexList = [],
    options?: TabularStorageOptionsInput<PostgresTabularOptions>,
    derived?: readonly DerivedColumnSpec[],
  ) {
    const used = openPostgres(handle, postgresPart(options));
    super({ executor: used.executor, table, derived }, schema, primaryKeyNames, indexes, options);
    this.used = used;
    this.capabilities = used.capabilities;
    if (used.options.rowLevelSecurity) checkTenantSettings(this.prefixes);
  }

  protected override createChangeFeed(): SqlChangeFeed {
    return this.used.changeFeed;
  }

  protected override async freeResources(): Promise<void> {
    await super.freeResources();
    await this.used.idle();
  }
}

function postgresPart(
  options: TabularStorageOptionsInput<PostgresTabularOptions> | undefined,
): PostgresOptions {
  return postgresOptionsOf(tabularOptions(options));
}
