import { atEndOfTick, type CallOptions } from "@workglow/util";
import { isConnectionClosed } from "../indexedDbErrors.ts";
import { type Call, CallGroup, type CallKind, type Work, type WriteWatch } from "./CallGroup.ts";
import type { IndexedDbDatabase, UnsentCalls } from "./IndexedDbDatabase.ts";
import type { StoreTransaction } from "./StoreTransaction.ts";

export type { CallKind, WriteWatch };

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

/** How often calls are sent anew when the browser has closed the connection under them. */
const MOST_ATTEMPTS = 3;

/**
 * Sends the calls of one storage, in their order. Those that are made in one tick share a
 * transaction: it costs much more than a request does. IndexedDB itself keeps transactions on the
 * same stores in the order in which they were begun.
 */
export class StoreCalls implements UnsentCalls {
  private readonly of: CallsOfStorage;
  private waiting: Call[] = [];
  private scheduled = false;
  private prepared: Promise<void> | undefined;
  private attempts = 0;
  /** The groups that are on their way, in their order. */
  private sent: CallGroup[] = [];

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
    const { database } = this.of;
    return new Promise<T>((resolve, reject) => {
      this.waiting.push({
        mode,
        // A call that may be aborted must not take others with it.
        kind: signal === undefined ? kind : "alone",
        work,
        signal,
        barrier: database.barrier,
        resolve: resolve as (value: unknown) => void,
        reject,
      });
      database.unsent.add(this);
      if (this.scheduled || this.prepared !== undefined) return;
      this.scheduled = true;
      atEndOfTick(() => this.flush());
    });
  }

  /** Sends what waits and may be sent, as far as that can be at once. */
  public flush(): void {
    this.scheduled = false;
    if (this.prepared !== undefined || this.countSendable() === 0) return;
    if (this.of.isReady()) this.send();
    else this.prepare();
  }

  /**
   * Sends what waits. Gives a promise where that takes a while, or where it is not certain yet that
   * what has been sent need not be sent anew.
   */
  public sendNow(): Promise<unknown> | undefined {
    this.flush();
    if (this.prepared !== undefined) return this.prepared;
    const uncertain = this.sent.flatMap((group) => group.whenCertain() ?? []);
    return uncertain.length === 0 ? undefined : Promise.all(uncertain);
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
        for (const call of this.takeSendable()) call.reject(error);
        this.flush();
      },
    );
  }

  /** Calls that were made after a transaction wait until that has begun. */
  private countSendable(): number {
    const at = this.waiting.findIndex(({ barrier }) => barrier?.passed === false);
    return at < 0 ? this.waiting.length : at;
  }

  private takeSendable(): readonly Call[] {
    const calls = this.waiting.splice(0, this.countSendable());
    this.noteUnsent();
    return calls;
  }

  private putBack(calls: readonly Call[]): void {
    this.waiting = [...calls, ...this.waiting];
    this.noteUnsent();
  }

  private noteUnsent(): void {
    const { unsent } = this.of.database;
    // What has been sent may have to be sent anew, and whoever begins a transaction has to ask.
    if (this.waiting.length > 0 || this.sent.length > 0) unsent.add(this);
    else unsent.delete(this);
  }

  private send(): void {
    const calls = this.takeSendable();
    for (let at = 0; at < calls.length; ) {
      const end = endOfGroup(calls, at);
      const group = calls.slice(at, end).filter((call) => !isAborted(call));
      if (group.length > 0 && !this.sendGroup(group)) {
        this.putBack([...group, ...calls.slice(end)]);
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
      if (isConnectionClosed(error) && ++this.attempts < MOST_ATTEMPTS) return false;
      for (const call of calls) call.reject(error);
      return true;
    }
    const group = new CallGroup(raw, calls, {
      beginWrite: (tx) => this.of.beginWrite(tx),
      ended: (ended) => this.forget(ended),
      misled: (misled) => this.repeatFrom(misled),
      isOvertaken: (later) => this.isOvertaken(later),
    });
    this.sent.push(group);
    this.noteUnsent();
    group.start();
    return true;
  }

  private forget(group: CallGroup): void {
    if (this.sent[0] === group) this.sent.shift();
    else this.sent = this.sent.filter((other) => other !== group);
    this.noteUnsent();
  }

  private isOvertaken(group: CallGroup): boolean {
    const at = this.sent.indexOf(group);
    return at >= 0 && this.sent.slice(0, at).some(({ isMisled }) => isMisled);
  }

  /** Sends a group's calls anew, and those of all that were begun after it. */
  private repeatFrom(group: CallGroup): void {
    const at = this.sent.indexOf(group);
    if (at < 0) return;
    const again = this.sent.splice(at);
    for (const later of again) later.withdraw();
    this.putBack(again.flatMap(({ calls }) => calls));
    this.flush();
  }
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
