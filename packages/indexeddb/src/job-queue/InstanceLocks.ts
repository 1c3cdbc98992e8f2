import { getLogger } from "@workglow/util";
import { lockManager } from "../connection/lockManager.ts";

const NAME = "workglow-queue-instance:";

/**
 * Signs of life by Web Locks. An instance holds a lock of its own from its first claim on; the
 * browser takes it away in the moment in which the tab or worker ends, however it ends. Others find
 * out by asking for the same lock: whoever gets it knows for certain that the holder is gone.
 * Without Web Locks nobody holds any, and the leases alone decide.
 */
export class InstanceLocks {
  private readonly manager: LockManager | undefined = lockManager();
  private readonly watches = new AbortController();
  private readonly watched = new Set<string>();
  private readonly gone = new Set<string>();
  private holding: Promise<void> | undefined;
  private isHeld = false;
  private isSettled = false;
  private letGo: (() => void) | undefined;

  /** Whether locks tell anything here. */
  public get available(): boolean {
    return this.manager !== undefined;
  }

  /** Whether this instance shows that it is alive. */
  public get held(): boolean {
    return this.isHeld;
  }

  /** Whether it is known if the lock can be had. */
  public get settled(): boolean {
    return this.isSettled;
  }

  /** Asks for the instance's own lock; resolves once it is held, or cannot be had. */
  public hold(instance: string): Promise<void> {
    const { manager } = this;
    this.holding ??= new Promise<void>((resolve) => {
      const settle = (): void => {
        this.isSettled = true;
        resolve();
      };
      if (manager === undefined) return settle();
      const released = new Promise<void>((done) => {
        this.letGo = done;
      });
      manager
        .request(NAME + instance, () => {
          this.isHeld = true;
          settle();
          return released;
        })
        .catch((error: unknown) => {
          getLogger().debug("A queue goes on without a lock that shows it to be alive", error);
        })
        .finally(() => {
          this.isHeld = false;
          settle();
        });
    });
    return this.holding;
  }

  /** Waits in the background for the end of another instance, which has held its lock before. */
  public watch(instance: string): void {
    const { manager, watches } = this;
    if (manager === undefined || this.watched.has(instance) || watches.signal.aborted) return;
    this.watched.add(instance);
    manager
      // Shared, so that all who wait are told at once.
      .request(NAME + instance, { mode: "shared", signal: watches.signal }, () => {
        this.gone.add(instance);
      })
      .catch(() => {
        this.watched.delete(instance);
      });
  }

  /** Whether it is certain that the instance is no more. */
  public isGone(instance: string): boolean {
    return this.gone.has(instance);
  }

  /** The instances that have gone and are not forgotten. */
  public get ended(): readonly string[] {
    return [...this.gone];
  }

  /** Whether an instance has gone whose jobs are still to be looked for. */
  public get hasNews(): boolean {
    return this.gone.size > 0;
  }

  /** Nothing is left of an instance that has gone. */
  public forget(instance: string): void {
    this.gone.delete(instance);
    this.watched.delete(instance);
  }

  /** Lets the own lock go, and stops waiting for others. */
  public release(): void {
    this.watches.abort();
    this.letGo?.();
  }
}
