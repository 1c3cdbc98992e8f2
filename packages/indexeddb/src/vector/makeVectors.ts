import { type Column, cell, type FoundShape } from "@workglow/storage";
import { newUuid, StorageSchemaMismatchError } from "@workglow/util";
import type { TypedArray } from "@workglow/util/schema";
import { request } from "../connection/request.ts";
import type { StoreTransaction } from "../connection/StoreTransaction.ts";
import type { StoredRecord } from "../records/RecordCodec.ts";
import { VectorWriter } from "./VectorWriter.ts";
import { createVectorStore, type VectorsOfTable, vectorStore } from "./vectorRecords.ts";

/** The vectors that a table has for searches, as its definition tells of them. */
export interface MadeVectors extends VectorsOfTable {
  /** Another one for each time that the store of the vectors was made. */
  readonly made: string;
}

const ROWS_AT_ONCE = 256;

/**
 * What a storage's searches need, of a table that has other vectors for them or none.
 *
 * @throws StorageSchemaMismatchError for vectors of another column or other dimensions
 */
export function assertVectors(
  table: string,
  wanted: VectorsOfTable | undefined,
  made: MadeVectors | undefined,
): void {
  if (wanted === undefined || made === undefined) return;
  const differences: string[] = [];
  if (made.column !== wanted.column) {
    differences.push(`searches compare column "${made.column}", not "${wanted.column}"`);
  }
  if (made.dimensions !== wanted.dimensions) {
    differences.push(`vectors have ${made.dimensions} dimensions, not ${wanted.dimensions}`);
  }
  if (differences.length === 0) return;
  throw new StorageSchemaMismatchError(
    `table "${table}" differs from the storage; a migration (option "migrations") can change it`,
    differences,
  );
}

/**
 * Makes the store of a table's vectors from its rows, whatever there was of it. To be called in an
 * upgrade, when the rows are as they are to be.
 *
 * @throws StorageSchemaMismatchError for a row with a vector of other dimensions
 */
export async function makeVectors(
  db: IDBDatabase,
  tx: StoreTransaction,
  table: string,
  shape: FoundShape,
  wanted: VectorsOfTable,
): Promise<MadeVectors> {
  dropVectors(db, table);
  createVectorStore(db, table, shape.prefixes.length > 0);
  const column = shape.schema.columns.find(({ name }) => name === wanted.column);
  if (column !== undefined) {
    const { dimensions } = wanted;
    const target = { table, column, dimensions };
    await writeAll(tx, target, shape.prefixes.length, (tenant) => {
      return new VectorWriter(tx, { ...target, tenant });
    });
  }
  return { ...wanted, made: newUuid() };
}

export function dropVectors(db: IDBDatabase, table: string): void {
  const name = vectorStore(table);
  if (db.objectStoreNames.contains(name)) db.deleteObjectStore(name);
}

/** Where the vectors of a table's searches stand. */
interface VectorTarget {
  readonly table: string;
  readonly column: Column;
  readonly dimensions: number;
}

/** Rows with other vectors would be kept and never be found. */
function otherDimensions(
  table: string,
  { length }: TypedArray,
  dimensions: number,
): StorageSchemaMismatchError {
  return new StorageSchemaMismatchError(`table "${table}" holds vectors of other dimensions`, [
    `a row has ${length} dimensions, not ${dimensions}`,
  ]);
}

/** The rows of a tenant follow each other. */
async function writeAll(
  tx: StoreTransaction,
  { table, column, dimensions }: VectorTarget,
  prefixes: number,
  writerFor: (tenant: readonly IDBValidKey[]) => VectorWriter,
): Promise<void> {
  const rows = tx.store(table);
  let writer: VectorWriter | undefined;
  let writersTenant: IDBValidKey | undefined;
  let after: IDBKeyRange | undefined;
  for (;;) {
    const [keys, records] = await Promise.all([
      request(rows.getAllKeys(after, ROWS_AT_ONCE)),
      request<StoredRecord[]>(rows.getAll(after, ROWS_AT_ONCE)),
    ]);
    for (const [at, key] of keys.entries()) {
      const tenant = prefixes === 0 ? [] : (key as IDBValidKey[]).slice(0, prefixes);
      if (writersTenant === undefined || indexedDB.cmp(tenant, writersTenant) !== 0) {
        writer?.flush();
        writer = writerFor(tenant);
        writersTenant = tenant;
      }
      const row = (records[at] as StoredRecord).v;
      const vector = cell(row, column) as TypedArray | null | undefined;
      if (vector && vector.length !== dimensions) throw otherDimensions(table, vector, dimensions);
      writer?.put(key, row);
    }
    if (keys.length < ROWS_AT_ONCE) break;
    after = IDBKeyRange.lowerBound(keys.at(-1), true);
  }
  writer?.flush();
}
