import { StorageBusyError } from "@workglow/util";
import { abortCause, abortQuietly, commitQuietly } from "./abort.ts";
import type { IndexedDbTransaction } from "./IndexedDbTransaction.ts";
import { StoreTransaction } from "./StoreTransaction.ts";
import { transactionEnded } from "./transactionEnded.ts";
import { UndoLog } from "./UndoLog.ts";

interface Pending {
  readonly scope: IndexedDbTransaction;
  start(): Promise<void>;
  refuse(error: unknown): void;
}

/** A key that no store has. */
const NOTHING = "\0";

/** For how many microtasks a transaction waits for the next call before it sends a request. */
const PATIENCE = 8;

/**
 * An IndexedDB transaction that stays open while a function of the user's awaits other things: one
 * that has no request under way is committed by the browser, so requests that do nothing follow
 * each other. Calls take their turns between them, one after the other, each when its own savepoint
 * is the innermost.
 */
export class OpenTransaction {
  /** Rejects when the transaction is lost, whether or not the user's function ever ends. */
  public readonly givenUp: Promise<never>;
  private readonly raw: IDBTransaction;
  private readonly anyStore: string;
  private readonly idleLimitMs: number;
  private readonly waiting: Pending[] = [];
  private readonly notes = new Map<string, unknown>();
  private innermost: IndexedDbTransaction | undefined;
  /** When a call of the user's was last made or answered, in ms of `performance.now()`. */
  private lastStep = performance.now();
  private committing = false;
  private failure: { readonly error: unknown } | undefined;
  private readonly done: Promise<void>;
  private giveUp: ((error: unknown) => void) | undefined;

  public constructor(raw: IDBTransaction, idleLimitMs: number) {
    this.raw = raw;
    this.anyStore = raw.objectStoreNames[0] as string;
    this.idleLimitMs = idleLimitMs;
    this.done = new Promise((resolve, reject) => {
      raw.addEventListener("complete", () => resolve());
      raw.addEventListener("abort", () => {
        this.failure ??= { error: abortCause(raw, undefined) };
        this.refuseAll();
        reject(this.failure.error);
        this.giveUp?.(this.failure.error);
      });
    });
    this.done.catch(() => undefined);
    this.givenUp = new Promise((_, reject) => {
      this.giveUp = reject;
    });
    this.givenUp.catch(() => undefined);
  }

  /** Resolves once the transaction has the stores for itself. */
  public begin(tx: IndexedDbTransaction): Promise<void> {
    this.innermost = tx;
    const begun = this.enqueue(tx, async () => undefined);
    this.ping();
    return begun;
  }

  /** Makes a call when it is its turn; what it has written is taken back when it fails. */
  public call<T>(
    scope: IndexedDbTransaction,
    work: (tx: StoreTransaction) => Promise<T>,
  ): Promise<T> {
    return this.enqueue(scope, async () => {
      const undo = new UndoLog();
      const onCommit = (fn: () => void): void => scope.onCommit(fn);
      const tx = new StoreTransaction(this.raw, { undo, onCommit, notes: this.notes });
      try {
        const result = await work(tx);
        tx.runEndings();
        await tx.settled();
        scope.undo?.append(undo);
        return result;
      } catch (error) {
        await undo.undo(this.raw);
        throw error;
      }
    });
  }

  /** Opens a savepoint in `scope`. */
  public enter(
    scope: IndexedDbTransaction,
    make: () => IndexedDbTransaction,
  ): Promise<IndexedDbTransaction> {
    return this.enqueue(scope, async () => {
      this.innermost = make();
      return this.innermost;
    });
  }

  /** Ends a savepoint after the calls that were made in it; `taken`: undoes them. */
  public async leave(inner: IndexedDbTransaction, takeBack: boolean): Promise<void> {
    const outer = inner.parent as IndexedDbTransaction;
    const { undo } = inner;
    if (this.failure !== undefined || undo === undefined) return;
    await this.enqueue(inner, async () => {
      if (takeBack) await undo.undo(this.raw);
      else outer.undo?.append(undo);
      this.innermost = outer;
      this.refuseEnded(inner);
    });
  }

  /** Commits after the calls that were made. */
  public async commit(tx: IndexedDbTransaction): Promise<void> {
    if (this.failure !== undefined) throw this.failure.error;
    await this.enqueue(tx, async () => {
      this.committing = true;
    });
    await this.done;
  }

  /** Takes everything back, and resolves once that is done. */
  public async abort(reason: unknown): Promise<void> {
    this.failure ??= { error: reason };
    abortQuietly(this.raw);
    this.refuseAll();
    await this.done.catch(() => undefined);
  }

  private enqueue<T>(scope: IndexedDbTransaction, work: () => Promise<T>): Promise<T> {
    if (this.failure !== undefined) return Promise.reject(this.failure.error);
    if (this.committing) return Promise.reject(transactionEnded());
    this.lastStep = performance.now();
    return new Promise<T>((resolve, reject) => {
      const start = async (): Promise<void> => {
        try {
          resolve(await work());
        } catch (error) {
          reject(this.failure === undefined ? abortCause(this.raw, { error }) : this.failure.error);
        }
        this.lastStep = performance.now();
      };
      this.waiting.push({ scope, start, refuse: reject });
    });
  }

  private ping(): void {
    try {
      const request = this.raw.objectStore(this.anyStore).getKey(NOTHING);
      request.onsuccess = () => void this.takeTurns();
    } catch {
      // It has been aborted, and whoever waits has been told.
    }
  }

  /** Runs in the callback of a request: as long as its microtasks last, requests can be made. */
  private async takeTurns(): Promise<void> {
    for (let idle = 0; idle < PATIENCE && !this.committing; ) {
      const next = this.next();
      if (next === undefined) {
        idle++;
        await undefined;
      } else {
        idle = 0;
        await next.start();
      }
    }
    if (this.failure !== undefined) return;
    if (this.committing) commitQuietly(this.raw);
    else if (performance.now() - this.lastStep > this.idleLimitMs) this.endIdle();
    else this.ping();
  }

  private next(): Pending | undefined {
    const at = this.waiting.findIndex(({ scope }) => scope === this.innermost);
    return at < 0 ? undefined : this.waiting.splice(at, 1)[0];
  }

  private refuseEnded(scope: IndexedDbTransaction): void {
    for (let at = this.waiting.length - 1; at >= 0; at--) {
      if (this.waiting[at]?.scope !== scope) continue;
      this.waiting.splice(at, 1)[0]?.refuse(transactionEnded());
    }
  }

  private refuseAll(): void {
    for (const { refuse } of this.waiting.splice(0)) refuse(this.failure?.error);
  }

  private endIdle(): void {
    const error = new StorageBusyError(
      `nothing happened in the transaction for ${this.idleLimitMs} ms; inside a transaction use the handle that it gives`,
      { code: "IDLE" },
    );
    void this.abort(error);
  }
}
