import type { OrderColumn, Row, RowTest, SelectPlan } from "@workglow/storage";
import { type PathWithRest, RowCollector, UnionPath } from "@workglow/storage/paths";
import type { RowOrder } from "../records/RecordCodec.ts";
import { WHOLE_PATH } from "./matchingPages.ts";
import { MOST_STRETCHES, type Pace, readPages } from "./readPages.ts";
import { rowTest } from "./rowTest.ts";
import { stretchesOf } from "./Stretch.ts";
import type { TableRead } from "./TableRead.ts";

/** What is looked for. */
export interface RowSearchQuery extends PathWithRest<RowOrder> {
  /** The order without the columns that are the same in all rows. */
  readonly order: readonly OrderColumn[];
  readonly plan: Pick<SelectPlan, "order" | "after">;
  /** How many rows, from the first; may be infinite. */
  readonly wanted: number;
}

/** Rows of the first page where few may be enough. */
const FIRST_PAGE = 64;
const MOST_FIRST_PAGE = 1024;

/** Reads along a path and keeps the rows that match, as far as they are wanted. */
export class RowSearch {
  /** Rows that were looked at. */
  private visited = 0;
  private matching = 0;
  private readonly wanted: number;
  private readonly pages: AsyncGenerator<Row[]>;
  private readonly collected: RowCollector;
  private readonly isWanted: RowTest;

  public constructor(read: TableRead, query: RowSearchQuery) {
    const { path, order, plan, wanted } = query;
    this.wanted = wanted;
    this.pages = readPages(read, stretchesOf(path, plan.after), paceOf(query));
    this.collected = new RowCollector(wanted, order, path.ordered);
    this.isWanted = rowTest(read, query, plan);
  }

  /**
   * Reads on until no more rows are wanted or there, or about `budget` rows have been read in all.
   * Gives whether the search has ended.
   */
  public async run(budget = Number.POSITIVE_INFINITY): Promise<boolean> {
    while (this.visited < budget) {
      const { value: page, done } = await this.pages.next();
      if (done) return true;
      this.visited += page.length;
      for (const row of page) {
        if (!this.isWanted(row)) continue;
        this.matching++;
        if (this.collected.add(row)) continue;
        await this.pages.return(undefined);
        return true;
      }
    }
    return false;
  }

  /** How many more rows are to be looked at, should as many of them match as so far. */
  public get expected(): number {
    const share = (this.matching + 1) / (this.visited + 1);
    return Math.ceil(Math.max(this.wanted - this.matching, 1) / share);
  }

  /** The rows that were found, in order. */
  public finish(): Row[] {
    return this.collected.finish();
  }
}

function paceOf({ path, rest, wanted }: RowSearchQuery): Pace {
  const most = Number.POSITIVE_INFINITY;
  const isAllKept = rest === undefined && wanted === most && !(path instanceof UnionPath);
  if (isAllKept) return { rows: undefined, stretches: MOST_STRETCHES, most };
  const endsEarly = path.isOrdered || path.ordered > 0;
  if (!endsEarly || wanted === most) return WHOLE_PATH;
  const rows = Math.max(FIRST_PAGE, Math.min(wanted + 1, MOST_FIRST_PAGE));
  return { rows, stretches: 1, most };
}
