import type { ChangeDelivery } from "./ChangeDelivery.ts";

/** What a log delivers: a change and where it stands in the stream. */
export interface LoggedChange<Change> {
  /** `undefined` where changes up to the position are no longer known: the table is to be read again. */
  readonly change: Change | undefined;
  readonly position: string;
}

interface Subscriber<Change> {
  readonly accepts: (change: Change) => boolean;
  readonly delivery: ChangeDelivery<LoggedChange<Change>>;
}

const POSITION_DIGITS = 16;

/**
 * The changes of one table within this process: handed to every subscriber in one order, the last
 * ones kept for those that come back. It records from the first subscription on.
 */
export class BoundedChangeLog<Change> {
  private readonly length: number;
  /** Makes the positions of another log (of an earlier process, say) known as foreign. */
  private readonly epoch: string;
  private readonly subscribers = new Set<Subscriber<Change>>();
  /** The latest changes, the last one at `recorded`. */
  private kept: LoggedChange<Change>[] = [];
  private recorded = 0;
  private recording = false;

  /** @param length how many changes are kept */
  public constructor(length: number) {
    this.length = length;
    this.epoch = Date.now().toString().padStart(POSITION_DIGITS, "0");
  }

  /** Whether {@link append} reaches anybody, now or later: ask before building a change. */
  public get isRecording(): boolean {
    return this.recording;
  }

  /** The position of the latest change. */
  public get position(): string {
    return this.positionOf(this.recorded);
  }

  public append(change: Change): void {
    if (!this.recording) return;
    this.recorded++;
    const logged = { change, position: this.position };
    this.kept.push(logged);
    // Trimmed now and then, as moving a whole array for every change would cost.
    if (this.kept.length >= 2 * this.length) this.kept = this.kept.slice(-this.length);
    for (const { accepts, delivery } of this.subscribers)
      if (accepts(change)) delivery.push(logged);
  }

  /** Forgets all changes and tells every subscriber that some are missing. */
  public interrupt(): void {
    if (!this.recording) return;
    this.recorded++;
    this.kept = [];
    const { position } = this;
    for (const { delivery } of this.subscribers) delivery.push({ change: undefined, position });
  }

  /**
   * Delivers the changes after `since`, or those from now on, that `accepts` lets pass. Where the
   * log does not reach back to `since`, it first delivers that changes are missing.
   *
   * @returns how to end the subscription
   */
  public subscribe(
    since: string | undefined,
    accepts: (change: Change) => boolean,
    delivery: ChangeDelivery<LoggedChange<Change>>,
  ): () => void {
    for (const logged of since === undefined ? [] : this.after(since)) {
      if (logged.change === undefined || accepts(logged.change)) delivery.push(logged);
    }
    const subscriber = { accepts, delivery };
    this.subscribers.add(subscriber);
    this.recording = true;
    return () => this.subscribers.delete(subscriber);
  }

  private after(position: string): readonly LoggedChange<Change>[] {
    const number = Number(position.slice(this.epoch.length + 1));
    const missed = this.recorded - number;
    const isKept = missed >= 0 && missed <= this.kept.length;
    if (isKept && position === this.positionOf(number)) {
      return this.kept.slice(this.kept.length - missed);
    }
    return [{ change: undefined, position: this.position }];
  }

  private positionOf(number: number): string {
    return `${this.epoch}.${number.toString().padStart(POSITION_DIGITS, "0")}`;
  }
}
