import type { QueueStorageOptions } from "@workglow/job-queue";
import { SqlQueueStorage } from "@workglow/job-queue/sql";
import type { SqlChangeFeed } from "@workglow/storage/sql";
import { type SqliteDatabaseOrPath, type UsedDatabase, useDatabase } from "../SqliteDatabase.ts";
import { sqliteCapabilities } from "../sqliteCapabilities.ts";

/** A job queue in a SQLite database, for any number of processes on one machine. */
// biome-ignore lint/suspicious/noExplicitAny: the published type leaves inputs and outputs open
export class SqliteQueueStorage<Input = any, Output = any> extends SqlQueueStorage<Input, Output> {
  public readonly capabilities = sqliteCapabilities;
  private readonly used: UsedDatabase;

  /**
   * @param dbOrPath a database of better-sqlite3, node:sqlite or bun:sqlite, which its owner closes,
   *   or a path, whose connection belongs to this storage
   * @throws StorageValidationError for a name or an option that cannot be
   */
  public constructor(
    dbOrPath: SqliteDatabaseOrPath,
    queueName: string,
    options?: QueueStorageOptions,
  ) {
    const used = useDatabase(dbOrPath);
    try {
      super(used.database.executor, queueName, options);
    } catch (error) {
      if (used.owned) void used.database.close();
      throw error;
    }
    this.used = used;
  }

  protected override get changeFeed(): SqlChangeFeed {
    return this.used.database.changeFeed;
  }

  protected override async freeResources(): Promise<void> {
    await super.freeResources();
    if (this.used.owned) await this.used.database.close();
  }
}
