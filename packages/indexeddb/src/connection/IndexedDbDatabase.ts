import type { Transaction } from "@workglow/storage";
import { type CallOptions, checkText, StorageValidationError } from "@workglow/util";
import { DatabaseChanges } from "../changes/DatabaseChanges.ts";
import { indexedDbErrorName, isConnectionClosed, notSetUp } from "../indexedDbErrors.ts";
import { abortCause, abortQuietly } from "./abort.ts";
import { IndexedDbTransaction } from "./IndexedDbTransaction.ts";
import { openDatabase } from "./openDatabase.ts";
import { runToEnd } from "./runToEnd.ts";
import type { StoreTransaction } from "./StoreTransaction.ts";

export interface IndexedDbDatabaseOptions {
  /**
   * When a write counts as done: `"relaxed"` once the browser has handed it to the operating
   * system (it outlives a crash of the browser), `"strict"` once it is on the disk (it outlives a
   * power cut, and takes longer). `"relaxed"` unless given.
   */
  readonly durability?: "relaxed" | "strict";
  /**
   * Milliseconds that a call waits for a database that another tab is upgrading, or does not let
   * be upgraded, before it fails with a `StorageBusyError`; 10,000 unless given.
   */
  readonly openTimeoutMs?: number;
  /**
   * Milliseconds after which a transaction in which nothing happens is given up, with a
   * `StorageBusyError`; 2,000 unless given. As long as it is open, everybody else's calls wait.
   */
  readonly idleLimitMs?: number;
}

/** Calls of a storage that wait to be sent, or that may have to be sent anew. */
export interface UnsentCalls {
  /** Sends what may be sent at once. */
  flush(): void;
  /** The same, with a promise where something is left to wait for. */
  sendNow(): Promise<unknown> | undefined;
}

/** What calls wait for that were made after a user's transaction. */
export interface Barrier {
  passed: boolean;
  readonly whenPassed: Promise<void>;
}

/** What an upgrade does: in the one transaction in which stores can be made. */
export type Upgrade = (db: IDBDatabase, tx: IDBTransaction) => Promise<void>;

const DEFAULT_OPEN_TIMEOUT_MS = 10_000;
const DEFAULT_IDLE_LIMIT_MS = 2000;
/** How often is tried what needs a connection that the browser has closed. */
const MOST_ATTEMPTS = 3;

const shared = new Map<string, IndexedDbDatabase>();

/**
 * One connection to an IndexedDB database: opened when it is first used, closed when another tab
 * wants to upgrade the database, and opened again by the next call.
 */
export class IndexedDbDatabase {
  public readonly name: string;
  public readonly durability: "relaxed" | "strict";
  public readonly idleLimitMs: number;
  public readonly unsent = new Set<UnsentCalls>();
  private latestBarrier: Barrier | undefined;
  private readonly openTimeoutMs: number;
  private madeChanges: DatabaseChanges | undefined;
  private current: IDBDatabase | undefined;
  private opened = 0;
  private opening: Promise<IDBDatabase | undefined> | undefined;
  private upgrading: Promise<void> = Promise.resolve();
  private users = 0;

  /**
   * A connection of its own. Storages that are given the database's name share one.
   *
   * @throws StorageValidationError for a name or an option that cannot be
   */
  public constructor(name: string, options: IndexedDbDatabaseOptions = {}) {
    if (typeof name !== "string" || name === "") {
      throw new StorageValidationError("a database needs a name");
    }
    checkText(name, "the name of a database");
    const { durability = "relaxed" } = options;
    if (durability !== "relaxed" && durability !== "strict") {
      throw new StorageValidationError('durability is "relaxed" or "strict"');
    }
    this.name = name;
    this.durability = durability;
    this.openTimeoutMs = milliseconds(
      options.openTimeoutMs,
      "openTimeoutMs",
      DEFAULT_OPEN_TIMEOUT_MS,
    );
    this.idleLimitMs = milliseconds(options.idleLimitMs, "idleLimitMs", DEFAULT_IDLE_LIMIT_MS);
  }

  /** The database of that name that this realm (window or worker) shares, or the one given. */
  public static named(database: string | IndexedDbDatabase): IndexedDbDatabase {
    if (database instanceof IndexedDbDatabase) return database;
    const found = shared.get(database);
    if (found !== undefined) return found;
    const created = new IndexedDbDatabase(database);
    shared.set(database, created);
    return created;
  }

