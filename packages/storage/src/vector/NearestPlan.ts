import type { TypedArray } from "@workglow/util/schema";
import type { Predicate } from "../tabular/Predicate.ts";
import type { Column } from "../tabular/schema/Column.ts";

/** A similarity search in the form that backends execute. */
export interface NearestPlan {
  /** The column of the vectors. Rows without one are not found. */
  readonly column: Column;
  /** What to be similar to: as many components as every stored vector, no zero vector. */
  readonly query: TypedArray;
  /** `undefined` searches every row. */
  readonly where: Predicate | undefined;
  /** How many of the best are to be found, the `offset` included. */
  readonly count: number;
  /** How many of the best are left out. */
  readonly offset: number;
  /** The least score of a result; -Infinity where any will do. */
  readonly threshold: number;
  /** Whether every row is to be compared, even where an approximate index could tell. */
  readonly exact: boolean;
  /** How many rows an approximate index keeps in view; the storage's own number unless given. */
  readonly efSearch: number | undefined;
  /** The columns to return, in the schema's order. */
  readonly columns: readonly Column[];
}
