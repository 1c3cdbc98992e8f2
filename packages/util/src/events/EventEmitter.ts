import type { CallOptions } from "../async/CallOptions.ts";
import { withCallOptions } from "../async/withCallOptions.ts";
import { StorageClosedError } from "../errors/StorageClosedError.ts";
import { getLogger } from "../logging/logger.ts";

// biome-ignore lint/suspicious/noExplicitAny: listeners of any parameters fit, which unknown forbids
type Listener = (...args: any[]) => void;

/** Event names and the listener that each takes. */
export type EventListeners = Record<string, Listener>;

/** The argument tuple of an event's listener. */
export type EventArguments<L> = L extends (...args: infer Arguments) => unknown ? Arguments : never;

interface Entry {
  readonly listener: Listener;
  readonly once: boolean;
  removed: boolean;
}

interface Waiter {
  readonly reject: (reason: unknown) => void;
}

/**
 * Typed events. Listeners run in the order in which they were added, each once for each time it
 * was added. A listener that throws, or whose promise rejects, is reported through the logger and
 * fails nobody else. A listener removed during an `emit` is not called by it any more; one added
 * during an `emit` waits for the next.
 */
export class EventEmitter<Events extends EventListeners> {
  /** Lists are replaced, never changed, so that an `emit` may go on over the one it began with. */
  private readonly entries = new Map<keyof Events, readonly Entry[]>();
  private readonly waiters = new Set<Waiter>();
  private destroyed: Error | undefined;

  on<Name extends keyof Events & string>(name: Name, listener: Events[Name]): void {
    this.add(name, listener, false);
  }

  /** Removes one addition of the listener, the latest; does nothing if there is none. */
  off<Name extends keyof Events & string>(name: Name, listener: Events[Name]): void {
    const entry = this.entries.get(name)?.findLast((candidate) => candidate.listener === listener);
    if (entry) this.remove(name, entry);
  }

  /** Calls the listener at the next event only. */
  once<Name extends keyof Events & string>(name: Name, listener: Events[Name]): void {
    this.add(name, listener, true);
  }

  emit<Name extends keyof Events & string>(
    name: Name,
    ...args: EventArguments<Events[Name]>
  ): void {
    const entries = this.entries.get(name);
    if (entries === undefined) return;
    for (const entry of entries) {
      if (entry.removed) continue;
      if (entry.once) this.remove(name, entry);
      call(name, entry.listener, args);
    }
  }

  /**
   * Resolves to the arguments of the next event of that name.
   *
   * @throws the reason given to `destroy`, a StorageClosedError by default, when the emitter is or
   * gets destroyed; the signal's reason when aborted; StorageTimeoutError after `timeoutMs`.
   */
  waitOn<Name extends keyof Events & string>(
    name: Name,
    options?: CallOptions,
  ): Promise<EventArguments<Events[Name]>> {
    return withCallOptions(options, (signal) => this.nextEvent(name, signal));
  }

  /** Whether an `emit` of that name would reach anybody: ask before building its arguments. */
  hasListeners(name: keyof Events & string): boolean {
    return this.entries.has(name);
  }

  /** Drops all listeners, for good, and rejects what is waiting. */
  destroy(reason: Error = new StorageClosedError("destroyed while waiting for an event")): void {
    this.destroyed ??= reason;
    for (const name of [...this.entries.keys()]) this.removeAll(name);
    for (const waiter of [...this.waiters]) waiter.reject(this.destroyed);
    this.waiters.clear();
  }

  private nextEvent<Name extends keyof Events & string>(
    name: Name,
    signal: AbortSignal | undefined,
  ): Promise<EventArguments<Events[Name]>> {
    return new Promise((resolve, reject) => {
      if (this.destroyed) return reject(this.destroyed);
      // A signal may outlive many waits: whichever way one ends, it leaves no listener behind.
      const end = (): void => {
        this.waiters.delete(waiter);
        signal?.removeEventListener("abort", onAbort);
      };
      const waiter: Waiter = {
        reject: (reason) => {
          end();
          reject(reason);
        },
      };
      const onEvent = (...args: EventArguments<Events[Name]>): void => {
        end();
        resolve(args);
      };
      const entry = this.add(name, onEvent, true);
      const onAbort = (): void => {
        if (entry) this.remove(name, entry);
        waiter.reject(signal?.reason);
      };
      this.waiters.add(waiter);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  private add(name: keyof Events, listener: Listener, once: boolean): Entry | undefined {
    if (this.destroyed) return undefined;
    const entry: Entry = { listener, once, removed: false };
    this.entries.set(name, [...(this.entries.get(name) ?? []), entry]);
    return entry;
  }

  private remove(name: keyof Events, entry: Entry): void {
    entry.removed = true;
    const rest = this.entries.get(name)?.filter((candidate) => candidate !== entry);
    // An empty list would make hasListeners lie.
    if (rest && rest.length > 0) this.entries.set(name, rest);
    else this.entries.delete(name);
  }

  private removeAll(name: keyof Events): void {
    for (const entry of this.entries.get(name) ?? []) entry.removed = true;
    this.entries.delete(name);
  }
}

function call(name: string, listener: Listener, args: readonly unknown[]): void {
  try {
    const result: unknown = listener(...args);
    if (isThenable(result)) result.then(undefined, (error: unknown) => report(name, error));
  } catch (error) {
    report(name, error);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as { then?: unknown }).then === "function"
  );
}

function report(name: string, error: unknown): void {
  getLogger().error(`A listener of "${name}" failed`, error);
}
