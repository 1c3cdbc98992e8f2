import { getLogger } from "@workglow/util";

/**
 * Brings changes to one subscriber: in the order in which they were pushed, one at a time, the next
 * only after the callback's promise has settled (back-pressure), none after {@link close}.
 *
 * Callbacks run in the asynchronous context in which the delivery was made, never in a writer's: a
 * subscriber is not part of the transaction whose commit it hears of. A callback that throws or
 * rejects is reported through the logger, and the next change is delivered.
 *
 * What is pushed waits in memory until it is delivered. A feed that reads from a log pushes a page,
 * awaits {@link drained}, and only then reads on.
 */
export class ChangeDelivery<Change> {
  private readonly name: string;
  private readonly callback: (change: Change) => void | Promise<void>;
  private queue: Change[] = [];
  private wake: (() => void) | undefined;
  private idle: (() => void)[] = [];
  private busy = false;
  private ended = false;

  /** @param name the storage's name, for the logger */
  public constructor(name: string, callback: (change: Change) => void | Promise<void>) {
    this.name = name;
    this.callback = callback;
    void this.deliver();
  }

  /** Whether {@link close} has been called. */
  public get closed(): boolean {
    return this.ended;
  }

  /** Changes that wait for delivery, the one being delivered not counted. */
  public get pending(): number {
    return this.queue.length;
  }

  public push(...changes: readonly Change[]): void {
    if (this.ended || changes.length === 0) return;
    for (const change of changes) this.queue.push(change);
    this.wake?.();
  }

  /** Resolves once everything pushed so far is delivered, or the delivery is closed. */
  public drained(): Promise<void> {
    if (this.ended || (this.queue.length === 0 && !this.busy)) return Promise.resolve();
    return new Promise((resolve) => this.idle.push(resolve));
  }

  /** Drops what waits. A callback that is running may finish; it is not awaited. */
  public close(): void {
    if (this.ended) return;
    this.ended = true;
    this.queue = [];
    this.wake?.();
    this.announceIdle();
  }

  private async deliver(): Promise<void> {
    while (!this.ended) {
      if (this.queue.length === 0) {
        this.announceIdle();
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
        this.wake = undefined;
        continue;
      }
      const batch = this.queue;
      this.queue = [];
      this.busy = true;
      await this.deliverBatch(batch);
      this.busy = false;
    }
  }

  private async deliverBatch(batch: readonly Change[]): Promise<void> {
    for (const change of batch) {
      if (this.ended) return;
      try {
        const result = this.callback(change);
        // A plain callback costs no turn of the event loop.
        if (result !== undefined) await result;
      } catch (error) {
        getLogger().error(`A change subscriber of "${this.name}" failed`, error);
      }
    }
  }

  private announceIdle(): void {
    const waiting = this.idle;
    this.idle = [];
    for (const resolve of waiting) resolve();
  }
}
