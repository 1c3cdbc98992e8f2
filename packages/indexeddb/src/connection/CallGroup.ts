import { abortCause, abortQuietly, commitQuietly } from "./abort.ts";
import { StoreTransaction } from "./StoreTransaction.ts";

/** What is done beside the writes of a transaction. */
export interface WriteWatch {
  /** Whether the transaction was aborted to be repeated: what its calls went by was wrong. */
  readonly misled: boolean;
  /** Calls `fn` once it is certain that the transaction need not be repeated. */
  whenChecked(fn: () => void): void;
}

/**
 * How a call takes part: `prompt` makes all of its requests at once, and so does `sure`, none of
 * whose requests can be refused by itself; `turn` waits for answers between them, so that later
 * calls have to wait for it; `alone` has a transaction of its own, since it may fail half-way or
 * lasts long.
 */
export type CallKind = SharedCallKind | "alone" | ((tx: StoreTransaction) => SharedCallKind);

type SharedCallKind = "sure" | "prompt" | "turn";

export type Work<T> = (tx: StoreTransaction) => Promise<T>;

export interface Call {
  readonly mode: IDBTransactionMode;
  readonly kind: CallKind;
  readonly work: Work<unknown>;
  readonly signal: AbortSignal | undefined;
  /** The user's transaction that it was made after, until that has begun. */
  readonly barrier: { readonly passed: boolean } | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Who has sent a group of calls, and to hear what becomes of it. */
export interface GroupOwner {
  /** Called first in each transaction that writes. */
  beginWrite(tx: StoreTransaction): WriteWatch | undefined;
  /** Its calls have been answered. */
  ended(group: CallGroup): void;
  /** It was aborted to be repeated, with all that was begun after it. */
  misled(group: CallGroup): void;
  /** Whether a write that was made before it is about to be repeated, so that it may read too old. */
  isOvertaken(group: CallGroup): boolean;
}

/** Calls on their way, in one IndexedDB transaction. */
export class CallGroup {
  public readonly calls: readonly Call[];
  private readonly raw: IDBTransaction;
  private readonly owner: GroupOwner;
  private readonly writes: boolean;
  private readonly results: Promise<unknown>[] = [];
  private readonly committed: (() => void)[] = [];
  private watch: WriteWatch | undefined;
  private failure: { readonly error: unknown } | undefined;
  private isCertain = false;
  private isWithdrawn = false;
  private readonly waiting: (() => void)[] = [];

  public constructor(raw: IDBTransaction, calls: readonly Call[], owner: GroupOwner) {
    this.raw = raw;
    this.calls = calls;
    this.owner = owner;
    this.writes = raw.mode === "readwrite";
  }

  /** Whether it is being aborted to be repeated. */
  public get isMisled(): boolean {
    return this.watch?.misled === true && this.failure === undefined;
  }

  /** Resolves once its writes will not be repeated any more; `undefined` where that is certain. */
  public whenCertain(): Promise<void> | undefined {
    if (!this.writes || this.isCertain) return undefined;
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  public start(): void {
    const { raw } = this;
    const tx = new StoreTransaction(raw, {
      onCommit: (fn) => this.committed.push(fn),
      onFinished: () => this.finish(),
    });
    this.signal?.addEventListener("abort", this.onSignal, { once: true });
    raw.oncomplete = () => this.completed();
    raw.onabort = () => this.aborted();
    if (this.writes) this.watch = this.owner.beginWrite(tx);
    if (this.watch === undefined) this.becomeCertain();
    else this.watch.whenChecked(() => this.becomeCertain());
    const made = this.makeCalls(tx);
    if (!this.writes) void made.then(() => this.settleReads());
    made.catch((error: unknown) => this.abort(error));
  }

  /** Takes it back, for its calls to be sent anew. */
  public withdraw(): void {
    this.isWithdrawn = true;
    this.raw.oncomplete = null;
    this.raw.onabort = null;
    this.signal?.removeEventListener("abort", this.onSignal);
    abortQuietly(this.raw);
    // Whoever waits for it has to ask anew: its calls will be in another group.
    this.becomeCertain();
  }

  /** A call that may be aborted has the transaction for itself. */
  private get signal(): AbortSignal | undefined {
    return this.calls[0]?.signal;
  }

  private readonly onSignal = (): void => this.abort(this.signal?.reason);

  private abort(error: unknown): void {
    // Where it is misled, calls fail because of the abort, and not the other way round.
    if (this.watch?.misled !== true) this.failure ??= { error };
    abortQuietly(this.raw);
  }

  private finish(): void {
    // Nobody waits for the end of what only reads.
    if (!this.writes) return;
    if (this.watch === undefined) commitQuietly(this.raw);
    else this.watch.whenChecked(() => commitQuietly(this.raw));
  }

  private async makeCalls(tx: StoreTransaction): Promise<void> {
    let areSure = true;
    for (const { work, kind } of this.calls) {
      const howNow = typeof kind === "function" ? kind(tx) : kind;
      tx.isStrict = howNow === "sure";
      const result = started(work, tx);
      this.results.push(result);
      // What a call that has the transaction for itself has written goes with it.
      result.catch((error: unknown) => {
        if (this.writes && kind === "alone") this.abort(error);
      });
      if (howNow === "turn" || howNow === "alone") await result.catch(() => undefined);
      areSure &&= howNow === "sure";
    }
    // For a lone call a message more would cost as much as it spares.
    if (areSure && this.calls.length > 1) tx.finish();
    else tx.runEndings();
  }

  /**
   * Reads that share nothing with a write need not wait for the transaction's end. They are answered
   * together, so that callers who ask again in answer to them meet in one tick again.
   */
  private async settleReads(): Promise<void> {
    await Promise.allSettled(this.results);
    if (!this.isWithdrawn && !this.owner.isOvertaken(this)) this.answer();
  }

  private completed(): void {
    // What comes before it will be repeated, and it with that.
    if (this.owner.isOvertaken(this)) return;
    this.end();
    for (const fn of this.committed) fn();
    this.answer();
  }

  private aborted(): void {
    if (this.isMisled) {
      this.owner.misled(this);
      this.becomeCertain();
      return;
    }
    this.end();
    const error = abortCause(this.raw, this.failure);
    for (const call of this.calls) call.reject(error);
  }

  private answer(): void {
    for (const [at, call] of this.calls.entries()) call.resolve(this.results[at]);
  }

  private end(): void {
    this.signal?.removeEventListener("abort", this.onSignal);
    this.owner.ended(this);
    this.becomeCertain();
  }

  private becomeCertain(): void {
    this.isCertain = true;
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

function started<T>(work: Work<T>, tx: StoreTransaction): Promise<T> {
  try {
    return work(tx);
  } catch (error) {
    return Promise.reject(error);
  }
}
