import { request } from "./request.ts";

interface Remembered {
  readonly store: string;
  readonly key: IDBValidKey;
  /** What was under the key, `undefined` where nothing was. */
  readonly record: unknown;
}

/**
 * What was in the stores before some writes of a transaction, so that these can be taken back while
 * the transaction goes on: IndexedDB itself has no savepoints.
 */
export class UndoLog {
  private readonly remembered: Remembered[] = [];
  private readonly underWay: Promise<unknown>[] = [];

  /** Notes a write that remembers something once it is done. */
  public follow<T>(write: Promise<T>): Promise<T> {
    this.underWay.push(write);
    return write;
  }

  public remember(store: string, key: IDBValidKey, record: unknown): void {
    this.remembered.push({ store, key, record });
  }

  /** Takes over what a part of this one's writes has remembered. */
  public append(part: UndoLog): void {
    for (const entry of part.remembered) this.remembered.push(entry);
  }

  /** Puts everything back, latest first. */
  public async undo(raw: IDBTransaction): Promise<void> {
    // When one write of a call fails, those sent with it are still to come.
    await Promise.allSettled(this.underWay.splice(0));
    let last: Promise<unknown> | undefined;
    for (const { store, key, record } of this.remembered.splice(0).reverse()) {
      const objectStore = raw.objectStore(store);
      last =
        record === undefined
          ? request(objectStore.delete(key))
          : request(objectStore.put(record, objectStore.keyPath === null ? key : undefined));
    }
    await last;
  }
}
