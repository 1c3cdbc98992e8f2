import type { CallOptions } from "@workglow/util";
import type { DataPortSchemaObject, TypedArray } from "@workglow/util/schema";
import type {
  EntityOf,
  InsertOf,
  ITabularStorage,
  SearchCriteria,
  SimplifyPrimaryKey,
  TabularEvents,
} from "../tabular/ITabularStorage.ts";

type MetadataName<Schema extends DataPortSchemaObject> = {
  [K in keyof Schema["properties"]]: Schema["properties"][K] extends {
    readonly type: "object";
    readonly format: "metadata";
  }
    ? K
    : never;
}[keyof Schema["properties"]];

/** What a filter names: the fields of the schema's metadata or, where it has none, its columns. */
export type MetadataOf<Schema extends DataPortSchemaObject> = Extract<
  [MetadataName<Schema>] extends [never]
    ? EntityOf<Schema>
    : NonNullable<EntityOf<Schema>[MetadataName<Schema> & keyof EntityOf<Schema>]>,
  Record<string, unknown>
>;

/** Conditions on fields of metadata; an object holds conditions on the fields inside. */
export type MetadataFilter<Metadata> = SearchCriteria<{
  [K in keyof Metadata]: unknown extends Metadata[K]
    ? Metadata[K]
    : NonNullable<Metadata[K]> extends Record<string, unknown>
      ? MetadataFilter<NonNullable<Metadata[K]>>
      : Metadata[K];
}>;

export interface VectorSearchOptions<Metadata, Entity = Record<string, unknown>>
  extends CallOptions {
  /** Most results; 10 unless given. */
  readonly topK?: number;
  /** Leave out this many of the best; 0 unless given. */
  readonly offset?: number;
  /**
   * Conditions on fields of the metadata column or, where the schema has none, on columns. Values
   * compare with values of their own type only; null matches null and absent.
   */
  readonly filter?: MetadataFilter<Metadata>;
  /** Only results of this score or more. */
  readonly scoreThreshold?: number;
  /** Return only these columns, e.g. without the vector. */
  readonly select?: readonly (keyof Entity)[];
  /** Search every row even where an approximate index exists. */
  readonly exact?: boolean;
  /**
   * How many rows an approximate index keeps in view: more finds more of the truly best, in more
   * time. Means nothing to a search that compares every row.
   */
  readonly efSearch?: number;
}

export interface HybridSearchOptions<Metadata, Entity = Record<string, unknown>>
  extends VectorSearchOptions<Metadata, Entity> {
  readonly textQuery: string;
  /** Weight of the vector leg, 0 to 1; 0.7 unless given. */
  readonly vectorWeight?: number;
  readonly fusion?: { readonly k?: number; readonly depth?: number };
}

export type VectorSearchResult<Entity> = Entity & { score: number };
export type HybridSearchResult<Entity> = Entity & {
  score: number;
  vectorScore: number;
  textScore: number;
};

export type VectorEvents<Entity> = {
  similaritySearch: (
    query: TypedArray | Record<string, unknown>,
    results: VectorSearchResult<Entity>[],
  ) => void;
  hybridSearch: (
    query: TypedArray | Record<string, unknown>,
    results: HybridSearchResult<Entity>[],
  ) => void;
};

export type AllVectorEvents<Entity, PrimaryKey> = TabularEvents<Entity, PrimaryKey> &
  VectorEvents<Entity>;

/** Tabular storage whose rows hold a vector each, searchable by similarity. */
export interface IVectorStorage<
  Metadata extends Record<string, unknown> | undefined,
  Schema extends DataPortSchemaObject,
  Entity = EntityOf<Schema>,
  PrimaryKeyNames extends ReadonlyArray<keyof Schema["properties"]> = ReadonlyArray<
    keyof Schema["properties"]
  >,
  PrimaryKey = SimplifyPrimaryKey<Entity, PrimaryKeyNames>,
  InsertType = InsertOf<Schema>,
> extends ITabularStorage<
    Schema,
    PrimaryKeyNames,
    Entity,
    PrimaryKey,
    InsertType,
    AllVectorEvents<Entity, PrimaryKey>
  > {
  /** Number of components of every vector. */
  getVectorDimensions(): number;
  /**
   * Rows by cosine similarity to `query` (a vector of the storage's dimensions, or the key of a
   * stored row), best first, ties by key. `score` is in [-1, 1].
   *
   * @throws StorageValidationError for a wrong dimension, NaN, infinities or the zero vector
   */
  similaritySearch(
    query: TypedArray | PrimaryKey,
    options?: VectorSearchOptions<NonNullable<Metadata>, Entity>,
  ): Promise<VectorSearchResult<Entity>[]>;
  /** Vector and full-text search together, where the backend has it. */
  hybridSearch?(
    query: TypedArray | PrimaryKey,
    options: HybridSearchOptions<NonNullable<Metadata>, Entity>,
  ): Promise<HybridSearchResult<Entity>[]>;
}

/** A vector storage of any schema. */
// biome-ignore lint/suspicious/noExplicitAny: only a type parameter that says "any" takes all types
export type AnyVectorStorage = IVectorStorage<any, any, any, any, any, any>;
