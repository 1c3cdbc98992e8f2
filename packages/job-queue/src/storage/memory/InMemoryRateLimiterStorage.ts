import {
  type Awaitable,
  MemoryDatabase,
  type StorageCapabilities,
  type WriteUnit,
} from "@workglow/storage";
import { type CallOptions, newUuid } from "@workglow/util";
import { BaseRateLimiterStorage } from "../BaseRateLimiterStorage.ts";
import { KEPT_WITHOUT_WINDOW_MS } from "../keptWithoutWindowMs.ts";
import type { RateLimiterStorageOptions } from "../QueueStorageOptions.ts";
import { ExecutionTimes } from "./ExecutionTimes.ts";

export type InMemoryRateLimiterStorageOptions = RateLimiterStorageOptions & {
  /** What this storage shares transactions and executions with. */
  readonly database?: MemoryDatabase;
};

interface Limits {
  readonly executions: ExecutionTimes;
  nextAvailableMs: number | undefined;
  longestWindowMs: number | undefined;
}

/** Rate limits in this process's memory. */
export class InMemoryRateLimiterStorage extends BaseRateLimiterStorage {
  public readonly capabilities: StorageCapabilities = {
    backend: "memory",
    persistent: false,
    multiProcess: false,
    transactions: true,
    readsWait: true,
    changes: "none",
    writable: true,
    cancellation: "between-statements",
    schemaSql: false,
  };

  private readonly database: MemoryDatabase;
  private readonly queues: Map<string, Limits>;

  /** @throws StorageValidationError for an option that cannot be */
  public constructor(options: InMemoryRateLimiterStorageOptions = {}) {
    super(options);
    this.database = options.database ?? new MemoryDatabase();
    const tenant = JSON.stringify(this.prefixes.map(({ name, value }) => [name, value]));
    this.queues = this.database.table("rate-limiter", tenant, () => new Map<string, Limits>());
  }

  protected databaseIdentity(): object {
    return this.database;
  }

  // ——— driver methods

  protected _setup(): void {}

  protected _record(queue: string, o: CallOptions | undefined): Awaitable<void> {
    return this.write(o, (unit, nowMs) => {
      forgetOld(this.limits(queue), nowMs);
      this.record(queue, nowMs, unit);
    });
  }

  protected _count(queue: string, after: string, o: CallOptions | undefined): Awaitable<number> {
    return this.read(
      o,
      () => this.queues.get(queue)?.executions.countAfter(Date.parse(after)) ?? 0,
    );
  }

  protected _oldestAt(
    queue: string,
    offset: number,
    o: CallOptions | undefined,
  ): Awaitable<string | undefined> {
    return this.read(o, () => iso(this.queues.get(queue)?.executions.at(offset)));
  }

  protected _nextAvailable(
    queue: string,
    o: CallOptions | undefined,
  ): Awaitable<string | undefined> {
    return this.read(o, () => iso(this.queues.get(queue)?.nextAvailableMs));
  }

  protected _setNextAvailable(
    queue: string,
    next: string,
    o: CallOptions | undefined,
  ): Awaitable<void> {
    return this.write(o, (unit) => {
      const limits = this.limits(queue);
      const before = limits.nextAvailableMs;
      limits.nextAvailableMs = Date.parse(next);
      noteUndo(unit, () => {
        limits.nextAvailableMs = before;
      });
    });
  }

  protected _clear(queue: string, o: CallOptions | undefined): Awaitable<void> {
    return this.write(o, (unit) => {
      const before = this.queues.get(queue);
      if (before === undefined) return;
      this.queues.delete(queue);
      noteUndo(unit, () => this.queues.set(queue, before));
    });
  }

  protected _reserve(
    queue: string,
    max: number,
    windowMs: number,
    o: CallOptions | undefined,
  ): Awaitable<string | undefined> {
    return this.write(o, (unit, nowMs) => {
      const limits = this.limits(queue);
      limits.longestWindowMs = Math.max(limits.longestWindowMs ?? 0, windowMs);
      forgetOld(limits, nowMs);
      if ((limits.nextAvailableMs ?? nowMs) > nowMs) return undefined;
      if (limits.executions.countAfter(nowMs - windowMs) >= max) return undefined;
      return this.record(queue, nowMs, unit);
    });
  }

  protected _release(queue: string, token: string, o: CallOptions | undefined): Awaitable<void> {
    return this.write(o, (unit) => {
      const executions = this.queues.get(queue)?.executions;
      const removed = executions?.remove((execution) => execution.token === token);
      if (executions === undefined || removed === undefined) return;
      noteUndo(unit, () => executions.add(removed));
    });
  }

  // ——— helpers

  private read<T>(o: CallOptions | undefined, work: () => T): Awaitable<T> {
    return this.database.run(this.scope, o, work);
  }

  private write<T>(
    o: CallOptions | undefined,
    work: (unit: WriteUnit, nowMs: number) => T,
  ): Awaitable<T> {
    return this.database.write(this.scope, o, (unit) => work(unit, Date.now()));
  }

  private limits(queue: string): Limits {
    let limits = this.queues.get(queue);
    if (limits === undefined) {
      limits = {
        executions: new ExecutionTimes(),
        nextAvailableMs: undefined,
        longestWindowMs: undefined,
      };
      this.queues.set(queue, limits);
    }
    return limits;
  }

  private record(queue: string, nowMs: number, unit: WriteUnit): string {
    const { executions } = this.limits(queue);
    const execution = { ms: nowMs, token: newUuid() };
    executions.add(execution);
    noteUndo(unit, () => executions.remove((other) => other === execution));
    return execution.token;
  }
}

/** Nobody asks for these any more, so that there is nothing to undo. */
function forgetOld({ executions, longestWindowMs }: Limits, nowMs: number): void {
  executions.forgetUpTo(nowMs - (longestWindowMs ?? KEPT_WITHOUT_WINDOW_MS));
}

function noteUndo(unit: WriteUnit, undo: () => void): void {
  unit.add({ undo, committed: () => undefined });
}

function iso(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
