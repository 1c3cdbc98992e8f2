import { type CanonicalValue, type Column, cell, type Prefix, type Row } from "@workglow/storage";
import { type IndexRange, type IndexTuple, positionParts } from "@workglow/storage/paths";
import { type KeyPart, type KeyPartCodec, keyPartCodec, NULL_PART, prefixPart } from "./keyPart.ts";

/** The values of a tenant's prefixes, encoded. */
export type TenantParts = readonly IDBValidKey[];

interface EncodedColumn {
  readonly column: Column;
  readonly codec: KeyPartCodec;
}

/** Comes after every part: what begins with the same values and ends with it is behind them all. */
const LAST_PART: IDBValidKey = [];

/**
 * The entries of one order of a table's rows, its primary key's or an index's, as keys of IndexedDB:
 * a tenant's prefix values and the values of the columns. A single column without prefixes stands
 * for itself.
 */
export class EntryCodec {
  private readonly encoded: readonly EncodedColumn[];
  private readonly prefixes: TenantParts;
  /** The only column, whose values are the keys. */
  private readonly bare: EncodedColumn | undefined;

  /** @param mayBeBare whether a single value may stand for an entry; indexes hold lists */
  public constructor(columns: readonly Column[], prefixes: readonly Prefix[], mayBeBare: boolean) {
    this.encoded = columns.map((column) => ({ column, codec: keyPartCodec(column) }));
    this.prefixes = prefixes.map(prefixPart);
    const single = mayBeBare && columns.length === 1 && prefixes.length === 0;
    this.bare = single ? this.encoded[0] : undefined;
  }

  /** The entry of a row (or a key), absent values as null; by default of the codec's own tenant. */
  public entryOf(row: Readonly<Row>, tenant: TenantParts = this.prefixes): IDBValidKey {
    if (this.bare !== undefined) return partOf(this.bare, row);
    const entry = tenant.slice();
    for (const encoded of this.encoded) entry.push(partOf(encoded, row));
    return entry;
  }

  /** Like {@link entryOf}; `undefined` where a value is null, as no constraint holds for it then. */
  public entryWithoutNull(
    row: Readonly<Row>,
    tenant: TenantParts = this.prefixes,
  ): IDBValidKey | undefined {
    const entry = tenant.slice();
    for (const encoded of this.encoded) {
      const part = partOf(encoded, row);
      if (part === NULL_PART) return undefined;
      entry.push(part);
    }
    return entry;
  }

  /** The tenant whose entry this is, whichever it may be. */
  public tenantOf(entry: IDBValidKey): TenantParts {
    const { length } = this.prefixes;
    return length === 0 ? [] : (entry as IDBValidKey[]).slice(0, length);
  }

  /** The values of an entry that IndexedDB has given back. */
  public valuesOf(entry: IDBValidKey): Row {
    const row: Row = {};
    const parts = this.bare === undefined ? (entry as IDBValidKey[]) : [entry];
    let at = this.bare === undefined ? this.prefixes.length : 0;
    for (const { column, codec } of this.encoded) {
      const part = parts[at++] as IDBValidKey;
      row[column.name] = part === NULL_PART ? null : codec.decode(part);
    }
    return row;
  }

  /** A stretch of this order as a range; `undefined` where it has no end on either side. */
  public rangeOf({ from, to, entry }: IndexRange): IDBKeyRange | undefined {
    if (entry !== undefined) return IDBKeyRange.only(this.keyOfValues(entry));
    return this.bare === undefined ? this.rangeOfLists(from, to) : this.rangeOfValues(from, to);
  }

  /** What of a range lies behind an entry in it, in the direction of reading, if anything can. */
  public rangeBehind(
    entry: IDBValidKey,
    range: IDBKeyRange | undefined,
    descending: boolean,
  ): IDBKeyRange | undefined {
    const end = descending ? range?.lower : range?.upper;
    if (end !== undefined && indexedDB.cmp(entry, end) === 0) return undefined;
    if (descending) return boundedRange(end, range?.lowerOpen, entry, true);
    return boundedRange(entry, true, end, range?.upperOpen);
  }

  /** A range from an entry in it on, in the direction of reading. */
  public rangeFrom(
    entry: IDBValidKey,
    range: IDBKeyRange | undefined,
    descending: boolean,
  ): IDBKeyRange | undefined {
    if (descending) return boundedRange(range?.lower, range?.lowerOpen, entry, false);
    return boundedRange(entry, false, range?.upper, range?.upperOpen);
  }

  private keyOfValues(values: readonly CanonicalValue[]): IDBValidKey {
    if (this.bare !== undefined) return encode(this.bare.codec, values[0]);
    const key = this.prefixes.slice();
    for (const [at, value] of values.entries()) {
      key.push(encode((this.encoded[at] as EncodedColumn).codec, value));
    }
    return key;
  }

  private rangeOfLists(from: IndexTuple, to: IndexTuple): IDBKeyRange | undefined {
    const isWhole = from.length === 1 && to.length === 1 && this.prefixes.length === 0;
    if (isWhole) return undefined;
    return boundedRange(this.boundAt(from), false, this.boundAt(to), true);
  }

  private boundAt(position: IndexTuple): IDBValidKey {
    const { values, after } = positionParts(position);
    const key = this.keyOfValues(values);
    return after ? [...(key as IDBValidKey[]), LAST_PART] : key;
  }

  /** Of keys that are single values: nothing lies between a value and the positions around it. */
  private rangeOfValues(from: IndexTuple, to: IndexTuple): IDBKeyRange | undefined {
    const lower = positionParts(from);
    const upper = positionParts(to);
    const hasLower = lower.values.length > 0;
    const hasUpper = upper.values.length > 0;
    return boundedRange(
      hasLower ? this.keyOfValues(lower.values) : undefined,
      lower.after,
      hasUpper ? this.keyOfValues(upper.values) : undefined,
      !upper.after,
    );
  }
}

function partOf({ column, codec }: EncodedColumn, row: Readonly<Row>): KeyPart {
  return encode(codec, cell(row, column));
}

function encode(codec: KeyPartCodec, value: CanonicalValue | undefined): KeyPart {
  return value === null || value === undefined ? NULL_PART : codec.encode(value);
}

function boundedRange(
  lower: IDBValidKey | undefined,
  lowerOpen: boolean | undefined,
  upper: IDBValidKey | undefined,
  upperOpen: boolean | undefined,
): IDBKeyRange | undefined {
  if (lower === undefined) {
    return upper === undefined ? undefined : IDBKeyRange.upperBound(upper, upperOpen);
  }
  if (upper === undefined) return IDBKeyRange.lowerBound(lower, lowerOpen);
  return IDBKeyRange.bound(lower, upper, lowerOpen, upperOpen);
}
