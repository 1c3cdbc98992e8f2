import type { StoreTransaction } from "../connection/StoreTransaction.ts";
import type { TenantParts } from "../records/EntryCodec.ts";
import { keyIdentity } from "./keyIdentity.ts";
import { readLog } from "./readLog.ts";
import type { VectorCache } from "./VectorCache.ts";
import {
  emptyRecord,
  readNumbers,
  rowsOfSegment,
  type VectorRecord,
  vectorStore,
} from "./vectorRecords.ts";

/** A tenant's log in a transaction that writes. */
interface WritableLog {
  readonly tx: StoreTransaction;
  readonly table: string;
  readonly tenant: TenantParts;
  readonly dimensions: number;
  readonly made: string;
}

/**
 * Makes the log of a tenant's vectors shorter where that is due: puts segments in the place of many
 * small records, or writes it anew when most of it is of no more use. What is written stands at the
 * end and tells the present state of all that it is about, so that it is right for whoever has read
 * the log up to any record.
 */
export async function tidyLog(log: WritableLog, cache: VectorCache): Promise<void> {
  const { tx, table, tenant, made } = log;
  const store = tx.store(vectorStore(table));
  const position = await readLog({ store, tenant, made }, cache, undefined);
  // Nobody can be ahead of a transaction that writes, but for a realm that has lost the connection.
  if (!cache.isAt(made, position)) return;
  if (cache.isWasteful) await rewrite(log, cache, store);
  else if (cache.isScattered) await merge(log, cache, store);
}

async function rewrite(log: WritableLog, cache: VectorCache, store: IDBObjectStore): Promise<void> {
  const { tx, table, tenant } = log;
  const numbers = await readNumbers(store, tenant);
  for (const number of numbers) tx.sendDelete(vectorStore(table), number);
  sendState(log, cache, cache.keys(), { cut: true });
}

async function merge(log: WritableLog, cache: VectorCache, store: IDBObjectStore): Promise<void> {
  const { tx, table } = log;
  const replaces = cache.smallRecords();
  const records = await Promise.all(
    replaces.map((number) => tx.get<VectorRecord>(vectorStore(table), number)),
  );
  const keys = new Map<unknown, IDBValidKey>();
  for (const record of records) {
    for (const key of record?.keys ?? []) keys.set(keyIdentity(key), key);
    for (const key of record?.gone ?? []) keys.set(keyIdentity(key), key);
  }
  for (const number of replaces) tx.sendDelete(store.name, number);
  sendState(log, cache, keys.values(), { replaces });
}

/** Sends records of what is under some keys now; the first one begins with `first`. */
function sendState(
  { tx, table, tenant, dimensions }: WritableLog,
  cache: VectorCache,
  about: Iterable<IDBValidKey>,
  first: Pick<VectorRecord, "cut" | "replaces">,
): void {
  const most = rowsOfSegment(dimensions);
  let beginning = first;
  let units = new Float32Array(most * dimensions);
  let keys: IDBValidKey[] = [];
  let gone: IDBValidKey[] = [];
  const send = (): void => {
    const used = units.buffer.slice(0, keys.length * dimensions * units.BYTES_PER_ELEMENT);
    const record = { ...emptyRecord(tenant), keys, gone, units: used, ...beginning };
    tx.send(vectorStore(table), record);
    beginning = {};
    units = new Float32Array(most * dimensions);
    keys = [];
    gone = [];
  };
  for (const key of about) {
    const isThere = cache.writeUnit(key, units, keys.length * dimensions);
    (isThere ? keys : gone).push(key);
    if (keys.length === most || gone.length === most) send();
  }
  if (keys.length + gone.length > 0 || beginning === first) send();
}
