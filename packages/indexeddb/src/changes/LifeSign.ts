import { getLogger, newUuid } from "@workglow/util";
import { lockManager } from "../connection/lockManager.ts";

const NAME = "workglow-changes:";

/**
 * Shows that a connection exists, by a Web Lock: the browser takes it away when the tab or worker
 * ends, and leaves it to one whose timers sleep. Without Web Locks there is no sign, and a lease
 * that has ended is nobody's.
 */
export class LifeSign {
  /** Who shows it. */
  public readonly holder = newUuid();
  private users = 0;
  private shown: Promise<void> | undefined;
  private letGo: (() => void) | undefined;

  /** Resolves once the sign can be seen, or cannot be given. To be followed by {@link leave}. */
  public show(): Promise<void> {
    this.users++;
    this.shown ??= this.acquire();
    return this.shown;
  }

  /** Takes the sign away with the last who wanted it. */
  public leave(): void {
    if (--this.users > 0) return;
    this.letGo?.();
    this.letGo = undefined;
    this.shown = undefined;
  }

  private acquire(): Promise<void> {
    const released = new Promise<void>((resolve) => {
      this.letGo = resolve;
    });
    return new Promise<void>((resolve) => {
      const locks = lockManager();
      if (locks === undefined) return resolve();
      locks
        .request(NAME + this.holder, () => {
          resolve();
          return released;
        })
        .catch((error: unknown) => {
          getLogger().debug("Changes are watched without a lock that shows it", error);
          resolve();
        });
    });
  }
}

/** The connections that are seen to exist. */
export async function livingHolders(): Promise<ReadonlySet<string>> {
  const held = await lockManager()
    ?.query()
    .then((found) => found.held)
    .catch(() => undefined);
  const names = held?.map(({ name }) => name ?? "") ?? [];
  return new Set(names.flatMap((name) => (name.startsWith(NAME) ? name.slice(NAME.length) : [])));
}
