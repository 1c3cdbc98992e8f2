import {
  InMemoryQueueStorage,
  InMemoryRateLimiterStorage,
  type IQueueStorage,
  type IRateLimiterStorage,
  type QueueStorageOptions,
} from "@workglow/job-queue";
import {
  Sqlite,
  SqliteKvStorage,
  SqliteTabularStorage,
  SqliteVectorStorage,
} from "@workglow/sqlite";
import { SqliteQueueStorage, SqliteRateLimiterStorage } from "@workglow/sqlite/job-queue";
import {
  type IKvStorage,
  type IndexList,
  InMemoryKvStorage,
  InMemoryTabularStorage,
  InMemoryVectorStorage,
  type ITabularStorage,
  type IVectorStorage,
  MemoryDatabase,
  type TabularStorageOptionsInput,
} from "@workglow/storage";
import type { DataPortSchemaObject } from "@workglow/util/schema";

type KeyOf<Schema extends DataPortSchemaObject> = ReadonlyArray<keyof Schema["properties"]>;

/** One empty database, and storages of every kind on it. */
export interface StorageKit {
  kv(table: string): IKvStorage;
  tabular<Schema extends DataPortSchemaObject, Key extends KeyOf<Schema>>(
    table: string,
    schema: Schema,
    key: Key,
    indexes?: IndexList,
    options?: TabularStorageOptionsInput,
  ): ITabularStorage<Schema, Key>;
  vector<
    Metadata extends Record<string, unknown>,
    Schema extends DataPortSchemaObject,
    Key extends KeyOf<Schema>,
  >(table: string, schema: Schema, key: Key, dimensions: number): IVectorStorage<Metadata, Schema>;
  queue<Input, Output>(name: string, options?: QueueStorageOptions): IQueueStorage<Input, Output>;
  rateLimiter(): IRateLimiterStorage;
  /** Ends the storages that were made, and the database. */
  close(): Promise<void>;
}

interface NamedKit {
  readonly name: string;
  readonly open: () => StorageKit;
}

/** For tests that hold on every backend alike. */
export const storageKits: readonly NamedKit[] = [
  { name: "memory", open: memoryKit },
  { name: "SQLite", open: sqliteKit },
];

/** Notes storages as they are made, so that all can be ended. */
class Made {
  private readonly storages: AsyncDisposable[] = [];

  note<Storage extends AsyncDisposable>(storage: Storage): Storage {
    this.storages.push(storage);
    return storage;
  }

  async end(): Promise<void> {
    for (const storage of this.storages.splice(0).reverse()) await storage[Symbol.asyncDispose]();
  }
}

function memoryKit(): StorageKit {
  const database = new MemoryDatabase();
  const made = new Made();
  return {
    kv: (table) => made.note(new InMemoryKvStorage(undefined, undefined, { database, table })),
    tabular: (table, schema, key, indexes, options) => {
      const given = typeof options === "string" ? { clientProvidedKeys: options } : options;
      const all = { ...given, database, table };
      return made.note(new InMemoryTabularStorage(schema, key, indexes, all)) as never;
    },
    vector: (table, schema, key, dimensions) =>
      made.note(
        new InMemoryVectorStorage(schema, key, [], dimensions, undefined, { database, table }),
      ) as never,
    queue: <Input, Output>(name: string, options?: QueueStorageOptions) =>
      made.note(new InMemoryQueueStorage<Input, Output>(name, { ...options, database })),
    rateLimiter: () => made.note(new InMemoryRateLimiterStorage({ database })),
    close: () => made.end(),
  };
}

function sqliteKit(): StorageKit {
  const db = new Sqlite.Database(":memory:");
  const made = new Made();
  return {
    kv: (table) => made.note(new SqliteKvStorage(db, table)),
    tabular: (table, schema, key, indexes, options) =>
      made.note(new SqliteTabularStorage(db, table, schema, key, indexes, options)) as never,
    vector: (table, schema, key, dimensions) =>
      made.note(new SqliteVectorStorage(db, table, schema, key, [], dimensions)) as never,
    queue: <Input, Output>(name: string, options?: QueueStorageOptions) =>
      made.note(new SqliteQueueStorage<Input, Output>(db, name, options)),
    rateLimiter: () => made.note(new SqliteRateLimiterStorage(db)),
    close: async () => {
      await made.end();
      db.close();
    },
  };
}
