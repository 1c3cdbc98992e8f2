import { eventually, pause } from "../assert.ts";
import type { TestRow, TestTabular } from "../harness.ts";
import { show } from "../show.ts";

/** A change without its position, which only the backend understands. */
export interface SeenChange {
  readonly type: "INSERT" | "UPDATE" | "DELETE" | "RESYNC";
  readonly old?: TestRow;
  readonly new?: TestRow;
}

export interface WatchOptions {
  readonly pollingIntervalMs?: number;
  readonly since?: string;
  /** Called for each change, before it counts as seen. */
  readonly onChange?: () => void | Promise<void>;
}

export interface Watched {
  /** The changes since the last `next`. */
  seen(): readonly SeenChange[];
  /** Positions of all changes so far. */
  readonly positions: readonly string[];
  /** Waits for `count` changes since the last `next`, and whether more come; gives them all. */
  next(count: number, limitMs?: number): Promise<readonly SeenChange[]>;
  stop(): Promise<void>;
}

/** After the last expected change: time for one too many to show itself. */
const GRACE_MS = 25;

/** Subscribes and waits until the subscription is live. */
export async function watchChanges(
  table: TestTabular,
  { onChange, ...options }: WatchOptions = {},
): Promise<Watched> {
  let seen: SeenChange[] = [];
  const positions: string[] = [];
  const record = ({ position, ...change }: SeenChange & { readonly position: string }): void => {
    positions.push(position);
    seen.push(change);
  };
  const unsubscribe = table.subscribeToChanges((change) => {
    const pending = onChange?.();
    if (pending === undefined) return record(change);
    return pending.then(() => record(change));
  }, options);
  await unsubscribe.ready;
  return {
    seen: () => seen,
    positions,
    next: async (count, limitMs = 5_000) => {
      const missing = () => `${seen.length} of ${count} changes came: ${show(seen)}`;
      await eventually(() => seen.length >= count, missing, limitMs);
      await pause(GRACE_MS);
      const all = seen;
      seen = [];
      return all;
    },
    stop: async () => unsubscribe(),
  };
}
