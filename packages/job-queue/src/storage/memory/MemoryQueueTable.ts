import { BoundedChangeLog, type Prefix, type WriteUnit } from "@workglow/storage";
import type { JobRecord } from "../records/JobRecord.ts";
import { MemoryQueue } from "./MemoryQueue.ts";

/** What happened to a job of which queue, by the queue's key. */
export interface MemoryJobChange {
  readonly type: "INSERT" | "UPDATE" | "DELETE";
  readonly old: JobRecord | undefined;
  readonly new: JobRecord | undefined;
}

/** The jobs of all queues and tenants with the same tenant columns, and the leases on them. */
export class MemoryQueueTable {
  public readonly log: BoundedChangeLog<MemoryJobChange>;
  /** Storage instance to the time at which its lease runs out, in ms. */
  public readonly leases = new Map<string, number>();
  private readonly queues = new Map<string, MemoryQueue>();
  private lastNumber = 0;

  public constructor(changeLogLength: number) {
    this.log = new BoundedChangeLog(changeLogLength);
  }

  /** The queue of that name and these tenant values. */
  public queue(name: string, prefixes: readonly Prefix[]): MemoryQueue {
    const key = JSON.stringify([name, ...prefixes.map(({ value }) => value)]);
    let queue = this.queues.get(key);
    if (queue === undefined) {
      queue = new MemoryQueue();
      this.queues.set(key, queue);
    }
    return queue;
  }

  public nextNumber(): number {
    return ++this.lastNumber;
  }

  /** Puts `next` in the place of `old`; either may be missing. */
  public replace(
    queue: MemoryQueue,
    old: JobRecord | undefined,
    next: JobRecord | undefined,
    unit: WriteUnit,
  ): void {
    swap(queue, old, next);
    unit.add({
      undo: () => swap(queue, next, old),
      committed: () => {
        if (!this.log.isRecording) return;
        const type = old === undefined ? "INSERT" : next === undefined ? "DELETE" : "UPDATE";
        this.log.append({ type, old, new: next });
      },
    });
  }

  /** A change that nobody is told of: what is due becomes ready. */
  public replaceQuietly(
    queue: MemoryQueue,
    old: JobRecord,
    next: JobRecord,
    unit: WriteUnit,
  ): void {
    swap(queue, old, next);
    unit.add({ undo: () => swap(queue, next, old), committed: () => undefined });
  }
}

function swap(queue: MemoryQueue, old: JobRecord | undefined, next: JobRecord | undefined): void {
  if (old !== undefined) queue.remove(old);
  if (next !== undefined) queue.add(next);
}
