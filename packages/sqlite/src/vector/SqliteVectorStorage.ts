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
  type TabularStorageOptions,
  type TabularStorageOptionsInput,
  tabularOptions,
  VectorSearch,
  type VectorSearchOptions,
  type VectorSearchResult,
  vectorSchema,
} from "@workglow/storage";
import { type CallOptions, StorageUnsupportedError, StorageValidationError } from "@workglow/util";
import type {
  DataPortSchemaObject,
  TypedArray,
  TypedArrayConstructor,
} from "@workglow/util/schema";
import type { SqliteDatabaseOrPath } from "../SqliteDatabase.ts";
import { SqliteTabularStorage } from "../tabular/SqliteTabularStorage.ts";
import { loadSqliteVec } from "./loadSqliteVec.ts";
import { NearestRows } from "./NearestRows.ts";
import { type Expression, vectorDistance } from "./vectorDistance.ts";

export interface SqliteVectorStorageOptions extends TabularStorageOptions {
  /**
   * Whether the sqlite-vec extension computes distances inside the database, which it can do for
   * vectors of float32 and, with queries of int8, of int8. All others are read into JavaScript, as
   * all are where it cannot be loaded: the same results in some five times the time. `"auto"` loads
   * it where it is installed, `"required"` makes it an error where it cannot be loaded, `"off"` does
   * without. `"auto"` unless given.
   */
  readonly sqliteVec?: "auto" | "required" | "off";
}

/**
 * Rows with vectors in a table of a SQLite database; a vector is a BLOB in its row. Searches are
 * exact: the database nominates, and scores come from the stored vectors.
 */
export class SqliteVectorStorage<
    Schema extends DataPortSchemaObject,
    PrimaryKeyNames extends ReadonlyArray<keyof Schema["properties"]>,
    Metadata extends Record<string, unknown> | undefined = MetadataOf<Schema>,
    Entity = EntityOf<Schema>,
    PrimaryKey = SimplifyPrimaryKey<Entity, PrimaryKeyNames>,
    InsertType = InsertOf<Schema>,
  >
  extends SqliteTabularStorage<
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
  private readonly nearestRows: NearestRows;
  private readonly sqliteVec: "auto" | "required" | "off";

  /**
   * @param dbOrPath a database of better-sqlite3, node:sqlite (opened with `allowExtension`, for
   *   sqlite-vec) or bun:sqlite, which its owner closes, or a path
   * @param table name of the table
   * @param dimensions number of components of every vector
   * @param vectorCtor array type of the vectors where the schema says `TypedArray` and no more;
   *   `Float32Array` unless given
   * @throws StorageValidationError for a schema, name, dimension or option that cannot be
   */
  public constructor(
    dbOrPath: SqliteDatabaseOrPath,
    table: string,
    schema: Schema,
    primaryKeyNames: PrimaryKeyNames,
    indexes: IndexList = [],
    dimensions: number,
    vectorCtor?: TypedArrayConstructor,
    optionsInput?: TabularStorageOptionsInput<SqliteVectorStorageOptions>,
  ) {
    const sqliteVec = checkedSqliteVec(optionsInput);
    const typed = vectorSchema(schema, dimensions, vectorCtor);
    super(dbOrPath, table, typed, primaryKeyNames, indexes, optionsInput);
    this.search = new VectorSearch(typed, this.table, dimensions);
    this.nearestRows = new NearestRows(this.sqlTable, this.statements);
    this.sqliteVec = sqliteVec;
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

  private nearest(plan: NearestPlan, o: CallOptions | undefined): Promise<Row[]> {
    const distance = this.distance(plan);
    return this.executor.atomic(() => this.nearestRows.find(plan, distance), {
      ...o,
      mode: "read",
    });
  }

  private distance(plan: NearestPlan): Expression | undefined {
    const distance = vectorDistance(this.sqlTable.column(plan.column).quoted, plan);
    if (distance === undefined || this.sqliteVec === "off") return undefined;
    const { loaded, failure } = loadSqliteVec(this.executor.database);
    if (loaded) return distance;
    if (this.sqliteVec === "auto") return undefined;
    throw new StorageUnsupportedError("sqlite-vec", "this database", { cause: failure });
  }
}

function checkedSqliteVec(
  options: TabularStorageOptionsInput<SqliteVectorStorageOptions> | undefined,
): "auto" | "required" | "off" {
  const { sqliteVec = "auto" } = tabularOptions(options);
  if (sqliteVec === "auto" || sqliteVec === "required" || sqliteVec === "off") return sqliteVec;
  throw new StorageValidationError('sqliteVec is "auto", "required" or "off"');
}
