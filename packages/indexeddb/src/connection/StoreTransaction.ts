import { request } from "./request.ts";
import type { UndoLog } from "./UndoLog.ts";

/** What a call may do with its IndexedDB transaction. */
export class StoreTransaction {
  public readonly raw: IDBTransaction;
  /** What calls that share the transaction know of it, by name: a counter that was read, say. */
  public readonly notes: Map<string, unknown>;
  /**
   * Whether a write that fails takes the transaction with it: so for calls none of whose writes can
   * be refused by itself, as what fails then is the disk.
   */
  public isStrict = false;
  private readonly undo: UndoLog | undefined;
  private readonly onCommitted: (fn: () => void) => void;
  private readonly onFinished: (() => void) | undefined;
  private readonly endings = new Map<string, () => void>();
  private readonly sending: Promise<unknown>[] = [];

  public constructor(
    raw: IDBTransaction,
    {
      undo,
      onCommit,
      onFinished,
      notes = new Map(),
    }: {
      readonly undo?: UndoLog | undefined;
      readonly onCommit: (fn: () => void) => void;
      readonly onFinished?: (() => void) | undefined;
      readonly notes?: Map<string, unknown>;
    },
  ) {
    this.raw = raw;
    this.undo = undo;
    this.onCommitted = onCommit;
    this.onFinished = onFinished;
    this.notes = notes;
  }

  /** For reading. What writes goes through the methods of this object. */
  public store(name: string): IDBObjectStore {
    return this.raw.objectStore(name);
  }

  public get<T>(store: string, key: IDBValidKey): Promise<T | undefined> {
    return request<T | undefined>(this.raw.objectStore(store).get(key));
  }

  /** Gives the key. A taken unique index rejects, and the transaction goes on. */
  public put(store: string, record: unknown, key?: IDBValidKey): Promise<IDBValidKey> {
    const put = (): Promise<IDBValidKey> =>
      this.written(this.raw.objectStore(store).put(record, key));
    const { undo } = this;
    if (undo === undefined) return put();
    return undo.follow(this.remembering(undo, store, key ?? this.keyIn(store, record), put));
  }

  /**
   * Puts many records; where one cannot be stored the transaction is lost, or the call's part of it.
   * Outside of a user's transaction it throws at once for a record that the browser does not take:
   * those before it are sent already, so that the transaction must be aborted and not finished.
   */
  public putAll(
    store: string,
    entries: readonly { readonly key: IDBValidKey; readonly record: unknown }[],
  ): Promise<unknown> {
    if (this.undo !== undefined) {
      return Promise.all(entries.map(({ key, record }) => this.put(store, record, key)));
    }
    const objectStore = this.raw.objectStore(store);
    let last: IDBRequest | undefined;
    // A request without listeners costs less; one that fails aborts the transaction by itself.
    for (const { key, record } of entries) last = objectStore.put(record, key);
    return last === undefined ? Promise.resolve() : answered(last);
  }

  /** Gives the key. A taken key or unique index rejects, and the transaction goes on. */
  public add(store: string, record: unknown, key?: IDBValidKey): Promise<IDBValidKey> {
    const added = request(this.raw.objectStore(store).add(record, key));
    const { undo } = this;
    if (undo === undefined) return added;
    return undo.follow(
      added.then((given) => {
        undo.remember(store, given, undefined);
        return given;
      }),
    );
  }

  /**
   * Adds records to a store that counts its keys, and gives these. Where one cannot be stored the
   * transaction is lost, or the call's part of it.
   */
  public async addCounted(store: string, records: readonly object[]): Promise<number[]> {
    if (this.undo !== undefined) {
      const added = records.map((record) => this.add(store, record));
      return (await Promise.all(added)) as number[];
    }
    const objectStore = this.raw.objectStore(store);
    const last = records.length - 1;
    for (let at = 0; at < last; at++) objectStore.add(records[at]);
    const key = (await request(objectStore.add(records[last]))) as number;
    // Keys are counted one by one, and by nobody else meanwhile.
    return records.map((_, at) => key - last + at);
  }

  public async delete(store: string, key: IDBValidKey): Promise<void> {
    const remove = (): Promise<undefined> => this.written(this.raw.objectStore(store).delete(key));
    if (this.undo === undefined) await remove();
    else await this.undo.follow(this.remembering(this.undo, store, key, remove));
  }

  /** Deletes what lies in the range; everything for `undefined`. */
  public async deleteRange(store: string, range: IDBKeyRange | undefined): Promise<void> {
    const objectStore = this.raw.objectStore(store);
    if (this.undo !== undefined) {
      const [keys, records] = await Promise.all([
        request(objectStore.getAllKeys(range)),
        request(objectStore.getAll(range)),
      ]);
      for (const [at, key] of keys.entries()) this.undo.remember(store, key, records[at]);
    }
    await request(range === undefined ? objectStore.clear() : objectStore.delete(range));
  }

  /**
   * Puts a record without anybody waiting for it: where it cannot be stored the transaction is lost,
   * or the call's part of it.
   */
  public send(store: string, record: unknown, key?: IDBValidKey): void {
    if (this.undo === undefined) this.raw.objectStore(store).put(record, key);
    else this.note(this.put(store, record, key));
  }

  /** Deletes like {@link send} puts. */
  public sendDelete(store: string, key: IDBValidKey): void {
    if (this.undo === undefined) this.raw.objectStore(store).delete(key);
    else this.note(this.delete(store, key));
  }

  /** Resolves once that is stored which was sent inside a user's transaction. */
  public async settled(): Promise<void> {
    await Promise.all(this.sending.splice(0));
  }

  /** Runs `fn` after the (outermost) commit. */
  public onCommit(fn: () => void): void {
    this.onCommitted(fn);
  }

  /** Has `fn` called once after all calls that share the transaction have made their requests. */
  public atEnd(name: string, fn: () => void): void {
    this.endings.set(name, fn);
  }

  /**
   * To be called by a call that has its transaction for itself, when all of its requests are sent
   * and none is left that may fail without the rest: the browser need not wait for what comes after
   * their answers.
   */
  public finish(): void {
    this.runEndings();
    this.onFinished?.();
  }

  public runEndings(): void {
    for (const fn of this.endings.values()) fn();
    this.endings.clear();
  }

  private written<T>(made: IDBRequest<T>): Promise<T> {
    return this.isStrict ? answered(made) : request(made);
  }

  private note(sent: Promise<unknown>): void {
    sent.catch(() => undefined);
    this.sending.push(sent);
  }

  private async remembering<T>(
    undo: UndoLog,
    store: string,
    key: IDBValidKey | undefined,
    write: () => Promise<T>,
  ): Promise<T> {
    // The read is sent first, so that it sees what the write replaces.
    const before = key === undefined ? undefined : this.get(store, key);
    const result = await write();
    undo.remember(store, key ?? (result as IDBValidKey), await before);
    return result;
  }

  /** The key that a record holds, where the store's keys are inside of its records. */
  private keyIn(store: string, record: unknown): IDBValidKey | undefined {
    const { keyPath } = this.raw.objectStore(store);
    if (typeof keyPath !== "string") return undefined;
    let value = record;
    for (const name of keyPath.split(".")) value = (value as Record<string, unknown>)[name];
    return value as IDBValidKey | undefined;
  }
}

/** Like `request`, for one that takes its transaction with it when it fails. */
function answered<T>(of: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    of.onsuccess = () => resolve(of.result);
    of.onerror = () => reject(of.error);
  });
}
