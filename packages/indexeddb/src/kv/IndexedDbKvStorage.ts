import { KvViaTabularStorage, keyValueSchema } from "@workglow/storage";
import type { DataPortSchema } from "@workglow/util/schema";
import { IndexedDbTabularStorage } from "../tabular/IndexedDbTabularStorage.ts";
import type { IndexedDbTabularStorageOptions } from "../tabular/IndexedDbTabularStorageOptions.ts";

/** Key-value storage in an object store of an IndexedDB database. */
export class IndexedDbKvStorage<
  Key extends string | number = string,
  // biome-ignore lint/suspicious/noExplicitAny: the default of the published interface
  Value = any,
  Combined = { key: Key; value: Value },
> extends KvViaTabularStorage<Key, Value, Combined> {
  /**
   * @param table name of the table, and of its database unless `options.database` says another
   * @param keySchema texts, unless it says numbers
   * @param valueSchema any JSON value or bytes, unless it says otherwise
   * @param options the database and prefixes, above all
   */
  public constructor(
    table: string,
    keySchema?: DataPortSchema,
    valueSchema?: DataPortSchema,
    options?: IndexedDbTabularStorageOptions,
  ) {
    const schema = keyValueSchema(keySchema, valueSchema);
    super(new IndexedDbTabularStorage(table, schema, ["key"], [], options));
  }
}
