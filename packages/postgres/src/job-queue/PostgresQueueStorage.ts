import type { QueueStorageOptions } from "@workglow/job-queue";
import { SqlQueueStorage } from "@workglow/job-queue/sql";
import type { StorageCapabilities } from "@workglow/storage";
import type { SqlChangeFeed } from "@workglow/storage/sql";
import { openPostgres, type PostgresDatabase, type PostgresHandle } from "../PostgresDatabase.ts";
import { type PostgresOptions, postgresOptionsOf } from "../PostgresOptions.ts";
import { checkTenantSettings } from "../rowSecurity.ts";

/** Options of a queue, and how its tables are reached. */
export type PostgresQueueOptions = QueueStorageOptions & PostgresOptions;

/** A job queue in a PostgreSQL database, for any number of processes. */
// biome-ignore lint/suspicious/noExplicitAny: the published type leaves inputs and outputs open
export class PostgresQueueStorage<Input = any, Output = any> extends SqlQueueStorage<
  Input,
  Output
> {
  public readonly capabilities: StorageCapabilities;
  private readonly used: PostgresDatabase;

  /**
   * @param handle a Pool of `pg`, or a PGlite, which its owner ends. A pool of three connections
   *   lets adding, claiming and ending go on at the same time
   * @throws StorageValidationError for a name or an option that cannot be
   */
  public constructor(handle: PostgresHandle, queueName: string, options?: PostgresQueueOptions) {
    const used = openPostgres(handle, postgresOptionsOf(options));
    super(used.executor, queueName, options);
    this.used = used;
    this.capabilities = used.capabilities;
    if (used.options.rowLevelSecurity) checkTenantSettings(options?.prefixes ?? []);
  }

  protected override get goesOnBesideTransactions(): boolean {
    return this.used.source.concurrent;
  }

  protected override get changeFeed(): SqlChangeFeed {
    return this.used.changeFeed;
  }
}
