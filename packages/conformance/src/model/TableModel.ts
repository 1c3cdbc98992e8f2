import { isEqual } from "../assert.ts";
import type { TestRow } from "../harness.ts";
import type { SeenChange } from "../subscriptions/watchChanges.ts";
import { matches, type Order, sorted, type Tree } from "../tabular/reference.ts";
import { asRead } from "./arbitraries.ts";

/** What a call gave: a value, or the name of its error's class. */
export type Outcome = { readonly value: unknown } | { readonly error: string };

const conflict: Outcome = { error: "StorageConflictError" };

/** A table as a plain list of rows: slow, and obviously right. */
export class TableModel {
  private rows: readonly TestRow[] = [];
  /** Changes and events in commit order, one list for each call, as calls may order theirs freely. */
  public changes: SeenChange[][] = [];
  public events: unknown[][][] = [];

  public put(row: TestRow): Outcome {
    return this.putBulk([row], ([stored]) => stored);
  }

  /** All or nothing; the last of a key wins. */
  public putBulk(
    given: readonly TestRow[],
    result = (stored: readonly TestRow[]): unknown => stored,
  ): Outcome {
    const last = new Map(given.map((row) => [row.id, asRead(row)]));
    const next = [...this.rows.filter(({ id }) => !last.has(id)), ...last.values()];
    if (hasTwins(next)) return conflict;
    const changes = [...last.values()].map((row) => changeOf(this.find(row.id), row));
    const stored = given.map(({ id }) => last.get(id) as TestRow);
    this.commit(
      next,
      changes,
      stored.map((row) => ["put", row]),
    );
    return { value: result(stored) };
  }

  /**
   * Whether a bulk gives one row the unique value of another row that it changes too: databases
   * check row by row, in an order of their own, and so may or may not find a conflict.
   */
  public isOpen(given: readonly TestRow[]): boolean {
    const changed = new Set(given.map(({ id }) => id));
    return given.some(
      ({ id, code = null }) =>
        code !== null &&
        this.rows.some((row) => row.code === code && row.id !== id && changed.has(row.id)),
    );
  }

  public insert(row: TestRow, ignore: boolean): Outcome {
    const taken = this.find(row.id) !== undefined || hasTwins([...this.rows, asRead(row)]);
    if (!taken) return this.put(row);
    return ignore ? { value: undefined } : conflict;
  }

  public update(id: unknown, patch: TestRow, expect: TestRow | undefined): Outcome {
    const old = this.find(id);
    if (old === undefined) return { value: undefined };
    for (const [column, value] of Object.entries(expect ?? {})) {
      if (!isEqual(old[column] ?? null, value ?? null)) return { value: undefined };
    }
    const next: TestRow = { ...old, ...patch };
    for (const [column, value] of Object.entries(patch))
      if (value === undefined) delete next[column];
    return this.put(next);
  }

  public delete(id: unknown): Outcome {
    return this.remove(({ id: other }) => other === id);
  }

  public deleteSearch(tree: Tree): Outcome {
    return this.remove((row) => matches(row, tree));
  }

  public deleteAll(): Outcome {
    const changes = this.rows.map((old): SeenChange => ({ type: "DELETE", old }));
    this.commit([], changes, [["clearall"]]);
    return { value: undefined };
  }

  public find(id: unknown): TestRow | undefined {
    return this.rows.find((row) => row.id === id);
  }

  public select(tree: Tree | undefined, order: Order): TestRow[] {
    const found = tree === undefined ? this.rows : this.rows.filter((row) => matches(row, tree));
    return sorted(found, order, ["id"]);
  }

  /** Gives back the state of now when it is called: for rollbacks. */
  public snapshot(): () => void {
    const { rows, changes, events } = this;
    const [changesNow, eventsNow] = [[...changes], [...events]];
    return () => {
      this.rows = rows;
      this.changes = [...changesNow];
      this.events = [...eventsNow];
    };
  }

  private remove(condition: (row: TestRow) => boolean): Outcome {
    const gone = this.rows.filter(condition);
    this.commit(
      this.rows.filter((row) => !condition(row)),
      gone.map((old) => ({ type: "DELETE", old })),
      gone.map(({ id }) => ["delete", { id }]),
    );
    return { value: undefined };
  }

  private commit(rows: readonly TestRow[], changes: SeenChange[], events: unknown[][]): void {
    this.rows = rows;
    this.changes.push(changes);
    this.events.push(events);
  }
}

function changeOf(old: TestRow | undefined, next: TestRow): SeenChange {
  return old === undefined ? { type: "INSERT", new: next } : { type: "UPDATE", old, new: next };
}

/** Whether two rows share a value of the unique index. */
function hasTwins(rows: readonly TestRow[]): boolean {
  const codes = rows.map(({ code }) => code).filter((code) => code !== null);
  return new Set(codes).size !== codes.length;
}
