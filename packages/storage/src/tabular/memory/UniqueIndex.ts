import { StorageConflictError } from "@workglow/util";
import type { Column } from "../schema/Column.ts";
import { cell, type Row } from "../schema/TableSchema.ts";
import type { Slot } from "./Slot.ts";

/** Which rows hold which values of columns that no two rows share. Nulls are all different. */
export class UniqueIndex {
  public readonly columns: readonly Column[];
  private readonly holders = new Map<string, Slot>();

  public constructor(columns: readonly Column[]) {
    this.columns = columns;
  }

  /** Whether another row than `replaced` holds the values of `row`. */
  public isTaken(row: Row, replaced: Row | undefined): boolean {
    const identity = this.identityOf(row);
    if (identity === undefined) return false;
    const holder = this.holders.get(identity);
    return holder !== undefined && holder.row !== replaced;
  }

  /** `next` takes the place of `old` in its slot; `undefined` stands for no row. */
  public replace(slot: Slot, old: Row | undefined, next: Row | undefined): void {
    const oldIdentity = old && this.identityOf(old);
    const identity = next && this.identityOf(next);
    if (identity === oldIdentity) return;
    if (oldIdentity !== undefined) this.holders.delete(oldIdentity);
    if (identity !== undefined) this.holders.set(identity, slot);
  }

  public clear(): void {
    this.holders.clear();
  }

  /** The error for a row whose values are taken. */
  public conflict(): StorageConflictError {
    const names = this.columns.map(({ name }) => `"${name}"`).join(", ");
    return new StorageConflictError(`another row has the same ${names}`);
  }

  /** A text that is equal for equal values, `undefined` if one of them is null. */
  private identityOf(row: Row): string | undefined {
    const parts: string[] = [];
    for (const column of this.columns) {
      const value = cell(row, column);
      if (value === null || value === undefined) return undefined;
      parts.push(value instanceof Uint8Array ? value.join() : String(value));
    }
    return parts.length === 1 ? parts[0] : JSON.stringify(parts);
  }
}
