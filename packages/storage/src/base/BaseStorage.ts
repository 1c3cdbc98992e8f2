import {
  type CallOptions,
  type EventArguments,
  EventEmitter,
  StorageClosedError,
  StorageError,
  StorageTransactionError,
  withCallOptions,
} from "@workglow/util";
import type { Unsubscribe } from "../tabular/ITabularStorage.ts";
import { assertTransactionScope, type Transaction } from "../transaction/Transaction.ts";
import { type Awaitable, Eventual } from "./Awaitable.ts";
import type { StorageCapabilities } from "./StorageCapabilities.ts";

// biome-ignore lint/suspicious/noExplicitAny: listeners of any signature, narrowed per event name
export type StorageEvents = Record<string, (...args: any[]) => void>;

/** The `ready` of a subscription that is live as soon as it is opened: no call waits for it. */
export const LIVE: Promise<void> = Promise.resolve();

/** The frame around each call, for operations that several storages take from one place. */
export interface CallFrame {
  /** Runs `work` as the operation of a public method. */
  perform<T>(
    operation: string,
    options: CallOptions | undefined,
    work: (options: CallOptions | undefined) => Awaitable<T>,
  ): Promise<T>;
  /** Calls the driver, after a subscription that is being opened has gone live. */
  reach<T>(call: () => Awaitable<T>): Awaitable<T>;
  emit(event: string, ...args: readonly unknown[]): void;
}

/** State that a storage shares with the views that `with(tx)` makes of it. */
interface SharedState {
  closed: boolean;
  running: number;
  readonly idle: (() => void)[];
  gate: Promise<void> | undefined;
  closing: Promise<void> | undefined;
  readonly subscriptions: Set<() => void>;
}

/**
 * What every storage of every kind has: events, the frame around each call (closed? aborted? inside
 * a foreign transaction? error typed and located?), transaction views and disposal.
 *
 * A view made by {@link with} inherits everything from its storage through the prototype chain and
 * overrides `scope` (and what a backend adds in {@link scoped}). Mutable state therefore lives in
 * objects, never in plain fields of the instance, and private fields are not `#private`.
 */
export abstract class BaseStorage<Events extends StorageEvents> {
  public abstract readonly capabilities: StorageCapabilities;

  /** Name in errors, spans and logs: the table, the queue or the kind. */
  public readonly name: string;
  protected readonly events = new EventEmitter<Events>();
  protected readonly scope: Transaction | undefined = undefined;
  /** Whether every driver call goes through {@link reach}; else whole calls wait. */
  protected readonly reachesDriver: boolean = false;
  private readonly shared: SharedState = {
    closed: false,
    running: 0,
    idle: [],
    gate: undefined,
    closing: undefined,
    subscriptions: new Set(),
  };

  protected constructor(name: string) {
    this.name = name;
  }

  // ——— events

  public on<Name extends keyof Events & string>(name: Name, fn: Events[Name]): void {
    this.events.on(name, fn);
  }

  public off<Name extends keyof Events & string>(name: Name, fn: Events[Name]): void {
    this.events.off(name, fn);
  }

  public once<Name extends keyof Events & string>(name: Name, fn: Events[Name]): void {
    this.events.once(name, fn);
  }

  public emit<Name extends keyof Events & string>(
    name: Name,
    ...args: EventArguments<Events[Name]>
  ): void {
    this.events.emit(name, ...args);
  }

  /** Resolves to the argument tuple of the next `name` event; rejects when the storage is destroyed. */
  public waitOn<Name extends keyof Events & string>(
    name: Name,
  ): Promise<EventArguments<Events[Name]>> {
    return this.events.waitOn(name);
  }

  // ——— transactions

  /**
   * The same storage inside `tx`, a transaction that `withTransaction` of the same database opened.
   * Events and changes of the view's calls follow the outermost commit.
   *
   * @throws StorageTransactionError when `tx` belongs to another database or has ended
   */
  public with(tx: Transaction): this {
    if (tx.database !== this.databaseIdentity()) {
      throw new StorageTransactionError("the transaction belongs to another database").locate(
        this.name,
        "with",
      );
    }
    if (!tx.open) {
      throw new StorageTransactionError("the transaction has ended").locate(this.name, "with");
    }
    return this.scoped(tx);
  }

