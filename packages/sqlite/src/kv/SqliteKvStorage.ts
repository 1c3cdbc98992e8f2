import { KvViaTabularStorage, keyValueSchema, type TabularStorageOptions } from "@workglow/storage";
import type { DataPortSchema } from "@workglow/util/schema";
import type { SqliteDatabaseOrPath } from "../SqliteDatabase.ts";
import { SqliteTabularStorage } from "../tabular/SqliteTabularStorage.ts";

/** Key-value storage in a table of a SQLite database. */
export class SqliteKvStorage<
  Key extends string | number = string,
  // biome-ignore lint/suspicious/noExplicitAny: the default of the published interface
  Value = any,
  Combined = { key: Key; value: Value },
> extends KvViaTabularStorage<Key, Value, Combined> {
  /**
   * @param dbOrPath a database, which its owner closes, or a path to open
   * @param table name of the table
   * @param keySchema texts, unless it says numbers
   * @param valueSchema any JSON value or bytes, unless it says otherwise
   * @param options prefixes, above all
   */
  public constructor(
    dbOrPath: SqliteDatabaseOrPath,
    table: string,
    keySchema?: DataPortSchema,
    valueSchema?: DataPortSchema,
    options?: TabularStorageOptions,
  ) {
    const schema = keyValueSchema(keySchema, valueSchema);
    super(new SqliteTabularStorage(dbOrPath, table, schema, ["key"], [], options));
  }
}
