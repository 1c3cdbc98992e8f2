import type { RateLimiterStorageOptions } from "@workglow/job-queue";
import { SqlRateLimiterStorage } from "@workglow/job-queue/sql";
import type { StorageCapabilities } from "@workglow/storage";
import { openPostgres, type PostgresHandle } from "../PostgresDatabase.ts";
import { type PostgresOptions, postgresOptionsOf } from "../PostgresOptions.ts";
import { checkTenantSettings } from "../rowSecurity.ts";

/** Options of a rate limiter, and how its tables are reached. */
export type PostgresRateLimiterOptions = RateLimiterStorageOptions & PostgresOptions;

/** Rate limits in a PostgreSQL database, shared by all processes that use it. */
export class PostgresRateLimiterStorage extends SqlRateLimiterStorage {
  public readonly capabilities: StorageCapabilities;

  /**
   * @param handle a Pool of `pg`, or a PGlite, which its owner ends
   * @throws StorageValidationError for an option that cannot be
   */
  public constructor(handle: PostgresHandle, options?: PostgresRateLimiterOptions) {
    const used = openPostgres(handle, postgresOptionsOf(options));
    super(used.executor, options);
    this.capabilities = { ...used.capabilities, changes: "none" };
    if (used.options.rowLevelSecurity) checkTenantSettings(options?.prefixes ?? []);
  }
}
