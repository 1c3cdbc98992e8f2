import type { RateLimiterStorageOptions } from "@workglow/job-queue";
import { SqlRateLimiterStorage } from "@workglow/job-queue/sql";
import { type SqliteDatabaseOrPath, type UsedDatabase, useDatabase } from "../SqliteDatabase.ts";
import { sqliteCapabilities } from "../sqliteCapabilities.ts";

/** Rate limits in a SQLite database, shared by all processes on one machine that use it. */
export class SqliteRateLimiterStorage extends SqlRateLimiterStorage {
  public readonly capabilities = { ...sqliteCapabilities, changes: "none" } as const;
  private readonly used: UsedDatabase;

  /**
   * @param dbOrPath a database of better-sqlite3, node:sqlite or bun:sqlite, which its owner closes,
   *   or a path, whose connection belongs to this storage
   * @throws StorageValidationError for an option that cannot be
   */
  public constructor(dbOrPath: SqliteDatabaseOrPath, options?: RateLimiterStorageOptions) {
    const used = useDatabase(dbOrPath);
    try {
      super(used.database.executor, options);
    } catch (error) {
      if (used.owned) void used.database.close();
      throw error;
    }
    this.used = used;
  }

  protected override async freeResources(): Promise<void> {
    await super.freeResources();
    if (this.used.owned) await this.used.database.close();
  }
}
