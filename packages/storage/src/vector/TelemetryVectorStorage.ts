import type { DataPortSchemaObject, TypedArray } from "@workglow/util/schema";
import type { EntityOf, InsertOf, SimplifyPrimaryKey } from "../tabular/ITabularStorage.ts";
import { TelemetryTabularStorage } from "../tabular/TelemetryTabularStorage.ts";
import type {
  AllVectorEvents,
  HybridSearchOptions,
  HybridSearchResult,
  IVectorStorage,
  VectorSearchOptions,
  VectorSearchResult,
} from "./IVectorStorage.ts";

/** A vector storage that makes one OpenTelemetry span of each operation of another. */
export class TelemetryVectorStorage<
    Metadata extends Record<string, unknown> | undefined,
    Schema extends DataPortSchemaObject,
    Entity = EntityOf<Schema>,
    PrimaryKeyNames extends ReadonlyArray<keyof Schema["properties"]> = ReadonlyArray<
      keyof Schema["properties"]
    >,
    PrimaryKey = SimplifyPrimaryKey<Entity, PrimaryKeyNames>,
    InsertType = InsertOf<Schema>,
  >
  extends TelemetryTabularStorage<
    Schema,
    PrimaryKeyNames,
    Entity,
    PrimaryKey,
    InsertType,
    AllVectorEvents<Entity, PrimaryKey>
  >
  implements IVectorStorage<Metadata, Schema, Entity, PrimaryKeyNames, PrimaryKey, InsertType>
{
  declare protected readonly inner: IVectorStorage<
    Metadata,
    Schema,
    Entity,
    PrimaryKeyNames,
    PrimaryKey,
    InsertType
  >;

  /** @param name names the storage in spans */
  public constructor(
    name: string,
    inner: IVectorStorage<Metadata, Schema, Entity, PrimaryKeyNames, PrimaryKey, InsertType>,
  ) {
    super(name, inner);
  }

  /** `undefined` where the inner storage has no such search. */
  public get hybridSearch():
    | ((
        query: TypedArray | PrimaryKey,
        options: HybridSearchOptions<NonNullable<Metadata>, Entity>,
      ) => Promise<HybridSearchResult<Entity>[]>)
    | undefined {
    const search = this.inner.hybridSearch?.bind(this.inner);
    return (
      search && ((query, options) => this.traced("hybridSearch", () => search(query, options)))
    );
  }

  public getVectorDimensions(): number {
    return this.inner.getVectorDimensions();
  }

  public similaritySearch(
    query: TypedArray | PrimaryKey,
    options?: VectorSearchOptions<NonNullable<Metadata>, Entity>,
  ): Promise<VectorSearchResult<Entity>[]> {
    return this.traced("similaritySearch", () => this.inner.similaritySearch(query, options));
  }
}
