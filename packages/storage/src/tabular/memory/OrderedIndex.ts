import { SortedTree } from "../../memory/SortedTree.ts";
import { compareValues } from "../compareValues.ts";
import { compareTuples, type IndexRange, type IndexTuple } from "../paths/IndexRange.ts";
import type { Column } from "../schema/Column.ts";
import { cell, type Row } from "../schema/TableSchema.ts";
import type { Slot } from "./Slot.ts";

/** Where an index gets its slots from. */
export interface IndexSource {
  slots(): Iterable<Slot>;
  /** The row of an entry, where that is found without the tree. */
  find?(tuple: IndexTuple): Row | undefined;
}

/** What ends a walk early; told apart from the number of entries that a full one gives. */
const STOP = { break: Symbol("stop") };

/**
 * The rows of a table in the order of some columns, which end with the key's. The tree is made when
 * it is first needed and kept up to date from then on: a table that nobody searches by it costs nothing.
 */
export class OrderedIndex {
  /** The columns by which entries are ordered. */
  public readonly columns: readonly Column[];
  private readonly source: IndexSource;
  private tree: SortedTree<IndexTuple, Slot> | undefined;

  public constructor(columns: readonly Column[], source: IndexSource) {
    this.columns = columns;
    this.source = source;
  }

  /** `next` takes the place of `old` in its slot; `undefined` stands for no row. */
  public replace(slot: Slot, old: Row | undefined, next: Row | undefined): void {
    if (this.tree === undefined) return;
    if (old !== undefined && next !== undefined && this.isSameEntry(old, next)) return;
    if (old !== undefined) this.tree.delete(this.tupleOf(old));
    if (next !== undefined) this.tree.set(this.tupleOf(next), slot);
  }

  public clear(): void {
    this.tree = undefined;
  }

  /** Calls `visit` for the rows of a range, in order or backwards, until it gives false. */
  public walk(range: IndexRange, descending: boolean, visit: (row: Row) => boolean): boolean {
    const { entry } = range;
    if (entry !== undefined && this.source.find !== undefined) {
      const row = this.source.find(entry);
      return row === undefined || visit(row);
    }
    return descending ? this.walkBackwards(range, visit) : this.walkForwards(range, visit);
  }

  private walkForwards({ from, to }: IndexRange, visit: (row: Row) => boolean): boolean {
    // `forRange` looks for the end once in each node instead of once for each entry.
    const result: unknown = this.built().forRange(from, to, false, (_tuple, slot) =>
      visit(slot.row) ? undefined : STOP,
    );
    return result !== STOP.break;
  }

  private walkBackwards({ from, to }: IndexRange, visit: (row: Row) => boolean): boolean {
    // One pair is filled again and again instead of a new one for each entry.
    const pair: (IndexTuple | Slot)[] = [];
    const entries = this.built().entriesReversed(to, pair);
    for (let next = entries.next(); !next.done; next = entries.next()) {
      const [tuple, slot] = next.value;
      if (compareTuples(tuple, from) < 0) return true;
      if (!visit(slot.row)) return false;
    }
    return true;
  }

  private built(): SortedTree<IndexTuple, Slot> {
    if (this.tree !== undefined) return this.tree;
    const tree = new SortedTree<IndexTuple, Slot>(undefined, compareTuples);
    for (const slot of this.source.slots()) tree.set(this.tupleOf(slot.row), slot);
    this.tree = tree;
    return tree;
  }

  private isSameEntry(old: Row, next: Row): boolean {
    for (const column of this.columns) {
      if (compareValues(cell(old, column), cell(next, column)) !== 0) return false;
    }
    return true;
  }

  private tupleOf(row: Row): IndexTuple {
    return this.columns.map((column) => cell(row, column) ?? null);
  }
}
