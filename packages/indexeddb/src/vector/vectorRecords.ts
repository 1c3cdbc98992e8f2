import { request } from "../connection/request.ts";
import type { TenantParts } from "../records/EntryCodec.ts";
import { inGroups } from "../select/inGroups.ts";

/** What searches of a table go by: kept true by whoever writes to the table. */
export interface VectorsOfTable {
  /** The column of the vectors. */
  readonly column: string;
  readonly dimensions: number;
}

/** A stretch of keys, in a form that IndexedDB stores; an end that is absent is open. */
export interface KeyStretch {
  readonly lower?: IDBValidKey;
  readonly upper?: IDBValidKey;
  readonly lowerOpen: boolean;
  readonly upperOpen: boolean;
}

/**
 * What some writes did to the vectors of a tenant's rows. The records of a table are a log: read in
 * the order of their numbers, they give the vectors that its rows have now.
 */
export interface VectorRecord {
  /** Given by IndexedDB. */
  readonly n?: number;
  /** The tenant, where there are tenants. */
  readonly t?: TenantParts;
  /** The rows that went before all else that the record tells: `true` for all of the tenant. */
  readonly cut?: true | KeyStretch;
  /** Keys of rows that have no vector, or are not there. */
  readonly gone: readonly IDBValidKey[];
  /** Keys of rows that have changed, but for their vectors: what was told of these before holds. */
  readonly same?: readonly IDBValidKey[];
  /** Keys of rows that have a vector. */
  readonly keys: readonly IDBValidKey[];
  /** Their vectors one after the other, as float32 of length 1. */
  readonly units: ArrayBuffer;
  /** The numbers of the records in whose place this one stands. */
  readonly replaces?: readonly number[];
}

const SUFFIX = ":vectors";
const TENANT_INDEX = "tenant";
const NO_UNITS = new ArrayBuffer(0);

/** Segments are no larger than this: browsers read many of a middling size the fastest. */
const SEGMENT_BYTES = 2 ** 18;
const MOST_SEGMENT_ROWS = 1024;

/** The store beside a table's rows that holds what searches go by. */
export function vectorStore(table: string): string {
  return table + SUFFIX;
}

export function createVectorStore(db: IDBDatabase, table: string, hasTenants: boolean): void {
  const store = db.createObjectStore(vectorStore(table), { keyPath: "n", autoIncrement: true });
  if (hasTenants) store.createIndex(TENANT_INDEX, ["t", "n"]);
}

/** A record without anything, of a tenant. */
export function emptyRecord(tenant: TenantParts): VectorRecord {
  const record = { gone: [], keys: [], units: NO_UNITS };
  return tenant.length === 0 ? record : { t: tenant, ...record };
}

/** About what a record and a key in it take beside the vectors. */
const BYTES_OF_RECORD = 256;
const BYTES_OF_KEY = 64;

/** About what a record takes. */
export function bytesOfRecord(record: VectorRecord): number {
  return BYTES_OF_RECORD + record.units.byteLength + rowsIn(record) * BYTES_OF_KEY;
}

/** About what a row takes in a record. */
export function bytesOfRow(dimensions: number): number {
  return dimensions * Float32Array.BYTES_PER_ELEMENT + BYTES_OF_KEY;
}

/**
 * Whether a record had better become one with others. A cut stays as it is: what it does depends on
 * its place.
 */
export function isSmallRecord(record: VectorRecord, dimensions: number): boolean {
  return record.cut === undefined && rowsIn(record) < rowsOfSegment(dimensions) / 4;
}

function rowsIn({ gone, keys, same }: VectorRecord): number {
  return gone.length + keys.length + (same?.length ?? 0);
}

/** How many rows a record holds at most. */
export function rowsOfSegment(dimensions: number): number {
  const rows = Math.floor(SEGMENT_BYTES / (dimensions * Float32Array.BYTES_PER_ELEMENT));
  return Math.max(1, Math.min(MOST_SEGMENT_ROWS, rows));
}

/** A tenant's records behind a number, in order, `count` at most. */
export function readRecords(
  store: IDBObjectStore,
  tenant: TenantParts,
  after: number,
  count: number,
): Promise<VectorRecord[]> {
  if (tenant.length === 0) {
    return request<VectorRecord[]>(store.getAll(IDBKeyRange.lowerBound(after, true), count));
  }
  const range = tenantRange(tenant, after);
  return request<VectorRecord[]>(store.index(TENANT_INDEX).getAll(range, count));
}

/** Records by their numbers; one that is not there is passed over. */
export async function readNumbered(
  store: IDBObjectStore,
  numbers: readonly number[],
): Promise<VectorRecord[]> {
  const found = await inGroups(numbers, (n) => request<VectorRecord | undefined>(store.get(n)));
  return found.filter((record) => record !== undefined);
}

/** The numbers of all records of a tenant. */
export function readNumbers(store: IDBObjectStore, tenant: TenantParts): Promise<number[]> {
  const numbers =
    tenant.length === 0
      ? store.getAllKeys()
      : store.index(TENANT_INDEX).getAllKeys(tenantRange(tenant, 0));
  return request(numbers as IDBRequest<number[]>);
}

export function stretchOf({ lower, upper, lowerOpen, upperOpen }: IDBKeyRange): KeyStretch {
  return {
    ...(lower !== undefined && { lower: lower as IDBValidKey }),
    ...(upper !== undefined && { upper: upper as IDBValidKey }),
    lowerOpen,
    upperOpen,
  };
}

export function rangeOf({ lower, upper, lowerOpen, upperOpen }: KeyStretch): IDBKeyRange {
  if (lower === undefined) return IDBKeyRange.upperBound(upper, upperOpen);
  if (upper === undefined) return IDBKeyRange.lowerBound(lower, lowerOpen);
  return IDBKeyRange.bound(lower, upper, lowerOpen, upperOpen);
}

function tenantRange(tenant: TenantParts, after: number): IDBKeyRange {
  const key = tenant as IDBValidKey[];
  return IDBKeyRange.bound([key, after], [key, Number.POSITIVE_INFINITY], true, false);
}
