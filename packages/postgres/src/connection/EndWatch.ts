import { StorageClosedError } from "@workglow/util";
import type { PgPool } from "./PgPool.ts";

const CHECK_MS = 100;

type Tell = (error: unknown) => void;

/**
 * Tells those who wait for a connection of a pool, whom the pool itself forgets, and those who hold
 * one for long, for whom it waits, that the pool has been told to end.
 */
export class EndWatch {
  private readonly pool: PgPool;
  private readonly told = new Set<Tell>();
  private timer: ReturnType<typeof setInterval> | undefined;

  public constructor(pool: PgPool) {
    this.pool = pool;
  }

  /** @throws StorageClosedError where the pool has been told to end already */
  public add(tell: Tell): void {
    if (this.pool.ending === true) throw ended();
    this.told.add(tell);
    this.timer ??= setInterval(() => this.check(), CHECK_MS);
  }

  public remove(tell: Tell): void {
    this.told.delete(tell);
  }

  private check(): void {
    if (this.pool.ending === true) {
      for (const tell of this.told) tell(ended());
      this.told.clear();
    }
    if (this.told.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }
}

const ended = (): StorageClosedError => new StorageClosedError("the pool has been ended");
