import type { Column, Prefix, Row, TableSchema } from "@workglow/storage";
import { afterAll, beforeAll, type IndexRange } from "@workglow/storage/paths";
import { EntryCodec, type TenantParts } from "./EntryCodec.ts";
import { type RecordIndex, recordIndexes } from "./recordIndexes.ts";

/** What the row store keeps: the row, and by the name of each index the entry that the row has in it. */
export interface StoredRecord {
  readonly v: Row;
  readonly [index: string]: IDBValidKey | Row;
}

/** An order in which a table's rows can be read. */
export interface RowOrder {
  readonly columns: readonly Column[];
  /** The index that has the order; `undefined` for the row store itself. */
  readonly index: string | undefined;
  readonly codec: EntryCodec;
}

interface CodedIndex extends RecordIndex {
  readonly codec: EntryCodec;
}

/** How one tenant's rows of a table become records of the row store, under which keys. */
export class RecordCodec {
  public readonly table: TableSchema;
  public readonly indexes: readonly RecordIndex[];
  /** The row store's own order first. */
  public readonly orders: readonly RowOrder[];
  /** The tenant's rows; `undefined` where the store holds nothing else. */
  public readonly all: IDBKeyRange | undefined;
  private readonly key: EntryCodec;
  private readonly coded: readonly CodedIndex[];
  /** The columns whose values may be views on a larger buffer. */
  private readonly binaryNames: readonly string[];

  /** @param indexes what the row store has; what the table's schema asks for unless given */
  public constructor(
    table: TableSchema,
    prefixes: readonly Prefix[],
    indexes: readonly RecordIndex[] = recordIndexes(table),
  ) {
    this.table = table;
    this.indexes = indexes;
    this.key = new EntryCodec(table.keyColumns, prefixes, true);
    this.coded = indexes.map((index) => ({
      ...index,
      codec: new EntryCodec(index.columns, prefixes, false),
    }));
    this.orders = [
      { columns: table.keyColumns, index: undefined, codec: this.key },
      ...this.coded
        .filter(({ searchable }) => searchable)
        .map(({ name, columns, codec }) => ({ columns, index: name, codec })),
    ];
    this.all = this.rangeOfKeys({ from: beforeAll([]), to: afterAll([]) });
    this.binaryNames = table.columns
      .filter(({ type }) => type === "blob" || type === "typedArray")
      .map(({ name }) => name);
  }

  /** The key under which a row stands, of the row or of its key alone. */
  public keyOf(row: Readonly<Row>): IDBValidKey {
    return this.key.entryOf(row);
  }

  /** A stretch of the tenant's rows in the order of their keys; `undefined` for the whole store. */
  public rangeOfKeys(range: IndexRange): IDBKeyRange | undefined {
    return this.key.rangeOf(range);
  }

  /** What stands under a row's key. Shares its values with the row. */
  public record(row: Row): StoredRecord {
    return this.recordOf(row, undefined);
  }

  /** Like {@link record}, for a row of whichever tenant the key that it stands under belongs to. */
  public recordAt(key: IDBValidKey, row: Row): StoredRecord {
    return this.recordOf(row, this.key.tenantOf(key));
  }

  /** The row of a record that IndexedDB has given back, which is a copy already. */
  public rowOf(record: unknown): Row {
    return (record as StoredRecord).v;
  }

  /** The key's columns of a key that IndexedDB has given back. */
  public rowOfKey(key: IDBValidKey): Row {
    return this.key.valuesOf(key);
  }

  private recordOf(row: Row, tenant: TenantParts | undefined): StoredRecord {
    const v = this.tight(row);
    const record: { v: Row; [index: string]: IDBValidKey | Row } = { v };
    for (const { name, unique, codec } of this.coded) {
      const entry = unique ? codec.entryWithoutNull(v, tenant) : codec.entryOf(v, tenant);
      if (entry !== undefined) record[name] = entry;
    }
    return record;
  }

  /** IndexedDB copies a view's whole buffer: the row, with views replaced that show only a part of theirs. */
  private tight(row: Row): Row {
    let copy: Row | undefined;
    for (const name of this.binaryNames) {
      const value = Object.hasOwn(row, name) ? row[name] : undefined;
      if (!isPartOfBuffer(value)) continue;
      copy ??= { ...row };
      copy[name] = ownCopy(value);
    }
    return copy ?? row;
  }
}

type View = Uint8Array<ArrayBufferLike>;

function isPartOfBuffer(value: unknown): value is View {
  return ArrayBuffer.isView(value) && value.byteLength !== value.buffer.byteLength;
}

function ownCopy(view: View): Row[string] {
  // The `slice` of a Buffer would show the same memory.
  return view instanceof Uint8Array ? new Uint8Array(view) : (view as View).slice();
}
