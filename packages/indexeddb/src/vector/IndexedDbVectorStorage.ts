import {
  type AllVectorEvents,
  type EntityOf,
  type IndexList,
  type InsertOf,
  type IVectorStorage,
  type MetadataOf,
  type NearestPlan,
  type Row,
  type RowPatch,
  type SimplifyPrimaryKey,
  type TabularStorageOptionsInput,
  VectorSearch,
  type VectorSearchOptions,
  type VectorSearchResult,
  vectorSchema,
} from "@workglow/storage";
import type { CallOptions } from "@workglow/util";
import type {
  DataPortSchemaObject,
  TypedArray,
  TypedArrayConstructor,
} from "@workglow/util/schema";
import { IndexedDbTabularStorage } from "../tabular/IndexedDbTabularStorage.ts";
import type { IndexedDbTabularStorageOptions } from "../tabular/IndexedDbTabularStorageOptions.ts";
import { NearestSearch } from "./NearestSearch.ts";
import { type CacheShare, sharedVectorCache } from "./sharedVectorCache.ts";
import { vectorStore } from "./vectorRecords.ts";

/** How often a search starts anew because others of its realm went past it. */
const MOST_ATTEMPTS = 3;

/**
 * Rows with vectors in an object store of an IndexedDB database. Searches are exact: they compare
 * normalised copies of the vectors, which lie beside the rows and, once searched, in memory, and
 * score what these nominate by the stored vectors.
 */
export class IndexedDbVectorStorage<
    Schema extends DataPortSchemaObject,
    PrimaryKeyNames extends ReadonlyArray<keyof Schema["properties"]>,
    Metadata extends Record<string, unknown> | undefined = MetadataOf<Schema>,
    Entity = EntityOf<Schema>,
    PrimaryKey = SimplifyPrimaryKey<Entity, PrimaryKeyNames>,
    InsertType = InsertOf<Schema>,
  >
  extends IndexedDbTabularStorage<
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
  private readonly share: CacheShare;

  /**
   * @param table name of the table, and of its database unless `options.database` says another
   * @param indexes column names, or lists of them, by which rows are searched and ordered
   * @param dimensions number of components of every vector
   * @param vectorCtor array type of the vectors where the schema says `TypedArray` and no more;
   *   `Float32Array` unless given
   * @throws StorageValidationError for a schema, name, dimension or option that cannot be
   */
  public constructor(
    table: string,
    schema: Schema,
    primaryKeyNames: PrimaryKeyNames,
    indexes: IndexList = [],
    dimensions: number,
    vectorCtor?: TypedArrayConstructor,
    options?: TabularStorageOptionsInput<IndexedDbTabularStorageOptions>,
  ) {
    super(table, vectorSchema(schema, dimensions, vectorCtor), primaryKeyNames, indexes, options);
    this.search = new VectorSearch(schema, this.table, dimensions);
    const column = this.search.column.name;
    this.access.wantedVectors = { column, dimensions };
    const { database, tenant } = this.access;
    this.share = sharedVectorCache(database, [table, tenant, column], dimensions);
    this.access.logTidying.cache = this.share.cache;
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

  protected override async freeResources(): Promise<void> {
    await super.freeResources();
    this.share.leave();
  }

  private nearest(plan: NearestPlan, o: CallOptions | undefined): Promise<Row[]> {
    // What a transaction has written is in no cache.
    return this.scope === undefined ? this.cachedNearest(plan, o) : this.scannedNearest(plan, o);
  }

  private scannedNearest(plan: NearestPlan, o: CallOptions | undefined): Promise<Row[]> {
    return this.access.read("alone", this.scope, o, (call) =>
      new NearestSearch(this.reading(call, o), plan).scan(),
    );
  }

  private async cachedNearest(plan: NearestPlan, o: CallOptions | undefined): Promise<Row[]> {
    const { cache } = this.share;
    for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
      const found = await this.fillingFirst(() =>
        this.access.read("alone", undefined, o, (call) =>
          new NearestSearch(this.reading(call, o), plan).among(cache, {
            store: call.tx.store(vectorStore(this.name)),
            tenant: this.access.tenant,
            made: this.access.vectorsMade,
          }),
        ),
      );
      this.tidy();
      if (found !== undefined) return found;
    }
    return this.scannedNearest(plan, o);
  }

  /** Searches of an empty cache wait for the first one, so that the log is not read by each. */
  private async fillingFirst<T>(search: () => Promise<T>): Promise<T> {
    const { cache } = this.share;
    while (cache.filling !== undefined) await cache.filling;
    if (!cache.isEmpty) return search();
    const found = search();
    cache.filling = found.then(
      () => undefined,
      () => undefined,
    );
    try {
      return await found;
    } finally {
      cache.filling = undefined;
    }
  }

  /** Makes the log shorter where searches have found that due. */
  private tidy(): void {
    const { cache } = this.share;
    if (cache.isScattered || cache.isWasteful) this.access.logTidying.start(this.search.dimensions);
  }
}
