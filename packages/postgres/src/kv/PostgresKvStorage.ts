import { KvViaTabularStorage, keyValueSchema, type TabularStorageOptions } from "@workglow/storage";
import type { DataPortSchema } from "@workglow/util/schema";
import type { PostgresHandle } from "../PostgresDatabase.ts";
import type { PostgresOptions } from "../PostgresOptions.ts";
import { PostgresTabularStorage } from "../tabular/PostgresTabularStorage.ts";

/** Key-value storage in a table of a PostgreSQL database. */
export class PostgresKvStorage<
  Key extends string | number = string,
  // biome-ignore lint/suspicious/noExplicitAny: the default of the published interface
  Value = any,
  Combined = { key: Key; value: Value },
> extends KvViaTabularStorage<Key, Value, Combined> {
  /**
   * @param handle a Pool of `pg`, or a PGlite, which its owner ends
   * @param table name of the table
   * @param keySchema texts, unless it says numbers
   * @param valueSchema any JSON value or bytes, unless it says otherwise
   * @param options prefixes and the database's schema, above all
   */
  public constructor(
    handle: PostgresHandle,
    table: string,
    keySchema?: DataPortSchema,
    valueSchema?: DataPortSchema,
    options?: TabularStorageOptions & PostgresOptions,
  ) {
    const schema = keyValueSchema(keySchema, valueSchema);
    super(new PostgresTabularStorage(handle, table, schema, ["key"], [], options));
  }
}
