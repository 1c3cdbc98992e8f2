import { atEndOfTick, type CallOptions } from "@workglow/util";
import { isConnectionClosed } from "../indexedDbErrors.ts";
import { abortCause, abortQuietly, commitQuietly } from "./abort.ts";
import type { IndexedDbDatabase } from "./IndexedDbDatabase.ts";
import { StoreTransaction } from "./StoreTransaction.ts";

/** What is done beside the writes of a transaction. */
export interface WriteWatch {
  /** Whether the transaction was aborted to be repeated: what its calls went by was wrong. */
  readonly misled: boolean;
  /** Calls `fn` once it is certain that the transaction need not be repeated. */
  whenChecked(fn: () => void): void;
}

/** What {@link StoreCalls} needs to know of the storage whose calls it sends. */
export interface CallsOfStorage {
  readonly database: IndexedDbDatabase;
  /** The stores that its calls use. */
  readonly stores: readonly string[];
  /** Those that calls use which only read; all of them unless given. */
  readonly readStores?: readonly string[];
  /** Whether calls may be sent on the database's present connection. */
  isReady(): boolean;
  /** Gets ready; when it fails, so do the calls that wait. */
  prepare(): Promise<void>;
  /** Called first in each transaction that writes. */
  beginWrite(tx: StoreTransaction): WriteWatch | undefined;
}

type Work<T> = (tx: StoreTransaction) => Promise<T>;

/**
 * How a call takes part: `prompt` makes all of its requests at once, and so does `sure`, none of
 * whose requests can be refused by itself; `turn` waits for answers between them, so that later
 * calls have to wait for it; `alone` has a transaction of its own, since it may fail half-way or
 * lasts long.
 */
export type CallKind = SharedCallKind | "alone" | ((tx: StoreTransaction) => SharedCallKind);

type SharedCallKind = "sure" | "prompt" | "turn";

interface Call {
  readonly mode: IDBTransactionMode;
  readonly kind: CallKind;
  readonly work: Work<unknown>;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** A transaction on its way, with the calls in it. */
interface Sent {
  readonly raw: IDBTransaction;
  readonly calls: readonly Call[];
}

/** How often calls are sent anew when the browser has closed the connection under them. */
const MOST_ATTEMPTS = 3;

/**
 * Sends the calls of one storage, in their order. Those that are made in one tick share a
 * transaction: it costs much more than a request does. IndexedDB itself keeps transactions on the
 * same stores in the order in which they were begun.
 */
export class StoreCalls {
  private readonly of: CallsOfStorage;
  private waiting: Call[] = [];
  private scheduled = false;
  private prepared: Promise<void> | undefined;
  private attempts = 0;
  private sent: Sent[] = [];

  public constructor(of: CallsOfStorage) {
    this.of = of;
  }

  public run<T>(
    kind: CallKind,
    mode: IDBTransactionMode,
    work: Work<T>,
    o?: CallOptions,
  ): Promise<T> {
    const signal = o?.signal;
    return new Promise<T>((resolve, reject) => {
      this.waiting.push({
        mode,
        // A call that may be aborted must not take others with it.
        kind: signal === undefined ? kind : "alone",
        work,
        signal,
        resolve: resolve as (value: unknown) => void,
        reject,
      });
      this.of.database.waiting.add(this);
      if (this.scheduled || this.prepared !== undefined) return;
      this.scheduled = true;
      atEndOfTick(() => this.flush());
    });
  }

  /** Sends what waits, at once where that can be; else resolves when it has been sent. */
  public sendNow(): Promise<void> | undefined {
    this.flush();
    return this.prepared;
  }

  private flush(): void {
    this.scheduled = false;
    if (this.prepared !== undefined || this.waiting.length === 0) return;
    if (this.of.isReady()) this.send();
    else this.prepare();
  }

  private prepare(): void {
    this.prepared = this.of.prepare().then(
      () => {
        this.prepared = undefined;
        this.flush();
      },
      (error: unknown) => {
        this.prepared = undefined;
        this.attempts = 0;
        for (const call of this.takeWaiting()) call.reject(error);
      },
    );
  }

  private takeWaiting(): readonly Call[] {
    const calls = this.waiting;
    this.waiting = [];
    this.of.database.waiting.delete(this);
    return calls;
  }

  private send(): void {
    const calls = this.takeWaiting();
    for (let at = 0; at < calls.length; ) {
      const end = endOfGroup(calls, at);
      const group = calls.slice(at, end).filter((call) => !isAborted(call));
      if (group.length > 0 && !this.sendGroup(group)) {
        this.waiting = [...group, ...calls.slice(end), ...this.waiting];
        this.of.database.waiting.add(this);
        this.prepare();
        return;
      }
      at = end;
    }
    this.attempts = 0;
  }