  /** Makes the view for `tx`. A backend overrides it to swap in what talks to the transaction. */
  protected scoped(tx: Transaction): this {
    return Object.create(this, { scope: { value: tx } }) as this;
  }

  /** The object by which `with(tx)` recognises a transaction on the same database. */
  protected abstract databaseIdentity(): object;

  /** Runs `fn` now, or after the outermost commit when this is a transaction's view. */
  protected afterCommit(fn: () => void): void {
    if (this.scope === undefined) fn();
    else this.scope.onCommit(fn);
  }

  // ——— the frame around each call

  protected get frame(): CallFrame {
    return {
      perform: (operation, options, work) => this.perform(operation, options, work),
      reach: (call) => this.reach(call),
      emit: (event, ...args) => this.events.emit(event, ...(args as never)),
    };
  }

  /**
   * Every public method that does I/O runs in here. `work` is called synchronously where nothing has
   * to be waited for, so that calls reach the driver in the order in which they were made.
   */
  protected perform<T>(
    operation: string,
    options: CallOptions | undefined,
    work: (options: CallOptions | undefined) => Awaitable<T>,
  ): Promise<T> {
    const { shared } = this;
    if (options !== undefined || (shared.gate !== undefined && !this.reachesDriver)) {
      return this.performPatiently(operation, options, work);
    }
    shared.running++;
    let result: Awaitable<T>;
    try {
      this.admitCall();
      result = work(undefined);
    } catch (error) {
      this.leaveCall();
      return Promise.reject(this.located(error, operation));
    }
    if (result instanceof Promise) return this.settleCall(result, operation);
    if (result instanceof Eventual) return this.promiseCall(result, operation);
    this.leaveCall();
    return Promise.resolve(result);
  }

  /**
   * Like {@link perform}, for work that runs code of the caller's: what that code throws, called
   * through `theirs`, comes back as it was and is taken for no fault of the storage.
   */
  protected async performWithCaller<T>(
    operation: string,
    options: CallOptions | undefined,
    work: (
      options: CallOptions | undefined,
      theirs: <R>(code: () => Promise<R>) => Promise<R>,
    ) => Awaitable<T>,
  ): Promise<T> {
    let thrown: { readonly error: unknown } | undefined;
    const theirs = async <R>(code: () => Promise<R>): Promise<R> => {
      thrown = undefined;
      try {
        return await code();
      } catch (error) {
        thrown = { error };
        throw error;
      }
    };
    try {
      return await this.perform(operation, options, (o) => work(o, theirs));
    } catch (error) {
      if (thrown !== undefined && isOrWraps(error, thrown.error)) throw thrown.error;
      throw error;
    }
  }

  /** The same with what most calls do not have: options to obey, or a subscription to wait for. */
  private async performPatiently<T>(
    operation: string,
    options: CallOptions | undefined,
    work: (options: CallOptions | undefined) => Awaitable<T>,
  ): Promise<T> {
    const { shared } = this;
    shared.running++;
    try {
      this.admitCall();
      return await withCallOptions(options, async (signal) => {
        const waits = !this.reachesDriver && this.scope === undefined;
        if (waits && shared.gate !== undefined) await shared.gate;
        return work(signal && { signal });
      });
    } catch (error) {
      throw this.located(error, operation, options);
    } finally {
      this.leaveCall();
    }
  }

  /**
   * Calls the driver, after a subscription that is being opened has gone live. For base classes
   * that set {@link reachesDriver}: their calls check and copy what they are given at once, and only
   * then wait.
   */
  protected reach<T>(call: () => Awaitable<T>): Awaitable<T> {
    const { gate } = this.shared;
    return gate === undefined || this.scope !== undefined ? call() : gate.then(call);
  }

  private async settleCall<T>(result: Promise<T>, operation: string): Promise<T> {
    try {
      return await result;
    } catch (error) {
      throw this.located(error, operation);
    } finally {
      this.leaveCall();
    }
  }

  private promiseCall<T>(result: Eventual<T>, operation: string): Promise<T> {
    return new Promise((resolve, reject) => {
      result.listen(
        (value) => {
          this.leaveCall();
          resolve(value);
        },
        (error) => {
          this.leaveCall();
          reject(this.located(error, operation));
        },
      );
    });
  }

