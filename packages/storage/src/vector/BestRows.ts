import type { Row } from "../tabular/schema/TableSchema.ts";

/** A row that a search has found, or as much of it as is known so far. */
export interface ScoredRow {
  /** The key's columns at least. */
  readonly row: Readonly<Row>;
  readonly score: number;
}

/** How many rows beyond its size a collection takes before it sorts them. */
const LEAST_SLACK = 64;

/** Keeps the best of many rows, as many as its size: higher scores first, ties by key. */
export class BestRows {
  private readonly size: number;
  private readonly compareKeys: (a: Readonly<Row>, b: Readonly<Row>) => number;
  private readonly kept: ScoredRow[] = [];
  private least = Number.NEGATIVE_INFINITY;

  public constructor(size: number, compareKeys: (a: Readonly<Row>, b: Readonly<Row>) => number) {
    this.size = size;
    this.compareKeys = compareKeys;
  }

  /** Takes a row, unless its score is NaN. */
  public add(row: Readonly<Row>, score: number): void {
    if (score >= this.least) this.kept.push({ row, score });
    // Sorting once for every `size` rows costs no more than a heap would.
    if (this.kept.length >= this.size * 2 + LEAST_SLACK) this.cut();
  }

  /** The best, in their order. */
  public sorted(): readonly ScoredRow[] {
    this.cut();
    return this.kept;
  }

  private cut(): void {
    this.kept.sort((a, b) => b.score - a.score || this.compareKeys(a.row, b.row));
    if (this.kept.length < this.size) return;
    this.kept.length = this.size;
    this.least = (this.kept[this.size - 1] as ScoredRow).score;
  }
}
