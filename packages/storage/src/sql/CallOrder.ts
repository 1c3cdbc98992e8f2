import type { Awaitable } from "../base/Awaitable.ts";

/** What a call touches: rows by the identities of their keys, or whatever there is. */
export interface CallAccess {
  readonly write: boolean;
  /** `undefined`: any row. An empty list: rows that nobody can name yet. */
  readonly keys: readonly unknown[] | undefined;
}

interface Call {
  readonly access: CallAccess;
  /** Earlier calls that have to end first. */
  blockers: number;
  /** Later calls that wait for this one. */
  readonly waiting: Call[];
  start: (() => void) | undefined;
}

/**
 * Keeps the calls of one storage in order where the database runs them on several connections: a
 * call waits for the earlier ones that touch the same row, unless all of them only read, and a
 * read of many rows waits for all earlier writes. Calls that touch nothing in common run side by
 * side.
 */
export class CallOrder {
  private readonly byKey = new Map<unknown, Call[]>();
  /** Running and waiting calls whose rows cannot be told by keys. */
  private readonly wide = new Set<Call>();
  private readonly narrow = new Set<Call>();

  /** Runs `work` as soon as it may; at once where nothing is in its way. */
  public run<T>(access: CallAccess, work: () => Awaitable<T>): Promise<T> {
    const call: Call = { access, blockers: 0, waiting: [], start: undefined };
    this.wait(call);
    this.enter(call);
    const begun =
      call.blockers === 0
        ? promised(work)
        : new Promise<void>((resolve) => {
            call.start = resolve;
          }).then(work);
    const ended = (): void => this.leave(call);
    begun.then(ended, ended);
    return begun;
  }

  private wait(call: Call): void {
    const { keys } = call.access;
    if (keys === undefined) {
      for (const earlier of this.narrow) block(call, earlier);
    } else {
      const seen = new Set<Call>();
      for (const key of keys) {
        for (const earlier of this.byKey.get(key) ?? []) {
          if (seen.has(earlier)) continue;
          seen.add(earlier);
          block(call, earlier);
        }
      }
    }
    for (const earlier of this.wide) block(call, earlier);
  }

  private enter(call: Call): void {
    const { keys } = call.access;
    if (keys === undefined) {
      this.wide.add(call);
      return;
    }
    this.narrow.add(call);
    for (const key of keys) {
      const calls = this.byKey.get(key);
      if (calls === undefined) this.byKey.set(key, [call]);
      else calls.push(call);
    }
  }

  private leave(call: Call): void {
    const { keys } = call.access;
    if (keys === undefined) this.wide.delete(call);
    else {
      this.narrow.delete(call);
      for (const key of keys) {
        const calls = this.byKey.get(key);
        if (calls === undefined) continue;
        if (calls.length <= 1) this.byKey.delete(key);
        else calls.splice(calls.indexOf(call), 1);
      }
    }
    for (const later of call.waiting) {
      if (--later.blockers === 0) later.start?.();
    }
  }
}

function block(later: Call, earlier: Call): void {
  if (!later.access.write && !earlier.access.write) return;
  later.blockers++;
  earlier.waiting.push(later);
}

function promised<T>(work: () => Awaitable<T>): Promise<T> {
  try {
    const result = work();
    return result instanceof Promise ? result : Promise.resolve(result);
  } catch (error) {
    return Promise.reject(error);
  }
}
