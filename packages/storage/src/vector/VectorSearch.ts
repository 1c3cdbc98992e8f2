import { type CallOptions, StorageValidationError } from "@workglow/util";
import { type DataPortSchemaObject, isTypedArray, type TypedArray } from "@workglow/util/schema";
import type { Awaitable } from "../base/Awaitable.ts";
import type { CallFrame } from "../base/BaseStorage.ts";
import type { RowPatch } from "../tabular/BaseTabularStorage.ts";
import { assertCriteria } from "../tabular/criteria.ts";
import { compileCriteria, type Predicate } from "../tabular/Predicate.ts";
import { checkedCount, selectedColumns } from "../tabular/SelectPlan.ts";
import type { Column } from "../tabular/schema/Column.ts";
import { copyCanonical, describeType } from "../tabular/schema/canonicalValue.ts";
import type { Row, TableSchema } from "../tabular/schema/TableSchema.ts";
import { checkVector } from "./checkVector.ts";
import type { VectorSearchOptions } from "./IVectorStorage.ts";
import { compileMetadataFilter } from "./metadataFilter.ts";
import type { NearestPlan } from "./NearestPlan.ts";
import { getMetadataProperty, getVectorProperty } from "./vectorProperties.ts";

const DEFAULT_TOP_K = 10;

type UncheckedOptions = CallOptions & {
  readonly [Name in Exclude<keyof VectorSearchOptions<unknown>, keyof CallOptions>]?: unknown;
};

/** What a search asks of its backend. */
export interface NearestDriver {
  /** The row of a key, with the vector's column at least. */
  get(key: Row, o: CallOptions | undefined): Awaitable<Row | undefined>;
  /** The rows that the plan asks for, best first, each with its `score`. */
  nearest(plan: NearestPlan, o: CallOptions | undefined): Awaitable<Row[]>;
}

/**
 * What holds for similarity search on every backend: which vectors and options are accepted, what a
 * filter means, and what a backend is asked to find.
 */
export class VectorSearch {
  public readonly dimensions: number;
  /** The column of the vectors. Rows without one are stored and never found. */
  public readonly column: Column;
  private readonly metadata: Column | undefined;
  private readonly table: TableSchema;

  /** @param schema one that `vectorSchema` has passed */
  public constructor(schema: DataPortSchemaObject, table: TableSchema, dimensions: number) {
    this.table = table;
    this.dimensions = dimensions;
    this.column = table.column(getVectorProperty(schema) as string);
    const metadata = getMetadataProperty(schema);
    this.metadata = metadata === undefined ? undefined : table.column(metadata);
  }

  /** @throws StorageValidationError for a row or patch whose vector cannot be searched */
  public checkRow(row: Row | RowPatch): void {
    const vector = row[this.column.name];
    if (vector === undefined || vector === null) return;
    checkVector(vector as TypedArray, this.dimensions, `column "${this.column.name}"`);
  }

  /**
   * A storage's `similaritySearch`: checks what is asked, lets the driver find the rows that are
   * most similar to a vector, or to the stored row of a key, and tells the listeners.
   */
  public similaritySearch<Result>(
    query: unknown,
    options: UncheckedOptions,
    frame: CallFrame,
    driver: NearestDriver,
  ): Promise<Result[]> {
    return frame.perform("similaritySearch", options, async (o) => {
      const asked = this.checkedQuery(query);
      const plan = this.plan(options);
      const vector = isTypedArray(asked)
        ? asked
        : this.vectorOf(await frame.reach(() => driver.get(asked, o)));
      const impossible = plan.where?.kind === "constant" && !plan.where.value;
      const results = impossible
        ? []
        : await frame.reach(() => driver.nearest({ ...plan, query: vector }, o));
      frame.emit("similaritySearch", query, results);
      return results as Result[];
    });
  }

  private checkedQuery(query: unknown): TypedArray | Row {
    if (isTypedArray(query)) {
      checkVector(query, this.dimensions, "the query");
      return copyCanonical(query) as TypedArray;
    }
    if (typeof query === "object" && query !== null && !Array.isArray(query)) {
      return this.table.canonicalKey(query);
    }
    throw new StorageValidationError(
      `the query is a typed array or the key of a row, not ${describeType(query)}`,
    );
  }

  private vectorOf(row: Row | undefined): TypedArray {
    const vector = row?.[this.column.name];
    if (!isTypedArray(vector)) {
      throw new StorageValidationError("the row to search by is not there, or has no vector");
    }
    // Whoever else writes to the table may have stored anything.
    checkVector(vector, this.dimensions, "the vector of the row to search by");
    return vector;
  }

  private plan(options: UncheckedOptions): Omit<NearestPlan, "query"> {
    const topK = checkedCount(options.topK, "topK", 1) ?? DEFAULT_TOP_K;
    const offset = checkedCount(options.offset, "offset", 0) ?? 0;
    if (options.exact !== undefined && typeof options.exact !== "boolean") {
      throw new StorageValidationError("exact is true or false");
    }
    return {
      column: this.column,
      where: this.filter(options.filter),
      count: Math.min(offset + topK, Number.MAX_SAFE_INTEGER),
      offset,
      threshold: checkedThreshold(options.scoreThreshold),
      exact: options.exact ?? false,
      efSearch: checkedCount(options.efSearch, "efSearch", 1),
      columns: selectedColumns(this.table, options.select),
    };
  }

  /** A filter names fields of the metadata or, where the schema has none, columns. */
  private filter(filter: unknown): Predicate | undefined {
    if (filter === undefined) return undefined;
    assertCriteria(filter);
    const where =
      this.metadata === undefined
        ? compileCriteria(this.table, filter)
        : compileMetadataFilter(this.metadata, filter);
    return where.kind === "constant" && where.value ? undefined : where;
  }
}

function checkedThreshold(threshold: unknown): number {
  if (threshold === undefined) return Number.NEGATIVE_INFINITY;
  if (typeof threshold === "number" && !Number.isNaN(threshold)) return threshold;
  throw new StorageValidationError("scoreThreshold is a number");
}
