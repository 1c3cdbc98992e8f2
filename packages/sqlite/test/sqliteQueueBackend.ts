import type { Backend } from "@workglow/conformance";
import { SqliteQueueStorage, SqliteRateLimiterStorage } from "@workglow/sqlite/job-queue";
import type { SqliteDriverName } from "./openFile.ts";
import { type SqliteFile, sqliteBackend } from "./sqliteBackend.ts";

/** Queues and rate limiters on files of one driver, and rows that join their transactions. */
export function sqliteQueueBackend(driver: SqliteDriverName): Backend<SqliteFile> {
  return {
    ...sqliteBackend(driver),
    queue: ({ handle }, { queueName, options }) =>
      new SqliteQueueStorage(handle, queueName, options),
    rateLimiter: ({ handle }, { options }) => new SqliteRateLimiterStorage(handle, options),
  };
}
