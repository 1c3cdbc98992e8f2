import { type Column, cell, type Row, writeUnitVector } from "@workglow/storage";
import type { TypedArray } from "@workglow/util/schema";
import type { StoreTransaction } from "../connection/StoreTransaction.ts";
import type { TenantParts } from "../records/EntryCodec.ts";
import type { StoredRecord } from "../records/RecordCodec.ts";
import { keyIdentity } from "./keyIdentity.ts";
import {
  emptyRecord,
  readNumbers,
  rowsOfSegment,
  stretchOf,
  type VectorRecord,
  vectorStore,
} from "./vectorRecords.ts";

/** Where a tenant's vectors are written. */
interface VectorTarget {
  readonly table: string;
  readonly column: Column;
  readonly dimensions: number;
  readonly tenant: TenantParts;
  /** Told of each record that has been written for good. */
  readonly wrote?: ((record: VectorRecord) => void) | undefined;
}

/** What becomes of a row: `same` where only its vector stays as it is. */
interface PendingRow {
  readonly key: IDBValidKey;
  readonly vector?: TypedArray;
  readonly same?: true;
}

/**
 * Writes down what the calls of one transaction do to the vectors of a table's rows. It is told of a
 * write when that is sent, so that what it has to write itself follows at once; of one that fails it
 * makes sure afterwards what has become of the row.
 */
export class VectorWriter {
  private readonly tx: StoreTransaction;
  private readonly target: VectorTarget;
  private readonly segmentRows: number;
  private readonly pending = new Map<unknown, PendingRow>();
  /** Rows of failed writes that are being looked at. */
  private readonly repairing = new Set<unknown>();
  private ended = false;
  private toldTimes = 0;

  public constructor(tx: StoreTransaction, target: VectorTarget) {
    this.tx = tx;
    this.target = target;
    this.segmentRows = rowsOfSegment(target.dimensions);
    tx.atEnd(`vectors of ${target.table}`, () => {
      this.ended = true;
      this.flush();
    });
  }

  /** How often it has been told of something: unless that grows, nothing is written. */
  public get told(): number {
    return this.toldTimes;
  }

  /**
   * A row is put in the place of another one.
   *
   * @param told what {@link told} was when `old` was read
   */
  public replace(key: IDBValidKey, old: Row, row: Row, told: number): void {
    const { column } = this.target;
    if (told !== this.toldTimes || !isSameVector(cell(old, column), cell(row, column))) {
      this.put(key, row);
      return;
    }
    const identity = keyIdentity(key);
    this.toldTimes++;
    // What is told of the vector already is true of it still.
    if (!this.pending.has(identity)) this.pending.set(identity, { key, same: true });
    this.flushIfDue();
  }

  /** A row is put under a key. */
  public put(key: IDBValidKey, row: Row): void {
    this.note(key, vectorIn(row, this.target));
  }

  /** What is under a key is deleted. */
  public delete(key: IDBValidKey): void {
    this.note(key, undefined);
  }

  /** All that lies in a range is deleted. */
  public deleteRange(range: IDBKeyRange): void {
    this.toldTimes++;
    this.flush();
    this.send({ ...emptyRecord(this.target.tenant), cut: stretchOf(range) });
  }

  /** All rows of the tenant are deleted. */
  public async deleteAll(): Promise<void> {
    const { tx, target } = this;
    const store = vectorStore(target.table);
    this.toldTimes++;
    this.pending.clear();
    this.repairing.clear();
    if (target.tenant.length === 0) await tx.deleteRange(store, undefined);
    else {
      const numbers = await readNumbers(tx.store(store), target.tenant);
      for (const number of numbers) tx.sendDelete(store, number);
    }
    this.send({ ...emptyRecord(target.tenant), cut: true });
  }

  /** A write of a row has failed that the transaction survives: its key may hold anything. */
  public async repair(key: IDBValidKey): Promise<void> {
    const identity = keyIdentity(key);
    this.repairing.add(identity);
    const record = await this.tx.get<StoredRecord>(this.target.table, key);
    // What was told since then is newer.
    if (!this.repairing.has(identity)) return;
    this.note(key, record && vectorIn(record.v, this.target));
  }

  /** Sends what it was told so far. */
  public flush(): void {
    const { pending } = this;
    if (pending.size === 0) return;
    const { dimensions, tenant } = this.target;
    let vectors = 0;
    for (const { vector } of pending.values()) if (vector !== undefined) vectors++;
    const units = new Float32Array(vectors * dimensions);
    const keys: IDBValidKey[] = [];
    const gone: IDBValidKey[] = [];
    const same: IDBValidKey[] = [];
    for (const { key, vector, same: isSame } of pending.values()) {
      if (isSame) {
        same.push(key);
        continue;
      }
      const isFound =
        vector !== undefined && writeUnitVector(vector, units, keys.length * dimensions);
      (isFound ? keys : gone).push(key);
    }
    pending.clear();
    // A vector without a direction is left out.
    const written = keys.length === vectors ? units : units.slice(0, keys.length * dimensions);
    this.send({
      ...emptyRecord(tenant),
      keys,
      gone,
      ...(same.length > 0 && { same }),
      units: written.buffer,
    });
  }

  private note(key: IDBValidKey, vector: TypedArray | undefined): void {
    const identity = keyIdentity(key);
    this.toldTimes++;
    this.repairing.delete(identity);
    this.pending.set(identity, vector === undefined ? { key } : { key, vector });
    this.flushIfDue();
  }

  private flushIfDue(): void {
    if (this.ended || this.pending.size >= this.segmentRows) this.flush();
  }

  private send(record: VectorRecord): void {
    const { table, wrote } = this.target;
    this.tx.send(vectorStore(table), record);
    if (wrote !== undefined) this.tx.onCommit(() => wrote(record));
  }
}

function isSameVector(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (!ArrayBuffer.isView(a) || !ArrayBuffer.isView(b)) return false;
  const [one, other] = [a as TypedArray, b as TypedArray];
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}

/** The row's vector, if it is one that can be searched. */
function vectorIn(row: Row, { column, dimensions }: VectorTarget): TypedArray | undefined {
  const vector = cell(row, column);
  if (!ArrayBuffer.isView(vector)) return undefined;
  return (vector as TypedArray).length === dimensions ? (vector as TypedArray) : undefined;
}
