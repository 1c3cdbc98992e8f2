import {
  type CallOptions,
  type EventArguments,
  storageSpanAttributes,
  withSpan,
} from "@workglow/util";
import type { StorageEvents } from "../base/BaseStorage.ts";
import type { StorageCapabilities } from "../base/StorageCapabilities.ts";
import type { Transaction } from "../transaction/Transaction.ts";

/** What the wrappers of every kind need of a storage. */
export interface TraceableStorage<Events extends StorageEvents> {
  readonly capabilities: StorageCapabilities;
  on<Name extends keyof Events & string>(name: Name, fn: Events[Name]): void;
  off<Name extends keyof Events & string>(name: Name, fn: Events[Name]): void;
  once<Name extends keyof Events & string>(name: Name, fn: Events[Name]): void;
  emit<Name extends keyof Events & string>(name: Name, ...args: EventArguments<Events[Name]>): void;
  waitOn<Name extends keyof Events & string>(name: Name): Promise<EventArguments<Events[Name]>>;
  with(tx: Transaction): this;
  setupDatabase(options?: CallOptions): Promise<void>;
  destroy(): void;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): PromiseLike<void>;
}

/**
 * A view of a storage that makes one OpenTelemetry span of each operation, with the stable
 * attributes for databases; keys and values never get into them. Everything else, events,
 * capabilities and disposal, is the inner storage's.
 */
export abstract class TracedStorage<
  Events extends StorageEvents,
  Inner extends TraceableStorage<Events>,
> {
  /** Names the storage in spans, as `db.collection.name`. */
  public readonly name: string;
  protected readonly inner: Inner;

  protected constructor(name: string, inner: Inner) {
    this.name = name;
    this.inner = inner;
  }

  public get capabilities(): StorageCapabilities {
    return this.inner.capabilities;
  }

  public on<Name extends keyof Events & string>(name: Name, fn: Events[Name]): void {
    this.inner.on(name, fn);
  }

  public off<Name extends keyof Events & string>(name: Name, fn: Events[Name]): void {
    this.inner.off(name, fn);
  }

  public once<Name extends keyof Events & string>(name: Name, fn: Events[Name]): void {
    this.inner.once(name, fn);
  }

  public emit<Name extends keyof Events & string>(
    name: Name,
    ...args: EventArguments<Events[Name]>
  ): void {
    this.inner.emit(name, ...args);
  }

  public waitOn<Name extends keyof Events & string>(
    name: Name,
  ): Promise<EventArguments<Events[Name]>> {
    return this.inner.waitOn(name);
  }

  /** The same storage inside a transaction of its database. */
  public with(tx: Transaction): this {
    return this.around(this.inner.with(tx));
  }

  public setupDatabase(options?: CallOptions): Promise<void> {
    return this.traced("setupDatabase", () => this.inner.setupDatabase(options));
  }

  public destroy(): void {
    this.inner.destroy();
  }

  public [Symbol.dispose](): void {
    this.inner[Symbol.dispose]();
  }

  public async [Symbol.asyncDispose](): Promise<void> {
    await this.inner[Symbol.asyncDispose]();
  }

  /** The same wrapper around another view of the inner storage. */
  protected around(inner: Inner): this {
    return Object.create(this, { inner: { value: inner } }) as this;
  }

  /** Runs an operation in a span of its own. */
  protected traced<T>(operation: string, run: () => Promise<T>, batchSize?: number): Promise<T> {
    const { name } = this;
    const system = this.inner.capabilities.backend;
    const attributes = () =>
      storageSpanAttributes({ system, collection: name, operation, batchSize });
    return withSpan({ name: `${operation} ${name}`, attributes }, run);
  }

  /** Runs an iteration in one span, from the first item asked for to the last. */
  protected async *tracedIteration<T>(
    operation: string,
    run: () => AsyncGenerator<T>,
  ): AsyncGenerator<T> {
    let finish: () => void = () => undefined;
    let fail: (error: unknown) => void = () => undefined;
    const iterated = new Promise<void>((resolve, reject) => {
      finish = resolve;
      fail = reject;
    });
    const span = this.traced(operation, () => iterated);
    try {
      yield* run();
      finish();
    } catch (error) {
      fail(error);
      throw error;
    } finally {
      // A consumer that stops early has not failed.
      finish();
      await span.catch(() => undefined);
    }
  }
}
