import type { CallGate } from "./CallLane.ts";
import type { CallScope } from "./QueueCalls.ts";

/**
 * What is under way, so that a call can wait for what was called before it and bears on it: calls on
 * the same job, whatever was written for a look at many jobs, whatever changes what can be claimed
 * for a claim.
 */
export class CallTracks {
  private readonly byId = new Map<string, Promise<void>>();
  private readonly writes = new Set<Promise<void>>();
  private readonly feeds = new Set<Promise<void>>();
  private barrier: Promise<void> | undefined;
  private barriers = 0;
  private fed = 0;

  /** What a call has to wait for; `undefined` where it may go at once. */
  public before({ ids, anyJob }: CallScope): Promise<void> | undefined {
    if (anyJob === true) return all(this.writes);
    if (this.byId.size === 0 || ids === undefined) return this.barrier;
    const earlier = new Set<Promise<void>>();
    for (const id of ids) {
      const last = this.byId.get(String(id));
      if (last !== undefined) earlier.add(last);
    }
    if (this.barrier !== undefined) earlier.add(this.barrier);
    return all(earlier);
  }

  /** What a claim has to wait for. */
  public beforeClaim(): CallGate {
    return { after: all(this.feeds), number: this.fed };
  }

  /** What adding has to wait for. */
  public beforeAdding(): CallGate {
    return { after: this.barrier, number: this.barriers };
  }

  /** A call has begun; `done` resolves when it is over, and does not reject. */
  public enter(scope: CallScope, done: Promise<void>): void {
    const { ids, writes, feeds, alone } = scope;
    if (ids !== undefined) for (const id of ids) this.byId.set(String(id), done);
    let isNew = ids !== undefined;
    if (writes === true && !this.writes.has(done)) {
      this.writes.add(done);
      isNew = true;
    }
    if (feeds === true && !this.feeds.has(done)) {
      this.feeds.add(done);
      this.fed++;
    }
    if (alone === true) {
      this.barrier = done;
      this.barriers++;
    }
    if (isNew) void done.then(() => this.leave(scope, done));
  }

  private leave({ ids }: CallScope, done: Promise<void>): void {
    this.writes.delete(done);
    this.feeds.delete(done);
    if (this.barrier === done) this.barrier = undefined;
    if (ids === undefined) return;
    for (const id of ids) {
      const key = String(id);
      if (this.byId.get(key) === done) this.byId.delete(key);
    }
  }
}

function all(promises: ReadonlySet<Promise<void>>): Promise<void> | undefined {
  if (promises.size === 0) return undefined;
  if (promises.size === 1) return promises.values().next().value;
  return Promise.all(promises).then(() => undefined);
}
