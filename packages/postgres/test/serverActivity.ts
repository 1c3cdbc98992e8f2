import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as pause } from "node:timers/promises";
import type pg from "pg";

/** Whether a statement of this database waits for a lock. */
export async function someoneWaits(admin: pg.Client): Promise<boolean> {
  const { rows } = await admin.query(
    "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
  );
  return rows.length > 0;
}

/** How many statements like the pattern run now. */
export async function running(admin: pg.Client, pattern: string): Promise<number> {
  const { rows } = await admin.query(
    "SELECT FROM pg_stat_activity WHERE query LIKE $1 AND state = 'active' AND pid <> pg_backend_pid()",
    [pattern],
  );
  return rows.length;
}

/** Ends the busy sessions whose last statement is like the pattern; says how many. */
export async function terminate(admin: pg.Client, pattern: string): Promise<number> {
  const { rows } = await admin.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE query LIKE $1 AND pid <> pg_backend_pid() AND state <> 'idle'`,
    [pattern],
  );
  return rows.length;
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; !(await condition()); i++) {
    if (i > 1_500) throw new Error("it does not come to that");
    await pause(10);
  }
}

/** Makes a call from outside of the transaction that is open around it. */
export const outside = AsyncLocalStorage.snapshot() as <T>(call: () => Promise<T>) => Promise<T>;

export function signalAfter(ms: number, reason: unknown): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), ms);
  return controller.signal;
}
