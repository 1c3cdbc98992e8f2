import { BaseRateLimiterStorage, type RateLimiterStorageOptions } from "@workglow/job-queue";
import { KEPT_WITHOUT_WINDOW_MS } from "@workglow/job-queue/records";
import { type CallOptions, StorageTransactionError } from "@workglow/util";
import { IndexedDbDatabase } from "../connection/IndexedDbDatabase.ts";
import { request } from "../connection/request.ts";
import type { CallKind } from "../connection/StoreCalls.ts";
import type { StoreTransaction } from "../connection/StoreTransaction.ts";
import { indexedDbCapabilities } from "../indexedDbCapabilities.ts";
import { classifyIndexedDbError } from "../indexedDbErrors.ts";
import { entryAt } from "../select/entryAt.ts";
import { CallBatches, fulfilled } from "./CallBatches.ts";
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

/** Most executions that are forgotten for each that is recorded: several, so that no backlog stays. */
const FORGET_BATCH = 100;

interface WantedExecution {
  readonly queue: string;
  readonly max: number;
  readonly windowMs: number;
}

/** Rate limits in an IndexedDB database, shared by all tabs and workers of an origin. */
export class IndexedDbRateLimiterStorage extends BaseRateLimiterStorage {
  public readonly capabilities = { ...indexedDbCapabilities, changes: "none" } as const;
  private readonly database: IndexedDbDatabase;
  private readonly wanted: LimiterStores;
  private readonly access: StoresAccess;
  private readonly leave: () => Promise<void>;
  private readonly reservations = new CallBatches<WantedExecution, string | undefined>(
    async (calls, settle, sent) => {
      const tokens = await this.access.run("turn", "readwrite", undefined, undefined, (tx) => {
        sent();
        return this.reserveAll(tx, calls);
      });
      for (const [at, token] of tokens.entries()) settle(at, fulfilled(token));
    },
  );

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
    return this.read("turn", o, async (tx) => {
      const key = await entryAt(this.times(tx), { range, descending: false }, offset);
      return iso((key as readonly number[] | undefined)?.at(-1));
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
    const wanted = { queue, max, windowMs };
    if (this.scope === undefined && o?.signal === undefined) return this.reservations.join(wanted);
    return this.write("turn", o, async (tx) => (await this.reserveAll(tx, [wanted]))[0]);
  }

  protected override _release(
    queue: string,
    token: string,
    o: CallOptions | undefined,
  ): Promise<void> {
    const id = Number(token);
    return this.write("turn", o, async (tx) => {
      // "1", and not what else is read as 1.
      if (!Number.isSafeInteger(id) || String(id) !== token) return;
      const found = await tx.get<StoredExecution>(this.wanted.executions, id);
      if (found !== undefined && isAt(found, this.key(queue))) {
        tx.sendDelete(this.wanted.executions, id);
      }
    });
  }

  // ——— helpers

  private async reserveAll(
    tx: StoreTransaction,
    wanted: readonly WantedExecution[],
  ): Promise<(string | undefined)[]> {
    const ofQueues = new Map<string, number[]>();
    for (const [at, { queue }] of wanted.entries()) {
      const places = ofQueues.get(queue);
      if (places === undefined) ofQueues.set(queue, [at]);
      else places.push(at);
    }
    const tokens: (string | undefined)[] = wanted.map(() => undefined);
    const reserving = [...ofQueues].map(async ([queue, places]) => {
      const calls = places.map((at) => wanted[at] as WantedExecution);
      const given = await this.reserveOf(tx, queue, calls);
      for (const [n, at] of places.entries()) tokens[at] = given[n];
    });
    await Promise.all(reserving);
    return tokens;
  }

  /** Reserves in the order of the calls: each counts what those before it were given. */
  private async reserveOf(
    tx: StoreTransaction,
    queue: string,
    wanted: readonly WantedExecution[],
  ): Promise<readonly (string | undefined)[]> {
    const nowMs = Date.now();
    const windows = [...new Set(wanted.map(({ windowMs }) => windowMs))];
    const [known, ...counts] = await Promise.all([
      this.limitsOf(tx, queue),
      ...windows.map((ms) => request(this.times(tx).count(this.after(queue, nowMs - ms)))),
    ]);
    const recent = new Map(windows.map((ms, at) => [ms, counts[at] as number]));
    const windowMs = windows.reduce((a, b) => Math.max(a, b), known.windowMs ?? 0);
    if (windowMs !== known.windowMs) {
      tx.send(this.wanted.limits, { ...known, windowMs }, this.key(queue));
    }
    await this.forgetOld(tx, queue, { windowMs }, nowMs, wanted.length);
    const isOpen = (known.nextAvailableMs ?? nowMs) <= nowMs;
    let given = 0;
    const inserted = wanted.map((call) => {
      if (!isOpen || (recent.get(call.windowMs) as number) + given >= call.max) return undefined;
      given++;
      return this.insert(tx, queue, nowMs);
    });
    return (await Promise.all(inserted)).map((id) => (id === undefined ? undefined : String(id)));
  }

  private read<T>(
    kind: CallKind,
    o: CallOptions | undefined,
    work: (tx: StoreTransaction) => Promise<T>,
  ): Promise<T> {
    this.reservations.seal();
    return this.access.run(kind, "readonly", this.scope, o, work);
  }

  private write<T>(
    kind: CallKind,
    o: CallOptions | undefined,
    work: (tx: StoreTransaction) => Promise<T>,
  ): Promise<T> {
    this.reservations.seal();
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
    recorded = 1,
  ): Promise<void> {
    const range = IDBKeyRange.bound(this.key(queue), this.key(queue, nowMs - windowMs));
    const ids = await request(this.times(tx).getAllKeys(range, FORGET_BATCH * recorded));
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