  /**
   * Notes a user of the connection, which is closed when the last one has left.
   *
   * @returns what leaves
   */
  public retain(): () => Promise<void> {
    this.users++;
    let left = false;
    return async () => {
      if (left) return;
      left = true;
      await this.madeChanges?.idle();
      if (--this.users > 0) return;
      this.close();
      if (shared.get(this.name) === this) shared.delete(this.name);
    };
  }

  /** Whether any storage has use for the connection. */
  public get isUsed(): boolean {
    return this.users > 0;
  }

  /** The changes of its tables. */
  public get changes(): DatabaseChanges {
    this.madeChanges ??= new DatabaseChanges(this);
    return this.madeChanges;
  }

  /** What calls that are made now have to wait for. */
  public get barrier(): Barrier | undefined {
    return this.latestBarrier;
  }

  /**
   * Begins a transaction of the user's on all stores, after the calls that were made before it and
   * before those that are made after it.
   *
   * @throws StorageNotSetUpError where there is nothing that it could be about
   */
  public async beginForUser(signal: AbortSignal | undefined): Promise<IDBTransaction> {
    const before = this.latestBarrier;
    let pass: () => void = () => undefined;
    const whenPassed = new Promise<void>((resolve) => {
      pass = resolve;
    });
    const barrier: Barrier = { passed: false, whenPassed };
    this.latestBarrier = barrier;
    try {
      if (before !== undefined) await before.whenPassed;
      for (;;) {
        const unsent = [...this.unsent].flatMap((calls) => calls.sendNow() ?? []);
        if (unsent.length > 0) await Promise.all(unsent);
        else if (this.current === undefined) await this.open();
        else break;
      }
      signal?.throwIfAborted();
      return this.beginOnAll();
    } finally {
      barrier.passed = true;
      if (this.latestBarrier === barrier) this.latestBarrier = undefined;
      pass();
      for (const calls of [...this.unsent]) calls.flush();
    }
  }

  /** Closes the connection once its transactions have ended. The next call opens it again. */
  public close(): void {
    this.current?.close();
    this.current = undefined;
  }

  /** The connection, while there is one. */
  public get connection(): IDBDatabase | undefined {
    return this.current;
  }

  /** Grows with each connection: what was read of the stores' shapes may have changed. */
  public get generation(): number {
    return this.opened;
  }

  /**
   * The connection, opened where there is none.
   *
   * @throws StorageNotSetUpError when there is no such database
   * @throws StorageBusyError when another tab holds it up for longer than `openTimeoutMs`
   */
  public async open(): Promise<IDBDatabase> {
    const db = await this.openExisting();
    if (db === undefined) throw notSetUp();
    return db;
  }

  /**
   * Upgrades the database unless `inspect` finds nothing to do. It is asked again when another tab
   * was faster. What `upgrade` throws undoes all that it did.
   *
   * @param inspect is given the database as it is, `undefined` where there is none
   * @throws StorageBusyError when another tab does not let go of the database
   */
  public upgrade(
    inspect: (db: IDBDatabase | undefined) => Promise<Upgrade | undefined>,
  ): Promise<void> {
    const done = this.upgrading.then(() => this.upgradeNow(inspect));
    this.upgrading = done.catch(() => undefined);
    return done;
  }

  /**
   * Opens an IndexedDB transaction.
   *
   * @throws DOMException `InvalidStateError` where the connection has gone; it may be opened again
   */
  public begin(stores: readonly string[], mode: "readonly" | "readwrite"): IDBTransaction {
    const { current } = this;
    if (current === undefined) throw new DOMException("closed", "InvalidStateError");
    try {
      return current.transaction(stores as string[], mode, { durability: this.durability });
    } catch (error) {
      // Some browsers close a connection and do not tell.
      if (isConnectionClosed(error)) this.current = undefined;
      throw error;
    }
  }

  /** A read transaction of its own. `work` awaits nothing but its requests. */
  public read<T>(
    stores: readonly string[],
    work: (tx: StoreTransaction) => Promise<T>,
    o?: CallOptions,
  ): Promise<T> {
    return this.runAlone(stores, "readonly", work, o);
  }

  /** A write transaction of its own, undone when `work` throws; resolves once it has committed. */
  public write<T>(
    stores: readonly string[],
    work: (tx: StoreTransaction) => Promise<T>,
    o?: CallOptions,
  ): Promise<T> {
    return this.runAlone(stores, "readwrite", work, o);
  }

  /** In a user's transaction, when it is this call's turn: all of `work` happens or nothing. */
  public within<T>(scope: Transaction, work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    return (scope as IndexedDbTransaction).run(work);
  }

