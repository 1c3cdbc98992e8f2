import { keyIdentity } from "./keyIdentity.ts";
import { readLog } from "./readLog.ts";
import { keysIn, sendStates, type WritableLog, type WriteState } from "./sendStates.ts";
import type { VectorCache } from "./VectorCache.ts";
import { readNumbered, readNumbers, vectorStore } from "./vectorRecords.ts";

/** A log and which making of it this is. */
interface ReadableLog extends WritableLog {
  readonly made: string;
}

/**
 * Makes the log of a tenant's vectors shorter where that is due: puts segments in the place of many
 * small records, or writes it anew when most of it is of no more use. What is written stands at the
 * end and tells the present state of all that it is about, so that it is right for whoever has read
 * the log up to any record.
 */
export async function tidyLog(log: ReadableLog, cache: VectorCache): Promise<void> {
  const { tx, table, tenant, made } = log;
  const store = tx.store(vectorStore(table));
  const position = await readLog({ store, tenant, made }, cache, undefined);
  // Nobody can be ahead of a transaction that writes, but for a realm that has lost the connection.
  if (!cache.isAt(made, position)) return;
  if (cache.isWasteful) await rewrite(log, cache, store);
  else if (cache.isScattered) await merge(log, cache, store);
}

async function rewrite(log: WritableLog, cache: VectorCache, store: IDBObjectStore): Promise<void> {
  const { tx, tenant } = log;
  const numbers = await readNumbers(store, tenant);
  for (const number of numbers) tx.sendDelete(store.name, number);
  sendStates(log, cache.keys(), vectorsOf(cache), { cut: true });
}

async function merge(log: WritableLog, cache: VectorCache, store: IDBObjectStore): Promise<void> {
  const replaces = cache.smallRecords();
  const records = await readNumbered(store, replaces);
  // The vectors of other keys stand in records that stay.
  const moved = new Set<unknown>();
  for (const { keys } of records) for (const key of keys) moved.add(keyIdentity(key));
  const write = vectorsOf(cache);
  for (const number of replaces) log.tx.sendDelete(store.name, number);
  const writeState: WriteState = (key, target, at) => {
    const isThere = write(key, target, at) === "set";
    if (!isThere) return "gone";
    return moved.has(keyIdentity(key)) ? "set" : "same";
  };
  sendStates(log, keysIn(records), writeState, { replaces });
}

function vectorsOf(cache: VectorCache): WriteState {
  return (key, target, at) => (cache.writeUnit(key, target, at) ? "set" : "gone");
}
