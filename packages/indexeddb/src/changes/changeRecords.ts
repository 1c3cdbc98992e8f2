import { request } from "../connection/request.ts";

/** Under this key the side store says that the table's changes are logged. */
export const WATCH = "watch";

/**
 * Says that changes are logged. Whoever writes to the table logs as long as this record is there,
 * whatever the time: a log with it is whole.
 */
export interface WatchRecord {
  /** The log's name, which is in its positions. */
  readonly log: string;
  /** All changes up to this number have been removed. */
  readonly trimmed: number;
  /** When the last lease ends, in ms since 1970. Afterwards somebody has to look for its holder. */
  readonly until: number;
}

const LEASE = "lease";

/** A subscriber's claim on the log. */
export interface LeaseRecord {
  /** Which connection holds it; none holds what is only kept for somebody to come back. */
  readonly holder: string | undefined;
  /** In ms since 1970. */
  readonly until: number;
  /** How far the subscriber has got; `undefined` holds nothing back from being removed. */
  readonly position: number | undefined;
}

export function leaseKey(subscriber: string): IDBValidKey {
  return [LEASE, subscriber];
}

export function subscriberOf(key: IDBValidKey | undefined): string {
  return (key as readonly string[])[1] as string;
}

// Made when they are needed: not every realm that loads this module has IndexedDB.
export const allLeases = (): IDBKeyRange => IDBKeyRange.bound([LEASE], [LEASE, []]);
export const allChanges = (): IDBKeyRange => IDBKeyRange.bound(-Infinity, Infinity);
export const changesUpTo = (end: number): IDBKeyRange => IDBKeyRange.bound(-Infinity, end);
export const changesAfter = (start: number): IDBKeyRange =>
  IDBKeyRange.bound(start, Infinity, true);

/** The number of the newest change in a side store; `undefined` where there is none. */
export async function lastChange(side: IDBObjectStore): Promise<number | undefined> {
  const cursor = await request(side.openKeyCursor(allChanges(), "prev"));
  return cursor === null ? undefined : (cursor.key as number);
}
