import type { Column } from "../tabular/schema/Column.ts";
import { cell, type Row } from "../tabular/schema/TableSchema.ts";
import { inKeyOrder } from "./inKeyOrder.ts";
import type { CountedKey, KeyCounter } from "./KeyCounter.ts";
import { rowLists } from "./rowLists.ts";
import type { SqlProgram, SqlResult, SqlStatement, SqlValue } from "./SqlExecutor.ts";
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
  private readonly statements: () => TableStatements;
  private readonly property: Column;
  /** The counter has at least this value: given keys up to it need not move it. */
  private atLeast = 0;

  public constructor(
    key: CountedKey,
    counter: KeyCounter,
    property: Column,
    statements: () => TableStatements,
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
        stored.push((yield* this.insertGenerated(row, keys, storing, false)) as Row);
      } else {
        yield storing(this.statements().upsert, row);
        stored.push(row);
      }
    }
    return stored;
  }

  public *insert(row: Row, ignoreConflict: boolean, storing: Storing): SqlProgram<Row | undefined> {
    const keys = yield* this.keysFor([row]);
    const { insert, insertOrIgnore } = this.statements();
    if (cell(row, this.property) !== undefined) {
      const { changes } = yield storing(ignoreConflict ? insertOrIgnore : insert, row);
      return changes > 0 ? row : undefined;
    }
    return yield* this.insertGenerated(row, keys, storing, ignoreConflict);
  }

  /** Inserts a row by one statement, where it has no key and a statement can take one. */
  public insertNext(row: Row, ignoreConflict: boolean, storing: Storing): SqlStatement | undefined {
    const { insertNext } = this.statements();
    if (insertNext === undefined || cell(row, this.property) !== undefined) return undefined;
    const { unlessKey, orIgnore, keyPlace } = insertNext;
    const { text, params } = storing(ignoreConflict ? orIgnore : unlessKey, row);
    return { text, params: params.toSpliced(keyPlace, 1) };
  }

  /** The row that {@link insertNext} has inserted; `undefined` where something was taken. */
  public inserted(row: Row, { rows }: SqlResult): Row | undefined {
    const [found] = rows;
    return found && this.numbered(row, Number(found[0]));
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

  /** `undefined` where a unique index is taken and that is to be ignored. */
  private *insertGenerated(
    row: Row,
    keys: number[],
    storing: Storing,
    ignoreConflict: boolean,
  ): SqlProgram<Row | undefined> {
    const { insertOrIgnore, insertUnlessKey } = this.statements();
    for (;;) {
      let key = keys.pop();
      if (key === undefined) [key] = yield* this.counter.allocate(this.key, 1);
      const numbered = this.numbered(row, key as number);
      const text = ignoreConflict ? insertOrIgnore : insertUnlessKey;
      const statement = storing(text, numbered);
      if ((yield statement).changes > 0) return numbered;
      // Either the key is taken, or one of a unique index is.
      if (ignoreConflict && !(yield* this.isTaken(statement))) return undefined;
      keys.length = 0;
      yield* this.counter.recount(this.key);
    }
  }

  private numbered(row: Row, key: number): Row {
    return { [this.property.name]: key, ...row };
  }

  private *isTaken(statement: SqlStatement): SqlProgram<boolean> {
    const { selectByKey: text, upsertStack } = this.statements();
    const params = upsertStack.key.map((at) => statement.params[at] as SqlValue);
    return (yield { text, params }).rows.length > 0;
  }

  /** {@link put} with as few statements as rows as lists make possible. */
  public *putListed(rows: readonly Row[], storing: Storing): SqlProgram<Row[]> {
    const keys = yield* this.keysFor(rows);
    const stored = rows.map((row) =>
      cell(row, this.property) === undefined ? this.numbered(row, keys.pop() as number) : row,
    );
    const { upsert, upsertStack } = this.statements();
    const given = stored.filter((row, at) => row === rows[at]);
    const params = given.map((row) => storing(upsert, row).params as SqlValue[]);
    for (const list of rowLists(inKeyOrder(params, upsertStack.lockOrder))) {
      yield upsertStack.listed(list);
    }
    let left = stored.map((_, at) => at).filter((at) => stored[at] !== rows[at]);
    while (left.length > 0) {
      const taken = new Set(
        yield* this.insertListed(
          left.map((at) => stored[at] as Row),
          storing,
        ),
      );
      left = left.filter((at) => taken.has(cell(stored[at] as Row, this.property)));
      if (left.length === 0) break;
      yield* this.counter.recount(this.key);
      const fresh = [...(yield* this.counter.allocate(this.key, left.length))];
      for (const [i, at] of left.entries()) {
        stored[at] = this.numbered(rows[at] as Row, fresh[i] as number);
      }
    }
    return stored;
  }

  /** Inserts rows plainly; gives the keys of those that were taken. */
  private *insertListed(rows: readonly Row[], storing: Storing): SqlProgram<unknown[]> {
    const { insert, insertUnlessKeyListed } = this.statements();
    const inserted = new Set<unknown>();
    for (const list of rowLists(rows.map((row) => storing(insert, row).params as SqlValue[]))) {
      for (const [key] of (yield insertUnlessKeyListed(list)).rows) inserted.add(Number(key));
    }
    return rows.map((row) => cell(row, this.property)).filter((key) => !inserted.has(key));
  }
}
