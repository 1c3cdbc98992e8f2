import { BaseRateLimiterStorage, type RateLimiterStorageOptions } from "@workglow/job-queue";
import { KEPT_WITHOUT_WINDOW_MS } from "@workglow/job-queue/records";
import { type CallOptions, StorageTransactionError } from "@workglow/util";
import { IndexedDbDatabase } from "../connection/IndexedDbDatabase.ts";
import { request } from "../connection/request.ts";
import type { CallKind } from "../connection/StoreCalls.ts";
import type { StoreTransaction } from "../connection/StoreTransaction.ts";
import { indexedDbCapabilities } from "../indexedDbCapabilities.ts";
import { classifyIndexedDbError } from "../indexedDbErrors.ts";
import { setUpStores } from "./LibraryStores.ts";
import {
  type LimiterStores,
  limiterStores,
  type StoredExecution,
  type StoredLimits,
} from "./limiterStores.ts";
import { StoresAccess } from "./StoresAccess.ts";

export type IndexedDbRateLimiterStorageOptions = RateLimiterStorageOptions & {
  /**
   * The IndexedDB database, by name, or a connection of one's own; "jobs" unless given. Storages
   * with the same one share transactions.
   */
  readonly database?: string | IndexedDbDatabase;
};

/** Most executions that one call forgets: more than it records, so that no backlog stays. */
const FORGET_BATCH = 100;

/** Rate limits in an IndexedDB database, shared by all tabs and workers of an origin. */
export class IndexedDbRateLimiterStorage extends BaseRateLimiterStorage {
  public readonly capabilities = { ...indexedDbCapabilities, changes: "none" } as const;
  private readonly database: IndexedDbDatabase;
  private readonly wanted: LimiterStores;
  private readonly access: StoresAccess;
  private readonly leave: () => Promise<void>;

  /** @throws StorageValidationError for an option that cannot be */
  public constructor(options: IndexedDbRateLimiterStorageOptions = {}) {
    super(options);
    this.database = IndexedDbDatabase.named(options.database ?? "jobs");
    this.wanted = limiterStores(this.prefixes);
    this.access = new StoresAccess(this.database, this.wanted);
    this.leave = this.database.retain();
  }

  protected override databaseIdentity(): object {
    return this.database;
  }

  protected override classifyError(error: unknown): unknown {
    return classifyIndexedDbError(error);
  }

  protected override async freeResources(): Promise<void> {
    await super.freeResources();
    await this.leave();
  }

  // ——— driver methods

  protected override async _setup(_o: CallOptions | undefined): Promise<void> {
    if (this.scope !== undefined) {
      throw new StorageTransactionError("a rate limiter cannot be set up inside a transaction");
    }
    await setUpStores(this.database, this.wanted);
  }

  protected override _record(queue: string, o: CallOptions | undefined): Promise<void> {
    return this.write("turn", o, async (tx) => {
      const nowMs = Date.now();
      await this.forgetOld(tx, queue, await this.limitsOf(tx, queue), nowMs);
      await this.insert(tx, queue, nowMs);
    });
  }

  protected override _count(
    queue: string,
    after: string,
    o: CallOptions | undefined,
  ): Promise<number> {
    const range = this.after(queue, Date.parse(after));
    return this.read("prompt", o, (tx) => request(this.times(tx).count(range)));
  }

  protected override _oldestAt(
    queue: string,
    offset: number,
    o: CallOptions | undefined,
  ): Promise<string | undefined> {
    const range = IDBKeyRange.bound(this.key(queue), this.key(queue, []));
    return this.read("turn", o, (tx) => {
      const cursors = this.times(tx).openKeyCursor(range);
      return new Promise((resolve, reject) => {
        let skip = offset;
        cursors.onerror = () => reject(cursors.error);
        cursors.onsuccess = () => {
          const cursor = cursors.result;
          if (cursor !== null && skip > 0) {
            cursor.advance(skip);
            skip = 0;
          } else resolve(cursor === null ? undefined : iso((cursor.key as number[]).at(-1)));
        };
      });
    });
  }

  protected override _nextAvailable(
    queue: string,
    o: CallOptions | undefined,
  ): Promise<string | undefined> {
    return this.read("prompt", o, async (tx) => {
      const { nextAvailableMs } = await this.limitsOf(tx, queue);
      return iso(nextAvailableMs);
    });
  }

