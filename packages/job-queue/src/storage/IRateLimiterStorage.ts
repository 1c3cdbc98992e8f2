import type { StorageCapabilities, Transaction } from "@workglow/storage";
import type { CallOptions } from "@workglow/util";

/**
 * What rate limiters keep, by queue name: when executions happened, and from when on the next one
 * may. Points in time are ISO 8601 texts by the database's clock.
 *
 * Recording and reserving forget, a batch at a time, the executions of their queue that are older
 * than the longest `windowMs` ever given to {@link IRateLimiterStorage.tryReserveExecution} for it;
 * where none was given, those older than 7 days. Counts that reach further back miss them.
 */
export interface IRateLimiterStorage extends Disposable, AsyncDisposable {
  readonly name: string;
  readonly capabilities: StorageCapabilities;

  /** Records an execution now. */
  recordExecution(queue: string, options?: CallOptions): Promise<void>;
  /** Executions later than `windowStartIso`. */
  getExecutionCount(queue: string, windowStartIso: string, options?: CallOptions): Promise<number>;
  /** When the execution at `offset` (0 is the oldest) happened; `undefined` past the last. */
  getOldestExecutionAtOffset(
    queue: string,
    offset: number,
    options?: CallOptions,
  ): Promise<string | undefined>;
  getNextAvailableTime(queue: string, options?: CallOptions): Promise<string | undefined>;
  setNextAvailableTime(queue: string, iso: string, options?: CallOptions): Promise<void>;
  /** Forgets everything about the queue. */
  clear(queue: string, options?: CallOptions): Promise<void>;
  /**
   * Records an execution if fewer than `max` happened within the last `windowMs` milliseconds and
   * the next available time has come: one atomic step, across processes too. Gives a token for
   * {@link releaseExecution}, or `null`.
   */
  tryReserveExecution(
    queue: string,
    max: number,
    windowMs: number,
    options?: CallOptions,
  ): Promise<string | null>;
  /** Takes a reservation back; does nothing when it is gone. */
  releaseExecution(queue: string, token: string, options?: CallOptions): Promise<void>;

  /** The same storage inside a transaction of its database. */
  with(tx: Transaction): this;
  /** Creates or extends the tables; idempotent and safe from several processes at once. */
  setupDatabase(options?: CallOptions): Promise<void>;
  destroy(): void;
}
