import {
  type AllVectorEvents,
  type Awaitable,
  type EntityOf,
  getVectorProperty,
  type IndexList,
  type InsertOf,
  type IVectorStorage,
  type MetadataOf,
  type NearestPlan,
  NearestRanking,
  type Row,
  type RowPatch,
  type SimplifyPrimaryKey,
  type TabularStorageOptionsInput,
  tabularOptions,
  VectorSearch,
  type VectorSearchOptions,
  type VectorSearchResult,
  vectorSchema,
} from "@workglow/storage";
import type { AtomicOptions, SqlProgram } from "@workglow/storage/sql";
import { type CallOptions, StorageValidationError } from "@workglow/util";
import type {
  DataPortSchemaObject,
  TypedArray,
  TypedArrayConstructor,
} from "@workglow/util/schema";
import { PgliteSource } from "../connection/PgliteSource.ts";
import { openPostgres, type PostgresHandle } from "../PostgresDatabase.ts";
import {
  type PostgresTabularOptions,
  PostgresTabularStorage,
} from "../tabular/PostgresTabularStorage.ts";
import {
  checkRange,
  HnswIndex,
  type HnswOptions,
  MOST_EF_SEARCH,
  resolveHnsw,
} from "./HnswIndex.ts";
import { NearestStatements, nextLimit } from "./NearestStatements.ts";
import { PgVector } from "./PgVector.ts";
import { unitVectorColumn } from "./unitVector.ts";
import { setUpVectors, vectorSchemaSql } from "./vectorSetup.ts";

/** Options of a table with vectors, and how it is reached. */
export type PostgresVectorOptions = PostgresTabularOptions & {
  /** An approximate index for searches that are not told to be exact. None unless given. */
  readonly index?: HnswOptions;
};

/** pgvector's own limit. */
const MOST_DIMENSIONS = 16_000;
/** How many rows beyond the best are asked for at first, so that the gap behind them shows. */
const FIRST_SURPLUS = 64;
/** The same where an index brings them, which is worth more in half precision. */
const INDEX_SURPLUS = 6;
const HALF_INDEX_SURPLUS = 48;

/**
 * Rows with vectors in a table of a PostgreSQL database with the extension pgvector. A vector is
 * kept as it is, as `bytea`, and once more at length 1 for searches, in a column that rows do not
 * show. Searches compare every row unless an index is asked for; scores come from the vectors as
 * they are.
 */
