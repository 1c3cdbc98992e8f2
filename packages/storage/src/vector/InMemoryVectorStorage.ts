import type { CallOptions } from "@workglow/util";
import type {
  DataPortSchemaObject,
  TypedArray,
  TypedArrayConstructor,
} from "@workglow/util/schema";
import type { Awaitable } from "../base/Awaitable.ts";
import type { RowPatch } from "../tabular/BaseTabularStorage.ts";
import {
  InMemoryTabularStorage,
  type InMemoryTabularStorageOptions,
} from "../tabular/InMemoryTabularStorage.ts";
import type { EntityOf, InsertOf, SimplifyPrimaryKey } from "../tabular/ITabularStorage.ts";
import type { IndexList, Row } from "../tabular/schema/TableSchema.ts";
import type { TabularStorageOptionsInput } from "../tabular/TabularOptions.ts";
import type {
  AllVectorEvents,
  IVectorStorage,
  MetadataOf,
  VectorSearchOptions,
  VectorSearchResult,
} from "./IVectorStorage.ts";
import type { NearestPlan } from "./NearestPlan.ts";
import { NearestRanking } from "./NearestRanking.ts";
import { RowArena } from "./RowArena.ts";
import { VectorSearch } from "./VectorSearch.ts";
import { vectorSchema } from "./vectorSchema.ts";

/**
 * Rows with vectors in this process's memory. Searches read normalised copies of the vectors side
 * by side, made at the first search and kept true by every write; they are exact.
 */
export class InMemoryVectorStorage<
    Schema extends DataPortSchemaObject,
    PrimaryKeyNames extends ReadonlyArray<keyof Schema["properties"]>,
    Metadata extends Record<string, unknown> | undefined = MetadataOf<Schema>,
    Entity = EntityOf<Schema>,
    PrimaryKey = SimplifyPrimaryKey<Entity, PrimaryKeyNames>,
    InsertType = InsertOf<Schema>,
  >
  extends InMemoryTabularStorage<
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

  /**
   * @param dimensions number of components of every vector
   * @param vectorCtor array type of the vectors where the schema says `TypedArray` and no more;
   *   `Float32Array` unless given
   * @throws StorageValidationError for a schema, key, index, dimension or option that cannot be
   */
  public constructor(
    schema: Schema,
    primaryKeyNames: PrimaryKeyNames,
    indexes: IndexList = [],
    dimensions: number,
    vectorCtor?: TypedArrayConstructor,
    options?: TabularStorageOptionsInput<InMemoryTabularStorageOptions>,
  ) {
    super(vectorSchema(schema, dimensions, vectorCtor), primaryKeyNames, indexes, options);
    this.search = new VectorSearch(schema, this.table, dimensions);
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

  protected override checkRow(row: Row | RowPatch): void {
    this.search.checkRow(row);
  }

  private nearest(plan: NearestPlan, o: CallOptions | undefined): Awaitable<Row[]> {
    return this.read<Row[]>(o, () => {
      const ranking = new NearestRanking(this.table, plan);
      const among = plan.where && this.matchingRows(plan.where);
      for (const row of this.arena().nominate(plan.query, plan.count, among)) ranking.add(row);
      return ranking.results().map(({ row, score }) => ({
        ...this.table.copyRow(row, plan.columns),
        score,
      }));
    });
  }

  /** The vectors of all storages that share these rows. */
  private arena(): RowArena {
    const { column, dimensions } = this.search;
    return this.partition.observer(
      JSON.stringify(["vectors", column.name, dimensions]),
      () => new RowArena(column, dimensions),
    );
  }
}
