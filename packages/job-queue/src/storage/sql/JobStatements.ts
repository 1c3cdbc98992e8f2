import type { Prefix } from "@workglow/storage";
import type { SqlDialect, SqlValue } from "@workglow/storage/sql";
import { sha256Hex } from "@workglow/util";
import { type ChangeText, JobChange } from "./JobChange.ts";
import { JobCodec } from "./jobRow.ts";
import type { LibraryTable } from "./LibraryTable.ts";
import { jobTable } from "./queueTables.ts";
import { type Bind, ScopedStatements } from "./ScopedStatements.ts";

/** Of fingerprints that are hashes already, as where none was given. */
const HASH_LENGTH = 64;

const hash32 = (hexDigits: string): number => Number.parseInt(hexDigits.slice(0, 8), 16);

/**
 * What statements on the jobs of one queue of one tenant have in common. Everything that they read
 * or write is bound to the queue and the tenant's values.
 */
export abstract class JobStatements extends ScopedStatements {
  public readonly table: LibraryTable;
  public readonly codec: JobCodec;
  /** What new rows get in the columns of `scope`. */
  public readonly scopeValues: readonly SqlValue[];
  /** Whether several calls are best made as one statement that takes lists. */
  public readonly lists: boolean;
  public readonly jobs: string;
  private readonly scopeHash: number;

  public constructor(
    dialect: SqlDialect,
    queue: string,
    prefixes: readonly Prefix[],
    lists: boolean,
  ) {
    super(dialect, prefixes, queue);
    this.lists = lists;
    this.table = jobTable(dialect, prefixes);
    this.codec = new JobCodec(queue, prefixes);
    this.scopeValues = this.scope.map(({ value }) => this.fixed[value] as SqlValue);
    this.scopeHash = hash32(sha256Hex(JSON.stringify(this.scopeValues)));
    this.jobs = dialect.qualified(this.table.name);
  }

  /** What is indexed of a fingerprint: a number of 32 bits, not the same in every queue and tenant. */
  public fingerprintHash(fingerprint: string): number {
    const digits = fingerprint.length === HASH_LENGTH ? fingerprint : sha256Hex(fingerprint);
    return (hash32(digits) ^ this.scopeHash) >>> 0;
  }

  /** Asks the database for the time once, however many rows want it. */
  public get clock(): string {
    return `"clock" ("now") AS MATERIALIZED (SELECT ${this.now})`;
  }

  protected change<Name extends string>(write: (bind: Bind) => ChangeText): JobChange<Name> {
    return new JobChange<Name>(this, write);
  }

  /** What a claim makes of a job; the texts are those of values. */
  protected claiming(values: Readonly<Record<"worker" | "token" | "instance", string>>): string {
    const timeoutAt = this.dialect.addMilliseconds(this.now, '"timeout_ms"');
    return `"status" = 'PROCESSING', "run_attempts" = "run_attempts" + 1, "room" = NULL,
  "worker_id" = ${values.worker}, "lease_token" = ${values.token}, "lease_instance" = ${values.instance},
  "last_ran_at" = (SELECT "now" FROM "clock"),
  "timeout_at" = CASE WHEN "timeout_ms" IS NOT NULL THEN ${timeoutAt} END`;
  }

  protected selection(columns: JobCodec["columns"]): string {
    return columns
      .map(({ name, type }) => this.dialect.selectExpression(this.quote(name), type))
      .join(", ");
  }

  protected one(bind: Bind): string {
    return `"id" = ${bind("id", "integer")} AND ${this.mine(bind)}`;
  }
}
