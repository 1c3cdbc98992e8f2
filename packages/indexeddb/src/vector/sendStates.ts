import type { StoreTransaction } from "../connection/StoreTransaction.ts";
import type { TenantParts } from "../records/EntryCodec.ts";
import { keyIdentity } from "./keyIdentity.ts";
import { emptyRecord, rowsOfSegment, type VectorRecord, vectorStore } from "./vectorRecords.ts";

/** A tenant's log in a transaction that writes. */
export interface WritableLog {
  readonly tx: StoreTransaction;
  readonly table: string;
  readonly tenant: TenantParts;
  readonly dimensions: number;
}

/**
 * Tells what is under a key: nothing with a vector (`gone`), a vector of which a record tells that
 * stays (`same`), or one that it writes into `target` from position `at` on (`set`).
 */
export type WriteState = (
  key: IDBValidKey,
  target: Float32Array,
  at: number,
) => "gone" | "same" | "set";

/** All keys of which records tell, each once. */
export function keysIn(records: readonly VectorRecord[]): Iterable<IDBValidKey> {
  const found = new Map<unknown, IDBValidKey>();
  for (const { keys, gone, same = [] } of records) {
    for (const part of [keys, gone, same]) {
      for (const key of part) found.set(keyIdentity(key), key);
    }
  }
  return found.values();
}

/** Sends records of what is under some keys now; the first one begins with `first`. */
export function sendStates(
  { tx, table, tenant, dimensions }: WritableLog,
  about: Iterable<IDBValidKey>,
  writeState: WriteState,
  first: Pick<VectorRecord, "cut" | "replaces">,
): void {
  const most = rowsOfSegment(dimensions);
  let beginning = first;
  let units = new Float32Array(most * dimensions);
  let lists = { set: [] as IDBValidKey[], gone: [] as IDBValidKey[], same: [] as IDBValidKey[] };
  const send = (): void => {
    const { set: keys, gone, same } = lists;
    const used = units.buffer.slice(0, keys.length * dimensions * units.BYTES_PER_ELEMENT);
    const told = { keys, gone, ...(same.length > 0 && { same }), units: used };
    tx.send(vectorStore(table), { ...emptyRecord(tenant), ...told, ...beginning });
    beginning = {};
    units = new Float32Array(most * dimensions);
    lists = { set: [], gone: [], same: [] };
  };
  for (const key of about) {
    const list = lists[writeState(key, units, lists.set.length * dimensions)];
    list.push(key);
    if (list.length === most) send();
  }
  const { set, gone, same } = lists;
  if (set.length + gone.length + same.length > 0 || beginning === first) send();
}
