import { type RowComparator, rowComparator } from "../compareRows.ts";
import type { OrderColumn } from "../SelectPlan.ts";
import type { Row } from "../schema/TableSchema.ts";

/** More rows than wanted are held up to this many before the surplus is sorted out. */
const LEAST_SURPLUS = 256;

/**
 * Collects rows that come in a part of their order: those that are equal in this part form a group,
 * which is sorted when the next one begins. With the whole order each row stands for itself; with
 * none of it all rows are one group.
 */
export class RowCollector {
  private readonly wanted: number;
  private readonly compare: RowComparator;
  private readonly compareGroups: RowComparator;
  private readonly isOrdered: boolean;
  private readonly rows: Row[] = [];
  private group: Row[] = [];

  /** @param ordered how many columns of the order the rows come in */
  public constructor(wanted: number, order: readonly OrderColumn[], ordered: number) {
    this.wanted = wanted;
    this.isOrdered = ordered === order.length;
    this.compare = rowComparator(order);
    this.compareGroups = rowComparator(order.slice(0, ordered));
  }

  /** Takes the next row; false when no further one is wanted. */
  public add(row: Row): boolean {
    if (this.isOrdered) return this.rows.push(row) < this.wanted;
    const [first] = this.group;
    if (first !== undefined && this.compareGroups(first, row) !== 0) {
      this.closeGroup();
      if (this.rows.length >= this.wanted) return false;
    }
    this.group.push(row);
    const needed = this.wanted - this.rows.length;
    if (this.group.length >= 2 * needed + LEAST_SURPLUS) {
      this.group = this.group.sort(this.compare).slice(0, needed);
    }
    return true;
  }

  /** At most as many rows as are wanted, in order. */
  public finish(): Row[] {
    this.closeGroup();
    if (this.rows.length > this.wanted) this.rows.length = this.wanted;
    return this.rows;
  }

  private closeGroup(): void {
    for (const row of this.group.sort(this.compare)) this.rows.push(row);
    this.group = [];
  }
}