export class PostgresVectorStorage<
    Schema extends DataPortSchemaObject,
    PrimaryKeyNames extends ReadonlyArray<keyof Schema["properties"]>,
    Metadata extends Record<string, unknown> | undefined = MetadataOf<Schema>,
    Entity = EntityOf<Schema>,
    PrimaryKey = SimplifyPrimaryKey<Entity, PrimaryKeyNames>,
    InsertType = InsertOf<Schema>,
  >
  extends PostgresTabularStorage<
    Schema,
    PrimaryKeyNames,
    Entity,
    PrimaryKey,
    InsertType,
    AllVectorEvents<Entity, PrimaryKey>
  >
  implements IVectorStorage<Metadata, Schema, Entity, PrimaryKeyNames, PrimaryKey, InsertType>
{
  private readonly search: VectorSearch;
  private readonly pgVector: PgVector;
  private readonly nearestStatements: NearestStatements;
  private readonly index: HnswIndex | undefined;

  /**
   * @param handle a Pool of `pg`, or a PGlite with the extension `vector`, which its owner ends
   * @param table name of the table
   * @param dimensions number of components of every vector, at most 16,000; with an index 4,000
   * @param vectorCtor array type of the vectors where the schema says `TypedArray` and no more;
   *   `Float32Array` unless given
   * @throws StorageValidationError for a schema, name, dimension or option that cannot be
   */
  public constructor(
    handle: PostgresHandle,
    table: string,
    schema: Schema,
    primaryKeyNames: PrimaryKeyNames,
    indexes: IndexList = [],
    dimensions: number,
    vectorCtor?: TypedArrayConstructor,
    optionsInput?: TabularStorageOptionsInput<PostgresVectorOptions>,
  ) {
    const typed = vectorSchema(schema, dimensions, vectorCtor);
    if (dimensions > MOST_DIMENSIONS) {
      throw new StorageValidationError(
        `pgvector keeps vectors of at most ${MOST_DIMENSIONS} dimensions, not ${dimensions}`,
      );
    }
    const hnsw = resolveHnsw(tabularOptions(optionsInput).index, dimensions);
    const { source } = openPostgres(handle);
    const pgVector = PgVector.of(source.handle);
    const form = source instanceof PgliteSource ? "text" : "binary";
    const column = getVectorProperty(typed) as string;
    super(handle, table, typed, primaryKeyNames, indexes, optionsInput, [
      unitVectorColumn(column, dimensions, pgVector, form),
    ]);
    this.search = new VectorSearch(typed, this.table, dimensions);
    this.pgVector = pgVector;
    this.nearestStatements = new NearestStatements(this.sqlTable, pgVector, form);
    this.index = hnsw && new HnswIndex(hnsw, this.sqlTable, dimensions, pgVector);
  }

  public getVectorDimensions(): number {
    return this.search.dimensions;
  }

  public similaritySearch(
    query: TypedArray | PrimaryKey,
    options: VectorSearchOptions<NonNullable<Metadata>, Entity> = {},
  ): Promise<VectorSearchResult<Entity>[]> {
    return this.search.similaritySearch(query, options, this.frame, {
      get: (key, o) => this._get(key, o),
      nearest: (plan, o) => this.nearest(plan, o),
    });
  }

  public override schemaSql(options: { readonly fromVersion?: number } = {}): string {
    return vectorSchemaSql(super.schemaSql(options), this.sqlTable, this.index);
  }

  protected override checkRow(row: Row | RowPatch): void {
    this.search.checkRow(row);
  }

  /** The database is asked once where the extension is; nothing can be written without. */
  protected override reach<T>(call: () => Awaitable<T>): Awaitable<T> {
    if (this.pgVector.found) return super.reach(call);
    return this.pgVector.find(this.executor).then(() => super.reach(call));
  }

  protected override async _setup(o: CallOptions | undefined): Promise<void> {
    await super._setup(o);
    await setUpVectors(this.executor, this.sqlTable, this.index, o);
  }

  public override setupDatabase(options?: CallOptions): Promise<void> {
    return this.perform("setupDatabase", options, async (o) => {
      await this.pgVector.setUp(this.executor);
      return super.reach(() => this._setup(o));
    });
  }

  private nearest(plan: NearestPlan, o: CallOptions | undefined): Awaitable<Row[]> {
    return this.inOrder(false, undefined, async () => {
      const nominated = await this.nominated(plan, o);
      const ranking = new NearestRanking(this.table, plan);
      for (const row of nominated) ranking.add(row);
      return ranking.results().map(({ row, score }) => ({ ...selectedOf(row, plan), score }));
    });
  }

  private async nominated(plan: NearestPlan, o: CallOptions | undefined): Promise<readonly Row[]> {
    const read = { ...o, mode: "read" } as const;
    const indexed = await this.nominatedByIndex(plan, read);
    if (indexed !== undefined) return indexed;
    const first = nextLimit(plan.count + FIRST_SURPLUS);
    const statement = this.nearestStatements.exact(this.statements, plan, first);
    const result = await this.executor.execute(statement, read);
    const nomination = this.nearestStatements.nomination(plan, result);
    if (nomination.examined < first || nomination.last > nomination.furthest) {
      return nomination.rows;
    }
    return this.executor.atomic(() => this.widened(plan, first), read);
  }

  /** `undefined` where there is no index to follow, or a filter has left too few of its rows. */
  private async nominatedByIndex(
    plan: NearestPlan,
    read: AtomicOptions,
  ): Promise<readonly Row[] | undefined> {
    const { index, nearestStatements } = this;
    const limit = this.indexLimit(plan);
    if (index === undefined || limit === undefined) return undefined;
    const statement = nearestStatements.approximate(this.statements, plan, index, limit);
    const result = await this.executor.execute(statement, read);
    const { rows, examined } = nearestStatements.nomination(plan, result);
    return examined < limit ? undefined : rows;
  }

  /** How many rows the index is to bring; `undefined` where every row is to be looked at. */
  private indexLimit(plan: NearestPlan): number | undefined {
    if (plan.efSearch !== undefined) checkRange("efSearch", plan.efSearch, 1, MOST_EF_SEARCH);
    if (this.index === undefined || plan.exact) return undefined;
    const limit = plan.count + (this.index.half ? HALF_INDEX_SURPLUS : INDEX_SURPLUS);
    return limit <= MOST_EF_SEARCH ? Math.min(nextLimit(limit), MOST_EF_SEARCH) : undefined;
  }

  /** Too many rows are about as near as the last of the best: takes all of them, of one snapshot. */
  private *widened(plan: NearestPlan, first: number): SqlProgram<readonly Row[]> {
    const { nearestStatements, statements } = this;
    const answer = yield nearestStatements.exact(statements, plan, first);
    const { furthest } = nearestStatements.nomination(plan, answer);
    const all = yield nearestStatements.within(statements, plan, furthest);
    return nearestStatements.rows(plan, all);
  }
}

function selectedOf(row: Readonly<Row>, { columns }: NearestPlan): Row {
  const selected: Row = {};
  for (const { name } of columns) {
    if (Object.hasOwn(row, name)) selected[name] = row[name] as Row[string];
  }
  return selected;
}
