import { StorageBusyError } from "@workglow/util";
import { openDB, unwrap } from "idb";
import { isConnectionClosed, refused } from "../indexedDbErrors.ts";

export interface OpenRequest {
  readonly name: string;
  /** The version to upgrade to; `undefined` for the one that there is. */
  readonly version: number | undefined;
  readonly timeoutMs: number;
  /** Called in the upgrade, if there is one. */
  upgrade(db: IDBDatabase, tx: IDBTransaction): void;
  /** The connection is to be closed, or has been: it is of no more use. */
  lost(db: IDBDatabase): void;
}

/**
 * Sends a request to open a database, and gives up on it after a while: it cannot be taken back. An
 * upgrade that has begun may take as long as it takes.
 *
 * @throws StorageBusyError when another tab holds the database up for too long
 * @throws StorageUnsupportedError where there is no IndexedDB, or it must not be used
 */
export async function openDatabase(asked: OpenRequest): Promise<IDBDatabase> {
  if (globalThis.indexedDB === undefined || globalThis.indexedDB === null) throw refused();
  const patience = new Patience(asked);
  let upgraded: IDBDatabase | undefined;
  try {
    const opened = openDB(asked.name, asked.version, {
      upgrade: (db, _old, _new, tx) => {
        // What becomes of it is told by the request to open.
        tx.done.catch(() => undefined);
        upgraded = unwrap(db);
        patience.end();
        // Whoever was told that it failed decides anew.
        if (patience.isLost) tx.abort();
        else asked.upgrade(upgraded, unwrap(tx));
      },
    }).then((db) => {
      const raw = unwrap(db);
      if (patience.isLost) raw.close();
      return raw;
    });
    opened.catch(() => undefined);
    const db = await Promise.race([opened, patience.lost]);
    db.addEventListener("versionchange", () => {
      db.close();
      asked.lost(db);
    });
    db.addEventListener("close", () => asked.lost(db));
    return db;
  } catch (error) {
    // What an upgrade that failed had opened must not be in the way of the next.
    upgraded?.close();
    // So Firefox says that a private window keeps nothing.
    if (upgraded === undefined && isConnectionClosed(error)) throw refused(error);
    throw error;
  } finally {
    patience.end();
  }
}

const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** How long a request waits for other tabs. */
class Patience {
  /** Rejects with it. */
  public readonly lost: Promise<never>;
  public isLost = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  public constructor({ name, timeoutMs }: OpenRequest) {
    const message = `another tab holds the database "${name}": close it or reload it, and try again`;
    this.lost = new Promise((_, reject) => {
      // Timers take no longer delay, and nobody waits for so long.
      if (timeoutMs > LONGEST_DELAY_MS) return;
      this.timer = setTimeout(() => {
        this.isLost = true;
        reject(new StorageBusyError(message));
      }, timeoutMs);
    });
  }

  public end(): void {
    clearTimeout(this.timer);
  }
}
