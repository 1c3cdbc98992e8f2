import type { QueueChangePayload, QueueSubscribeOptions } from "@workglow/job-queue";
import { eventually, pause } from "../assert.ts";
import { show } from "../show.ts";
import type { StoredTestJob, TestQueue } from "./QueueSpec.ts";

export type SeenJobChange = QueueChangePayload<unknown, unknown>;

export interface WatchedJobs {
  /** The changes since the last `next`. */
  seen(): readonly SeenJobChange[];
  /** Waits for `count` changes since the last `next`, and whether more come; gives them all. */
  next(count: number): Promise<readonly SeenJobChange[]>;
  stop(): void;
}

/** After the last expected change: time for one too many to show itself. */
const GRACE_MS = 25;

/** Subscribes and waits until the subscription is live. */
export async function watchJobs(
  queue: TestQueue,
  options: QueueSubscribeOptions = {},
): Promise<WatchedJobs> {
  let seen: SeenJobChange[] = [];
  const unsubscribe = queue.subscribeToChanges((change) => void seen.push(change), options);
  await unsubscribe.ready;
  return {
    seen: () => seen,
    next: async (count) => {
      const missing = () => `${seen.length} of ${count} changes came: ${show(summary(seen))}`;
      await eventually(() => seen.length >= count, missing);
      await pause(GRACE_MS);
      const all = seen;
      seen = [];
      return all;
    },
    stop: () => unsubscribe(),
  };
}

/** Changes in short: type, and input and status before and after. */
export function summary(changes: readonly SeenJobChange[]): readonly unknown[] {
  const short = (job: StoredTestJob | undefined) => job && `${String(job.input)}:${job.status}`;
  return changes.map(({ type, old, new: next }) =>
    [type, short(old), short(next)].filter((part) => part !== undefined).join(" "),
  );
}