  /** {@link within}, {@link read} or {@link write}. */
  public run<T>(
    scope: Transaction | undefined,
    mode: "readonly" | "readwrite",
    stores: readonly string[],
    work: (tx: StoreTransaction) => Promise<T>,
    o?: CallOptions,
  ): Promise<T> {
    return scope === undefined ? this.runAlone(stores, mode, work, o) : this.within(scope, work);
  }

  /** A transaction for a function of the user's, on all stores; or a savepoint in `parent`. */
  public transaction<T>(
    parent: Transaction | undefined,
    fn: (tx: Transaction) => Promise<T>,
    o?: CallOptions,
  ): Promise<T> {
    return parent === undefined
      ? IndexedDbTransaction.run(this, fn, o)
      : (parent as IndexedDbTransaction).savepoint(fn, o);
  }

  private async runAlone<T>(
    stores: readonly string[],
    mode: "readonly" | "readwrite",
    work: (tx: StoreTransaction) => Promise<T>,
    o: CallOptions | undefined,
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      if (this.current === undefined) await this.open();
      o?.signal?.throwIfAborted();
      let raw: IDBTransaction;
      try {
        raw = this.begin(stores, mode);
      } catch (error) {
        if (attempt < MOST_ATTEMPTS && isConnectionClosed(error)) continue;
        throw error;
      }
      return runToEnd(raw, work, o?.signal);
    }
  }

  private async beginOnAll(): Promise<IDBTransaction> {
    for (let attempt = 1; ; attempt++) {
      const db = this.current ?? (await this.open());
      if (db.objectStoreNames.length === 0) throw notSetUp();
      try {
        return this.begin([...db.objectStoreNames], "readwrite");
      } catch (error) {
        if (attempt >= MOST_ATTEMPTS || !isConnectionClosed(error)) throw error;
      }
    }
  }

  private async openExisting(): Promise<IDBDatabase | undefined> {
    await this.upgrading;
    return this.currentOrConnected();
  }

  /** Connects only where there is no connection: an unused second one would stop every upgrade. */
  private currentOrConnected(): Promise<IDBDatabase | undefined> {
    if (this.current !== undefined) return Promise.resolve(this.current);
    this.opening ??= this.connect().finally(() => {
      this.opening = undefined;
    });
    return this.opening;
  }

  private async connect(): Promise<IDBDatabase | undefined> {
    let missing = false;
    try {
      return await this.request(undefined, (_, tx) => {
        missing = true;
        tx.abort();
      });
    } catch (error) {
      if (missing && indexedDbErrorName(error) === "AbortError") return undefined;
      throw error;
    }
  }

  private async upgradeNow(
    inspect: (db: IDBDatabase | undefined) => Promise<Upgrade | undefined>,
  ): Promise<void> {
    for (let attempt = 1; ; ) {
      const db = await this.currentOrConnected();
      let upgrade: Upgrade | undefined;
      try {
        upgrade = await inspect(db);
      } catch (error) {
        if (this.current !== undefined || !isConnectionClosed(error) || ++attempt > MOST_ATTEMPTS) {
          throw error;
        }
        continue;
      }
      if (upgrade === undefined) return;
      const version = (db?.version ?? 0) + 1;
      this.close();
      let failure: { readonly error: unknown } | undefined;
      try {
        await this.request(version, (raw, tx) => {
          // What the request to open tells is only that the upgrade was aborted.
          tx.addEventListener("abort", () => {
            failure = { error: abortCause(tx, failure) };
          });
          void upgrade(raw, tx).catch((error: unknown) => {
            failure ??= { error };
            abortQuietly(tx);
          });
        });
      } catch (error) {
        if (failure !== undefined) throw failure.error;
        // Another tab's upgrade came first: look at what it has made.
        if (indexedDbErrorName(error) !== "VersionError") throw error;
      }
    }
  }

  private async request(
    version: number | undefined,
    upgrade: (db: IDBDatabase, tx: IDBTransaction) => void,
  ): Promise<IDBDatabase> {
    const { name, openTimeoutMs: timeoutMs } = this;
    const lost = (db: IDBDatabase): void => {
      if (this.current === db) this.current = undefined;
    };
    this.current = await openDatabase({ name, version, timeoutMs, upgrade, lost });
    this.opened++;
    return this.current;
  }
}

function milliseconds(value: number | undefined, name: string, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (typeof value === "number" && value > 0) return value;
  throw new StorageValidationError(`${name} is a number of milliseconds above 0`);
}