  protected override _setNextAvailable(
    queue: string,
    next: string,
    o: CallOptions | undefined,
  ): Promise<void> {
    const nextAvailableMs = Date.parse(next);
    return this.write("turn", o, async (tx) => {
      const limits = await this.limitsOf(tx, queue);
      tx.send(this.wanted.limits, { ...limits, nextAvailableMs }, this.key(queue));
    });
  }

  protected override _clear(queue: string, o: CallOptions | undefined): Promise<void> {
    const range = IDBKeyRange.bound(this.key(queue), this.key(queue, []));
    return this.write("alone", o, async (tx) => {
      const ids = await request(this.times(tx).getAllKeys(range));
      for (const id of ids) tx.sendDelete(this.wanted.executions, id);
      tx.sendDelete(this.wanted.limits, this.key(queue));
    });
  }

  protected override _reserve(
    queue: string,
    max: number,
    windowMs: number,
    o: CallOptions | undefined,
  ): Promise<string | undefined> {
    return this.write("turn", o, async (tx) => {
      const nowMs = Date.now();
      const [known, recent] = await Promise.all([
        this.limitsOf(tx, queue),
        request(this.times(tx).count(this.after(queue, nowMs - windowMs))),
      ]);
      const limits = { ...known, windowMs: Math.max(known.windowMs ?? 0, windowMs) };
      if (limits.windowMs !== known.windowMs) {
        tx.send(this.wanted.limits, limits, this.key(queue));
      }
      await this.forgetOld(tx, queue, limits, nowMs);
      if ((limits.nextAvailableMs ?? nowMs) > nowMs || recent >= max) return undefined;
      return String(await this.insert(tx, queue, nowMs));
    });
  }

  protected override _release(
    queue: string,
    token: string,
    o: CallOptions | undefined,
  ): Promise<void> {
    const id = Number(token);
    return this.write("turn", o, async (tx) => {
      if (!Number.isSafeInteger(id)) return;
      const found = await tx.get<StoredExecution>(this.wanted.executions, id);
      if (found !== undefined && isAt(found, this.key(queue))) {
        tx.sendDelete(this.wanted.executions, id);
      }
    });
  }

  // ——— helpers

  private read<T>(
    kind: CallKind,
    o: CallOptions | undefined,
    work: (tx: StoreTransaction) => Promise<T>,
  ): Promise<T> {
    return this.access.run(kind, "readonly", this.scope, o, work);
  }

  private write<T>(
    kind: CallKind,
    o: CallOptions | undefined,
    work: (tx: StoreTransaction) => Promise<T>,
  ): Promise<T> {
    return this.access.run(kind, "readwrite", this.scope, o, work);
  }

  private times(tx: StoreTransaction): IDBIndex {
    return tx.store(this.wanted.executions).index("at");
  }

  private async limitsOf(tx: StoreTransaction, queue: string): Promise<StoredLimits> {
    return (await tx.get<StoredLimits>(this.wanted.limits, this.key(queue))) ?? {};
  }

  private insert(tx: StoreTransaction, queue: string, ms: number): Promise<IDBValidKey> {
    const execution: StoredExecution = { at: this.key(queue, ms) };
    return tx.add(this.wanted.executions, execution);
  }

  private async forgetOld(
    tx: StoreTransaction,
    queue: string,
    { windowMs = KEPT_WITHOUT_WINDOW_MS }: StoredLimits,
    nowMs: number,
  ): Promise<void> {
    const range = IDBKeyRange.bound(this.key(queue), this.key(queue, nowMs - windowMs));
    const ids = await request(this.times(tx).getAllKeys(range, FORGET_BATCH));
    for (const id of ids) tx.sendDelete(this.wanted.executions, id);
  }

  /** Executions later than `ms`. */
  private after(queue: string, ms: number): IDBKeyRange {
    return IDBKeyRange.bound(this.key(queue, ms), this.key(queue, []), true);
  }

  private key(queue: string, ...parts: readonly IDBValidKey[]): IDBValidKey[] {
    return [...this.prefixes.map(({ value }) => value), queue, ...parts];
  }
}

/** Whether the execution is of this tenant and queue. */
function isAt({ at }: StoredExecution, key: readonly IDBValidKey[]): boolean {
  return at.length === key.length + 1 && key.every((part, index) => part === at[index]);
}

function iso(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
