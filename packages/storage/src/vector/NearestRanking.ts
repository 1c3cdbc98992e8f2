import type { TypedArray } from "@workglow/util/schema";
import type { Row, TableSchema } from "../tabular/schema/TableSchema.ts";
import { BestRows, type ScoredRow } from "./BestRows.ts";
import { cosineSimilarity, type Direction, directionOf } from "./cosine.ts";
import type { NearestPlan } from "./NearestPlan.ts";

/**
 * Scores rows by their stored vectors and gives the results among them. A backend feeds in every
 * row that can be among the best `plan.count`; what else it feeds in does not matter.
 */
export class NearestRanking {
  private readonly plan: NearestPlan;
  private readonly direction: Direction;
  private readonly best: BestRows;

  public constructor(table: TableSchema, plan: NearestPlan) {
    this.plan = plan;
    this.direction = directionOf(plan.query);
    this.best = new BestRows(plan.count, (a, b) => table.compareKeys(a, b));
  }

  /** @param row the key's columns and the vector's at least */
  public add(row: Readonly<Row>): void {
    const vector = row[this.plan.column.name] as TypedArray;
    this.best.add(row, cosineSimilarity(this.direction, vector));
  }

  /** Best first. */
  public results(): readonly ScoredRow[] {
    const { offset, threshold } = this.plan;
    return this.best
      .sorted()
      .slice(offset)
      .filter(({ score }) => score >= threshold);
  }
}
