import { compilePredicate, type Predicate, type Row, VectorArena } from "@workglow/storage";
import type { TypedArray } from "@workglow/util/schema";
import { keyIdentity } from "./keyIdentity.ts";
import {
  bytesOfRecord,
  bytesOfRow,
  isSmallRecord,
  type KeyStretch,
  rangeOf,
  type VectorRecord,
} from "./vectorRecords.ts";

/** A row with a vector, as searches know it. */
export interface VectorItem {
  readonly key: IDBValidKey;
  /** The record that told of it last: its row may have changed then. */
  changed: number;
  /** The columns of its row that filters have asked for, as they were at record `known`. */
  row: Row | undefined;
  known: number;
  /** The names of these columns. */
  columns: ReadonlySet<string> | undefined;
}

/** A record in the log, as far as tidying up is concerned. */
interface Logged {
  readonly bytes: number;
  readonly isSmall: boolean;
}

/** What may lie about in a log before it is tidied up. */
interface LogLimits {
  readonly smallRecords: number;
  /** Beyond as many bytes again as the vectors take. */
  readonly wasteBytes: number;
}

const LIMITS: LogLimits = { smallRecords: 128, wasteBytes: 2 ** 20 };

/**
 * The vectors of a tenant's rows in memory: the log of their table as it was read up to some record.
 * Nothing in here waits, so that whoever finds it at a record can rely on it until it does.
 */
export class VectorCache {
  /** The search that is filling an empty cache. */
  public filling: Promise<void> | undefined;
  /** The work of making the log shorter, while there is some. */
  public tidying: Promise<void> | undefined;
  private readonly dimensions: number;
  private readonly limits: LogLimits;
  private readonly arena: VectorArena<VectorItem>;
  private readonly items = new Map<string | number, VectorItem>();
  private readonly logged = new Map<number, Logged>();
  private small = 0;
  private bytes = 0;
  private appliedTo = 0;
  /** Which making of the log was read. */
  private made: string | undefined;
  /** The record at which all rows were known, with these columns. */
  private knownTo: number | undefined;
  /** The columns that `row` of the items holds. */
  private columns: ReadonlySet<string> = new Set();

  public constructor(dimensions: number, limits: LogLimits = LIMITS) {
    this.dimensions = dimensions;
    this.limits = limits;
    this.arena = new VectorArena(dimensions);
  }

  public get size(): number {
    return this.items.size;
  }

  public get isEmpty(): boolean {
    return this.appliedTo === 0;
  }

  /** The last record that was read, of a log that was made anew whenever `made` is another. */
  public positionIn(made: string): number {
    if (this.made !== made) {
      this.made = made;
      this.forgetRows();
      this.appliedTo = 0;
    }
    return this.appliedTo;
  }

  /** Whether the cache is exactly what the log was at a record. */
  public isAt(made: string, position: number): boolean {
    return this.made === made && this.appliedTo === position;
  }

  /** Takes in the next record; one that it has seen is passed over. */
  public apply(record: VectorRecord): void {
    const { n: number = 0, cut, gone, same, keys, replaces } = record;
    if (number <= this.appliedTo) return;
    this.appliedTo = number;
    if (cut === true) this.forgetRows();
    else if (cut !== undefined) this.cut(cut);
    for (const replaced of replaces ?? []) this.forgetRecord(replaced);
    for (const key of gone) this.remove(keyIdentity(key));
    for (const key of same ?? []) {
      const item = this.items.get(keyIdentity(key));
      if (item !== undefined) item.changed = number;
    }
    const units = new Float32Array(record.units);
    for (const [at, key] of keys.entries()) {
      this.set(key, units, at * this.dimensions, number);
    }
    this.noteRecord(number, record);
  }

  /** Every item that can be among the `count` most similar to `query`. */
  public nominate(
    query: TypedArray,
    count: number,
    among: Iterable<VectorItem> | undefined,
  ): VectorItem[] {
    return this.arena.nominate(query, count, among);
  }

  /** The items of these keys; a key without a vector has none. */
  public *itemsOf(keys: Iterable<IDBValidKey>): Generator<VectorItem> {
    for (const key of keys) {
      const item = this.items.get(keyIdentity(key));
      if (item !== undefined) yield item;
    }
  }

  // ——— for filters

