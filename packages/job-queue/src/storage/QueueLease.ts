const INSTANCE_BYTES = 12;

/** Milliseconds between looks for the jobs of the dead. */
const MOST_SWEEP_INTERVAL_MS = 1000;

/**
 * The sign of life of one storage instance: when it has to be renewed, and when the instance may
 * judge others. All jobs that the instance claims hang on this one lease, so that a claim costs no
 * row of its own and nobody has to send heartbeats.
 */
export class QueueLease {
  /** A random id; never the caller's worker id, which may be the same in two processes. */
  public readonly instance = randomText(INSTANCE_BYTES);
  public readonly leaseMs: number;
  private readonly onTick: () => void;
  private timer: ReturnType<typeof setInterval> | undefined;
  private tokens = 0;
  /** When the last call was begun of those that the database answered. */
  private reachedAt: number | undefined;
  /** When a renewal that succeeded was begun; undefined while there is no lease. */
  private renewedAt: number | undefined;
  private mayHold = false;
  private nextSweepAt = 0;

  /** @param onTick called every third of the lease, once started */
  public constructor(leaseMs: number, onTick: () => void) {
    this.leaseMs = leaseMs;
    this.onTick = onTick;
  }

  /**
   * Whether there is a lease to renew on time: the instance claims from this database. One that got
   * no job renews too, as only who was answered all along may judge others.
   */
  public get wanted(): boolean {
    return this.mayHold || this.reachedAt !== undefined;
  }

  /** Whether the instance has claimed anything, or may have. */
  public get held(): boolean {
    return this.mayHold;
  }

  /** A claim failed in a way that leaves open whether it was made. */
  public suspect(): void {
    this.mayHold = true;
  }

  /** Names an attempt; never given twice, by this instance or another. Short, as rows hold it. */
  public newToken(): string {
    return `${this.instance}.${(++this.tokens).toString(36)}`;
  }

  /** Starts the clock, with the first attempt to claim. */
  public start(): void {
    if (this.timer !== undefined) return;
    this.timer = setInterval(this.onTick, Math.max(1, Math.floor(this.leaseMs / 3)));
    // Bookkeeping keeps no process running. Browsers number their timers.
    if (typeof this.timer === "object") this.timer.unref?.();
  }

  public stop(): void {
    clearInterval(this.timer);
  }

  /**
   * Whether a claim has to renew the lease in its own transaction: no job may be claimed on a lease
   * that others can take for expired.
   */
  public renewalDue(): boolean {
    if (this.renewedAt === undefined) return true;
    const age = Date.now() - this.renewedAt;
    return age < 0 || age > this.leaseMs / 2;
  }

  /** @param at when the renewal was begun */
  public renewed(at: number): void {
    this.renewedAt = at;
    this.mayHold = true;
    this.reached(at);
  }

  /**
   * The database answered a call. After a gap in its answers (a start, an outage, a suspended
   * machine) everybody's lease may look expired, so that others first get the time to renew theirs.
   *
   * @param at when the call was begun
   */
  public reached(at: number): void {
    const now = Date.now();
    if (!this.inTouch(now)) {
      this.nextSweepAt = now + this.leaseMs / 2;
      this.reachedAt = at;
    } else if (at > (this.reachedAt as number)) this.reachedAt = at;
  }

  /** Whether it is time to look for expired leases; counts as having looked. */
  public takeSweep(): boolean {
    const now = Date.now();
    if (!this.inTouch(now) || now < this.nextSweepAt) return false;
    this.nextSweepAt = now + Math.min(MOST_SWEEP_INTERVAL_MS, this.leaseMs / 4);
    return true;
  }

  /** There was more to sweep than one look takes on. */
  public sweepAgain(): void {
    this.nextSweepAt = 0;
  }

  /** Whether the database answered within the time in which no lease runs out that is kept up. */
  private inTouch(now: number): boolean {
    if (this.reachedAt === undefined) return false;
    const gap = now - this.reachedAt;
    return gap >= 0 && gap <= this.leaseMs / 2;
  }
}

/** Random bytes as text of a third more characters. */
function randomText(bytes: number): string {
  const random = globalThis.crypto.getRandomValues(new Uint8Array(bytes));
  return btoa(String.fromCharCode(...random))
    .replaceAll("+", "-")
    .replaceAll("/", "_");
}
