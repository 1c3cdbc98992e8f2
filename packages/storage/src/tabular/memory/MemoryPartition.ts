import { StorageConflictError } from "@workglow/util";
import type { IndexTuple } from "../paths/IndexRange.ts";
import type { CanonicalValue } from "../schema/canonicalValue.ts";
import type { IndexDefinition, Row, TableSchema } from "../schema/TableSchema.ts";
import { OrderedIndex } from "./OrderedIndex.ts";
import type { Slot } from "./Slot.ts";
import { UniqueIndex } from "./UniqueIndex.ts";

/** What is kept true beside the rows, as an index is: it hears of every row's coming and going. */
export interface RowObserver {
  /** `next` has taken the place of `old`, the row of the same key; `undefined` stands for no row. */
  replace(old: Row | undefined, next: Row | undefined): void;
  /** All rows are gone. */
  clear(): void;
}

/**
 * One tenant's rows of a table, with their indexes. Rows are never changed once they are in here,
 * only replaced, so that change logs and transactions may hold on to them.
 */
export class MemoryPartition {
  private schema: TableSchema;
  private readonly slots = new Map<unknown, Slot>();
  private ordered: readonly OrderedIndex[] = [];
  private uniques: readonly UniqueIndex[] = [];
  private readonly observers = new Map<string, RowObserver>();

  public constructor(schema: TableSchema, indexes: readonly IndexDefinition[]) {
    this.schema = schema;
    this.load(schema, indexes, []);
  }

  public get size(): number {
    return this.slots.size;
  }

  /** The primary key's order first, then the declared indexes. */
  public get indexes(): readonly OrderedIndex[] {
    return this.ordered;
  }

  public *values(): Generator<Row> {
    for (const { row } of this.slots.values()) yield row;
  }

  /** The row with the key that `key` (a key or a row) holds. */
  public get(key: Row): Row | undefined {
    return this.slots.get(this.schema.keyIdentity(key))?.row;
  }

  /**
   * Replaces everything: the rows, and by which columns they are found.
   *
   * @throws StorageConflictError when rows share the values of a unique index; what is in here then
   * has to be loaded anew
   */
  public load(schema: TableSchema, indexes: readonly IndexDefinition[], rows: Iterable<Row>): void {
    this.schema = schema;
    this.ordered = orderedIndexes(schema, indexes, {
      slots: () => this.slots.values(),
      find: (tuple) => this.get(this.keyOf(tuple)),
    });
    this.uniques = indexes
      .filter(({ unique }) => unique)
      .map(({ columns }) => new UniqueIndex(columns));
    this.slots.clear();
    for (const observer of this.observers.values()) observer.clear();
    for (const row of rows) {
      this.refuseConflict(undefined, row);
      this.replace(undefined, row);
    }
  }

  /** The observer of that name, made for the first that asks and shown the rows that are here. */
  public observer<Observer extends RowObserver>(name: string, create: () => Observer): Observer {
    const found = this.observers.get(name) as Observer | undefined;
    if (found !== undefined) return found;
    const created = create();
    for (const row of this.values()) created.replace(undefined, row);
    this.observers.set(name, created);
    return created;
  }

  /** Whether another row has the values of a unique index. */
  public hasConflict(row: Row): boolean {
    return this.uniques.some((unique) => unique.isTaken(row, undefined));
  }

  /** @throws StorageConflictError when another row than `old` has the values of a unique index */
  public refuseConflict(old: Row | undefined, next: Row): void {
    for (const unique of this.uniques) if (unique.isTaken(next, old)) throw unique.conflict();
  }

  /** @throws StorageConflictError always: there is a row with this key */
  public refuseKey(): never {
    const names = this.schema.keyColumns.map(({ name }) => `"${name}"`).join(", ");
    throw new StorageConflictError(`there is a row with the same ${names} already`);
  }

  /** Puts `next` in the place of `old`, the row of the same key; `undefined` stands for no row. */
  public replace(old: Row | undefined, next: Row | undefined): void {
    const slot = this.slotFor(old, next);
    for (const index of this.ordered) index.replace(slot, old, next);
    for (const unique of this.uniques) unique.replace(slot, old, next);
    for (const observer of this.observers.values()) observer.replace(old, next);
  }

  /** Removes all rows, and gives them. */
  public clear(): readonly Row[] {
    const rows = [...this.values()];
    this.slots.clear();
    for (const index of this.ordered) index.clear();
    for (const unique of this.uniques) unique.clear();
    for (const observer of this.observers.values()) observer.clear();
    return rows;
  }

  /** The slot of a row that comes, stays (with other values) or goes. */
  private slotFor(old: Row | undefined, next: Row | undefined): Slot {
    const identity = this.schema.keyIdentity((next ?? old) as Row);
    const found = this.slots.get(identity);
    if (next === undefined) this.slots.delete(identity);
    else if (found === undefined) this.slots.set(identity, { row: next });
    else found.row = next;
    return found ?? (this.slots.get(identity) as Slot);
  }

  private keyOf(tuple: IndexTuple): Row {
    const key: Row = {};
    for (const [at, column] of this.schema.keyColumns.entries()) {
      key[column.name] = tuple[at] as CanonicalValue;
    }
    return key;
  }
}

function orderedIndexes(
  { keyColumns }: TableSchema,
  indexes: readonly IndexDefinition[],
  source: { slots(): Iterable<Slot>; find(key: IndexTuple): Row | undefined },
): readonly OrderedIndex[] {
  const { slots } = source;
  return [
    new OrderedIndex(keyColumns, source),
    ...indexes.map(
      ({ columns }) => new OrderedIndex([...new Set([...columns, ...keyColumns])], { slots }),
    ),
  ];
}