  private admitCall(): void {
    // A transaction that is open may finish; nothing new begins.
    if (this.shared.closed && this.scope === undefined) this.refuseClosed();
    assertTransactionScope(this.databaseIdentity(), this.scope);
  }

  private leaveCall(): void {
    const { shared } = this;
    if (--shared.running > 0 || shared.idle.length === 0) return;
    for (const resolve of shared.idle.splice(0)) resolve();
  }

  /** Gives any error of a call its type, the storage's name and the operation. */
  protected located(error: unknown, operation: string, options?: CallOptions): unknown {
    if (options?.signal?.aborted && error === options.signal.reason) return error;
    const typed = error instanceof StorageError ? error : this.classifyError(error, operation);
    return typed instanceof StorageError ? typed.locate(this.name, operation) : typed;
  }

  /**
   * Turns a driver's error into a `StorageError`. Vendors map their codes; what they do not know is
   * fatal, with the original as `cause`.
   */
  protected classifyError(error: unknown, _operation: string): unknown {
    const message = error instanceof Error ? error.message : String(error);
    return new StorageError(message, { kind: "fatal", code: "UNKNOWN", cause: error });
  }

  // ——— subscriptions

  /**
   * Opens a subscription that ends with the storage. Calls made on this instance after it wait
   * until it is live, so that their changes are seen; one that fails holds nobody back.
   *
   * @throws StorageTransactionError inside a transaction; whatever `open` throws
   */
  protected openSubscription(operation: string, open: () => Unsubscribe): Unsubscribe {
    let inner: Unsubscribe;
    try {
      if (this.scope !== undefined) {
        throw new StorageTransactionError("subscribe on the storage, not inside a transaction");
      }
      if (this.closed) this.refuseClosed();
      assertTransactionScope(this.databaseIdentity(), undefined);
      inner = open();
    } catch (error) {
      throw this.located(error, operation);
    }
    const { subscriptions } = this.shared;
    const unsubscribe = (): void => {
      subscriptions.delete(unsubscribe);
      inner();
    };
    subscriptions.add(unsubscribe);
    if (inner.ready === LIVE) return Object.assign(unsubscribe, { ready: LIVE });
    const ready = inner.ready.catch((error: unknown) => {
      subscriptions.delete(unsubscribe);
      throw this.located(error, operation);
    });
    // A rejection that nobody awaits is not the process's end; the logger has it from the backend.
    ready.catch(() => undefined);
    this.holdCallsUntil(ready);
    return Object.assign(unsubscribe, { ready });
  }

  private holdCallsUntil(ready: Promise<void>): void {
    const before = this.shared.gate;
    const gate = Promise.allSettled([before, ready]).then(() => undefined);
    // The first to hear of it: waiting calls go on right after, and no later call overtakes them.
    void gate.then(() => {
      if (this.shared.gate === gate) this.shared.gate = undefined;
    });
    this.shared.gate = gate;
  }

  // ——— disposal

  protected get closed(): boolean {
    return this.shared.closed;
  }

  protected refuseClosed(): never {
    throw new StorageClosedError("the storage has been destroyed");
  }

  /** Stops the intake at once, lets running calls finish, then frees what this storage owns. */
  public destroy(): void {
    void this.close().catch(() => undefined);
  }

  public [Symbol.dispose](): void {
    this.destroy();
  }

  /** Like {@link destroy}, and waits for the running calls. */
  public async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private close(): Promise<void> {
    const shared = this.shared;
    if (shared.closing !== undefined) return shared.closing;
    shared.closed = true;
    this.events.destroy(
      new StorageClosedError("the storage has been destroyed").locate(this.name, "waitOn"),
    );
    const drained =
      shared.running === 0
        ? Promise.resolve()
        : new Promise<void>((resolve) => shared.idle.push(resolve));
    shared.closing = drained.then(() => {
      for (const unsubscribe of [...shared.subscriptions]) unsubscribe();
      return this.freeResources();
    });
    return shared.closing;
  }

  /** Frees what the storage owns; called once, after the drain. A borrowed handle stays open. */
  protected async freeResources(): Promise<void> {}
}

function isOrWraps(error: unknown, inner: unknown): boolean {
  return error === inner || (error instanceof Error && error.cause === inner);
}