  /** Whether a transaction could be begun; false: the connection has gone, and may come again. */
  private sendGroup(calls: readonly Call[]): boolean {
    const { database, stores, readStores = stores } = this.of;
    const writes = calls.some(({ mode }) => mode === "readwrite");
    let raw: IDBTransaction;
    try {
      raw = writes ? database.begin(stores, "readwrite") : database.begin(readStores, "readonly");
    } catch (error) {
      database.noteLost(error);
      if (isConnectionClosed(error) && ++this.attempts < MOST_ATTEMPTS) return false;
      for (const call of calls) call.reject(error);
      return true;
    }
    this.start({ raw, calls }, writes);
    return true;
  }

  private start(sent: Sent, writes: boolean): void {
    const { raw, calls } = sent;
    const committed: (() => void)[] = [];
    const tx = new StoreTransaction(raw, {
      onCommit: (fn) => committed.push(fn),
      onFinished: () => {
        // Nobody waits for the end of what only reads.
        if (!writes) return;
        if (watch === undefined) commitQuietly(raw);
        else watch.whenChecked(() => commitQuietly(raw));
      },
    });
    const [first] = calls as readonly [Call];
    const results: Promise<unknown>[] = [];
    let failure: { readonly error: unknown } | undefined;
    const abort = (error: unknown): void => {
      // Then the calls fail because of the abort, and not the other way round.
      if (watch?.misled !== true) failure ??= { error };
      abortQuietly(raw);
    };
    const onSignal = (): void => abort(first.signal?.reason);
    first.signal?.addEventListener("abort", onSignal, { once: true });
    this.sent.push(sent);
    const watch = writes ? this.of.beginWrite(tx) : undefined;
    const ended = (): void => {
      first.signal?.removeEventListener("abort", onSignal);
      if (this.sent[0] === sent) this.sent.shift();
      else this.sent = this.sent.filter((other) => other !== sent);
    };
    raw.oncomplete = () => {
      ended();
      for (const fn of committed) fn();
      for (const [at, call] of calls.entries()) call.resolve(results[at]);
    };
    raw.onabort = () => {
      if (watch?.misled === true && failure === undefined) {
        this.repeatFrom(sent);
        return;
      }
      if (!this.sent.includes(sent)) return;
      ended();
      const error = abortCause(raw, failure);
      for (const call of calls) call.reject(error);
    };
    const made = this.makeCalls(tx, calls, results, writes ? abort : undefined);
    if (!writes) {
      const current = (): boolean => this.sent.includes(sent);
      void made.then(() => settleReads(calls, results, current));
    }
    made.catch(abort);
  }

  /** @param abort takes back what a call that has the transaction for itself has written */
  private async makeCalls(
    tx: StoreTransaction,
    calls: readonly Call[],
    results: Promise<unknown>[],
    abort: ((error: unknown) => void) | undefined,
  ): Promise<void> {
    let areSure = true;
    for (const { work, kind } of calls) {
      const howNow = typeof kind === "function" ? kind(tx) : kind;
      tx.isStrict = howNow === "sure";
      const result = started(work, tx);
      results.push(result);
      result.catch(kind === "alone" && abort !== undefined ? abort : ignore);
      if (howNow === "turn" || howNow === "alone") await result.catch(ignore);
      areSure &&= howNow === "sure";
    }
    if (areSure) tx.finish();
    else tx.runEndings();
  }

  /** Sends a transaction's calls anew, and those of all that were begun after it. */
  private repeatFrom(sent: Sent): void {
    const at = this.sent.indexOf(sent);
    if (at < 0) return;
    const again = this.sent.splice(at);
    for (const { raw } of again) {
      raw.oncomplete = null;
      raw.onabort = null;
      abortQuietly(raw);
    }
    this.waiting = [...again.flatMap(({ calls }) => calls), ...this.waiting];
    this.of.database.waiting.add(this);
    this.flush();
  }
}

/**
 * Reads that share nothing with a write need not wait for the transaction's end. They are answered
 * together, so that callers who ask again in answer to them meet in one tick again.
 */
async function settleReads(
  calls: readonly Call[],
  results: readonly Promise<unknown>[],
  isCurrent: () => boolean,
): Promise<void> {
  await Promise.allSettled(results);
  // Where the calls have been sent anew, these were not the answers.
  if (!isCurrent()) return;
  for (const [at, call] of calls.entries()) call.resolve(results[at]);
}

/** Where the calls end that share a transaction with the one at `start`. */
function endOfGroup(calls: readonly Call[], start: number): number {
  if ((calls[start] as Call).kind === "alone") return start + 1;
  let end = start + 1;
  while (end < calls.length && (calls[end] as Call).kind !== "alone") end++;
  return end;
}

function isAborted({ signal, reject }: Call): boolean {
  if (signal?.aborted !== true) return false;
  reject(signal.reason);
  return true;
}

function started<T>(work: Work<T>, tx: StoreTransaction): Promise<T> {
  try {
    return work(tx);
  } catch (error) {
    return Promise.reject(error);
  }
}

function ignore(): void {}
