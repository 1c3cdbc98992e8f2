import type {
  EntityOf,
  IndexList,
  InsertOf,
  SimplifyPrimaryKey,
  StorageCapabilities,
  TabularEvents,
  TabularStorageOptionsInput,
} from "@workglow/storage";
import { type SqlChangeFeed, SqlTabularStorage } from "@workglow/storage/sql";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import { type SqliteDatabaseOrPath, type UsedDatabase, useDatabase } from "../SqliteDatabase.ts";

/** Tabular storage in a table of a SQLite database. */
export class SqliteTabularStorage<
  Schema extends DataPortSchemaObject,
  PrimaryKeyNames extends ReadonlyArray<keyof Schema["properties"]>,
  Entity = EntityOf<Schema>,
  PrimaryKey = SimplifyPrimaryKey<Entity, PrimaryKeyNames>,
  InsertType = InsertOf<Schema>,
  Events extends TabularEvents<Entity, PrimaryKey> = TabularEvents<Entity, PrimaryKey>,
> extends SqlTabularStorage<Schema, PrimaryKeyNames, Entity, PrimaryKey, InsertType, Events> {
  public readonly capabilities: StorageCapabilities;
  protected readonly used: UsedDatabase;

  /**
   * @param dbOrPath a database of better-sqlite3, node:sqlite or bun:sqlite, which its owner closes,
   *   or a path, whose connection belongs to this storage
   * @param table name of the table
   * @param indexes column names, or lists of them, by which rows are searched and ordered
   * @throws StorageValidationError for a schema, name or option that cannot be
   */
  public constructor(
    dbOrPath: SqliteDatabaseOrPath,
    table: string,
    schema: Schema,
    primaryKeyNames: PrimaryKeyNames,
    indexes: IndexList = [],
    options?: TabularStorageOptionsInput,
  ) {
    const used = useDatabase(dbOrPath);
    try {
      super({ executor: used.database.executor, table }, schema, primaryKeyNames, indexes, options);
    } catch (error) {
      if (used.owned) void used.database.close();
      throw error;
    }
    this.used = used;
    this.capabilities = used.database.capabilities;
  }

  protected override createChangeFeed(): SqlChangeFeed {
    return this.used.database.changeFeed;
  }

  protected override async freeResources(): Promise<void> {
    await super.freeResources();
    if (this.used.owned) await this.used.database.close();
  }
}
