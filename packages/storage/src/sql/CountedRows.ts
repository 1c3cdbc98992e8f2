import { StorageConflictError } from "@workglow/util";
import type { Column } from "../tabular/schema/Column.ts";
import { cell, type Row } from "../tabular/schema/TableSchema.ts";
import type { CountedKey, KeyCounter } from "./KeyCounter.ts";
import type { SqlProgram, SqlStatement } from "./SqlExecutor.ts";
import type { TableStatements } from "./TableStatements.ts";

type Storing = (text: string, row: Row) => SqlStatement;

/**
 * Writes to a table whose integer key is generated. A given key moves the counter, so that no
 * generated key meets it; a generated key is inserted plainly, and taken anew where rows were
 * written past this library.
 */
export class CountedRows {
  private readonly key: CountedKey;
  private readonly counter: KeyCounter;
  private readonly statements: TableStatements;
  private readonly property: Column;
  /** The counter has at least this value: given keys up to it need not move it. */
  private atLeast = 0;

  public constructor(
    key: CountedKey,
    counter: KeyCounter,
    property: Column,
    statements: TableStatements,
  ) {
    this.key = key;
    this.counter = counter;
    this.statements = statements;
    this.property = property;
  }

  public *put(rows: readonly Row[], storing: Storing): SqlProgram<Row[]> {
    const keys = yield* this.keysFor(rows);
    const stored: Row[] = [];
    for (const row of rows) {
      if (cell(row, this.property) === undefined) {
        stored.push(yield* this.insertGenerated(row, keys, storing));
      } else {
        yield storing(this.statements.upsert, row);
        stored.push(row);
      }
    }
    return stored;
  }

  public *insert(row: Row, ignoreConflict: boolean, storing: Storing): SqlProgram<Row | undefined> {
    const keys = yield* this.keysFor([row]);
    const { insert, insertOrIgnore } = this.statements;
    if (cell(row, this.property) !== undefined) {
      const { changes } = yield storing(ignoreConflict ? insertOrIgnore : insert, row);
      return changes > 0 ? row : undefined;
    }
    try {
      return yield* this.insertGenerated(row, keys, storing);
    } catch (error) {
      // Only a unique index can be taken here.
      if (ignoreConflict && error instanceof StorageConflictError) return undefined;
      throw error;
    }
  }

  /** To be told of rows once they are committed. */
  public stored(rows: readonly Row[]): void {
    for (const row of rows) {
      this.atLeast = Math.max(this.atLeast, cell(row, this.property) as number);
    }
  }

  /** Moves the counter past the given keys, then takes as many as are missing. */
  private *keysFor(rows: readonly Row[]): SqlProgram<number[]> {
    let highest = this.atLeast;
    let missing = 0;
    for (const row of rows) {
      const given = cell(row, this.property);
      if (given === undefined) missing++;
      else highest = Math.max(highest, given as number);
    }
    if (highest > this.atLeast) yield* this.counter.observe(this.key, highest);
    // Taken from the end.
    return missing === 0 ? [] : [...(yield* this.counter.allocate(this.key, missing))].reverse();
  }

  private *insertGenerated(row: Row, keys: number[], storing: Storing): SqlProgram<Row> {
    for (;;) {
      let key = keys.pop();
      if (key === undefined) [key] = yield* this.counter.allocate(this.key, 1);
      const numbered: Row = { [this.property.name]: key as number, ...row };
      const { changes } = yield storing(this.statements.insertUnlessKey, numbered);
      if (changes > 0) return numbered;
      keys.length = 0;
      yield* this.counter.recount(this.key);
    }
  }
}
