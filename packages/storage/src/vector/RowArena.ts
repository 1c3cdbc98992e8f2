import type { TypedArray } from "@workglow/util/schema";
import type { RowObserver } from "../tabular/memory/MemoryPartition.ts";
import type { Column } from "../tabular/schema/Column.ts";
import { cell, type Row } from "../tabular/schema/TableSchema.ts";
import { VectorArena } from "./VectorArena.ts";

/** The vectors of one column of rows in memory, which tell it of every change. */
export class RowArena extends VectorArena<Readonly<Row>> implements RowObserver {
  private readonly column: Column;

  public constructor(column: Column, dimensions: number) {
    super(dimensions);
    this.column = column;
  }

  public replace(old: Row | undefined, next: Row | undefined): void {
    if (old !== undefined) this.delete(old);
    const vector = next && cell(next, this.column);
    if (next !== undefined && ArrayBuffer.isView(vector)) this.add(next, vector as TypedArray);
  }
}