  /** Whether rows are kept with these columns, however many of them are out of date. */
  public keeps(columns: Iterable<string>): boolean {
    for (const column of columns) if (!this.columns.has(column)) return false;
    return true;
  }

  /** Has rows kept with further columns. Those that are known stay so for who needs fewer. */
  public keep(columns: Iterable<string>): void {
    if (this.keeps(columns)) return;
    this.columns = new Set([...this.columns, ...columns]);
    this.knownTo = undefined;
  }

  /** The items whose rows are not known as they are now. */
  public unknown(): VectorItem[] {
    const unknown: VectorItem[] = [];
    if (this.knownTo === this.appliedTo) return unknown;
    for (const item of this.items.values()) {
      if (item.columns !== this.columns || item.known !== item.changed) unknown.push(item);
    }
    if (unknown.length === 0) this.knownTo = this.appliedTo;
    return unknown;
  }

  /** Takes notice of a row as it is at record `position`. */
  public know(key: IDBValidKey, row: Row, position: number): void {
    const item = this.items.get(keyIdentity(key));
    if (item === undefined || item.changed > position) return;
    const known: Row = {};
    for (const name of this.columns) {
      if (Object.hasOwn(row, name)) known[name] = row[name] as Row[string];
    }
    item.row = known;
    item.known = item.changed;
    item.columns = this.columns;
  }

  /** The items whose rows match; all rows have to be known. */
  public matching(where: Predicate): VectorItem[] {
    const matches = compilePredicate(where);
    const matching: VectorItem[] = [];
    for (const item of this.items.values()) {
      if (item.row !== undefined && matches(item.row)) matching.push(item);
    }
    return matching;
  }

  // ——— for tidying up

  /** Whether so much of the log is of no more use that it should be written anew. */
  public get isWasteful(): boolean {
    return this.bytes > 2 * this.items.size * bytesOfRow(this.dimensions) + this.limits.wasteBytes;
  }

  /** Whether so many small records lie about that they should become one. */
  public get isScattered(): boolean {
    return this.small > this.limits.smallRecords;
  }

  /** The numbers of the small records. */
  public smallRecords(): number[] {
    return [...this.logged].filter(([, { isSmall }]) => isSmall).map(([number]) => number);
  }

  /** The keys of all items. */
  public *keys(): Generator<IDBValidKey> {
    for (const { key } of this.items.values()) yield key;
  }

  /** Writes the vector of a key into `target`; false where it has none. */
  public writeUnit(key: IDBValidKey, target: Float32Array, at: number): boolean {
    const item = this.items.get(keyIdentity(key));
    return item !== undefined && this.arena.writeUnit(item, target, at);
  }

  private set(key: IDBValidKey, units: Float32Array, at: number, number: number): void {
    const identity = keyIdentity(key);
    const found = this.items.get(identity);
    if (found === undefined) {
      const item = { key, changed: number, row: undefined, known: 0, columns: undefined };
      this.items.set(identity, item);
      this.arena.addUnit(item, units, at);
      return;
    }
    found.changed = number;
    this.arena.delete(found);
    this.arena.addUnit(found, units, at);
  }

  private remove(identity: string | number): void {
    const item = this.items.get(identity);
    if (item === undefined) return;
    this.items.delete(identity);
    this.arena.delete(item);
  }

  private cut(stretch: KeyStretch): void {
    const range = rangeOf(stretch);
    for (const [identity, { key }] of this.items) {
      if (range.includes(key)) this.remove(identity);
    }
  }

  /** Where all rows go, so do the records that told of them. */
  private forgetRows(): void {
    this.items.clear();
    this.knownTo = undefined;
    this.arena.clear();
    this.logged.clear();
    this.small = 0;
    this.bytes = 0;
  }

  private noteRecord(number: number, record: VectorRecord): void {
    const bytes = bytesOfRecord(record);
    const isSmall = isSmallRecord(record, this.dimensions);
    this.logged.set(number, { bytes, isSmall });
    this.bytes += bytes;
    if (isSmall) this.small++;
  }

  private forgetRecord(number: number): void {
    const record = this.logged.get(number);
    if (record === undefined) return;
    this.logged.delete(number);
    this.bytes -= record.bytes;
    if (record.isSmall) this.small--;
  }
}
