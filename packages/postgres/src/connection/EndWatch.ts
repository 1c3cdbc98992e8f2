import { StorageClosedError } from "@workglow/util";
import type { PgPool } from "./PgPool.ts";

const CHECK_MS = 100;

type Refuse = (error: unknown) => void;

/**
 * Refuses the calls that wait for a connection of a pool when the pool is told to end: the pool
 * itself forgets them.
 */
export class EndWatch {
  private readonly pool: PgPool;
  private readonly waiting = new Set<Refuse>();
  private timer: ReturnType<typeof setInterval> | undefined;

  public constructor(pool: PgPool) {
    this.pool = pool;
  }

  /** @throws StorageClosedError where the pool has been told to end already */
  public add(refuse: Refuse): void {
    if (this.pool.ending === true) throw ended();
    this.waiting.add(refuse);
    this.timer ??= setInterval(() => this.check(), CHECK_MS);
  }

  public remove(refuse: Refuse): void {
    this.waiting.delete(refuse);
  }

  private check(): void {
    if (this.pool.ending === true) {
      for (const refuse of this.waiting) refuse(ended());
      this.waiting.clear();
    }
    if (this.waiting.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }
}

const ended = (): StorageClosedError => new StorageClosedError("the pool has been ended");
