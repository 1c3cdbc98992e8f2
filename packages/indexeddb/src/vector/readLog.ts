import type { TenantParts } from "../records/EntryCodec.ts";
import type { VectorCache } from "./VectorCache.ts";
import { readRecords } from "./vectorRecords.ts";

/** The log of a tenant's vectors in a transaction. */
export interface VectorLog {
  readonly store: IDBObjectStore;
  readonly tenant: TenantParts;
  /** Which making of the log this is. */
  readonly made: string;
}

const FIRST_PAGE = 16;
const MOST_RECORDS = 4096;
/** Pages grow until they hold about this many. */
const MOST_PAGE_BYTES = 2 ** 23;

/**
 * Has the cache take in what it has not seen of the log. Gives the number of the last record, in the
 * view of the transaction: the cache may have gone past it meanwhile, by a newer one.
 */
export async function readLog(
  { store, tenant, made }: VectorLog,
  cache: VectorCache,
  signal: AbortSignal | undefined,
): Promise<number> {
  let position = cache.positionIn(made);
  for (let count = FIRST_PAGE; ; ) {
    const records = await readRecords(store, tenant, position, count);
    let bytes = 0;
    for (const record of records) {
      cache.apply(record);
      bytes += record.units.byteLength;
      position = record.n as number;
    }
    if (records.length < count) return position;
    signal?.throwIfAborted();
    if (4 * bytes < MOST_PAGE_BYTES) count = Math.min(count * 4, MOST_RECORDS);
  }
}
