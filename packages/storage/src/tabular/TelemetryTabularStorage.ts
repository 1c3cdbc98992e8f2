import type { CallOptions } from "@workglow/util";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import type { StorageCapabilities } from "../base/StorageCapabilities.ts";
import { TracedStorage } from "../telemetry/TracedStorage.ts";
import type {
  DeleteSearchCriteria,
  EntityOf,
  InsertOf,
  InsertOptions,
  ITabularStorage,
  Page,
  PageOptions,
  QueryOptions,
  SearchCriteria,
  SimplifyPrimaryKey,
  TabularChangePayload,
  TabularEvents,
  TabularSubscribeOptions,
  Unsubscribe,
  UpdateOptions,
} from "./ITabularStorage.ts";

/**
 * A tabular storage, described by members in which type parameters stand alone. The compiler then
 * finds them for `new TelemetryTabularStorage(name, new InMemoryTabularStorage(…))` as well, where
 * the whole interface would lead it astray: it would read `Entity | undefined` as a hint for the
 * inner storage while `Entity` is not known yet.
 */
interface TabularOf<Schema, PrimaryKeyNames, Entity, PrimaryKey, InsertType> {
  readonly schema: Schema;
  readonly primaryKeyNames: PrimaryKeyNames;
  readonly capabilities: StorageCapabilities;
  put(value: InsertType): Promise<Entity>;
  getMany(keys: readonly PrimaryKey[]): Promise<Entity[]>;
  deleteAll(): Promise<void>;
  subscribeToChanges(callback: () => void, options?: TabularSubscribeOptions): Unsubscribe;
}

/** A tabular storage that makes one OpenTelemetry span of each operation of another. */
export class TelemetryTabularStorage<
    Schema extends DataPortSchemaObject,
    PrimaryKeyNames extends ReadonlyArray<keyof Schema["properties"]>,
    Entity = EntityOf<Schema>,
    PrimaryKey = SimplifyPrimaryKey<Entity, PrimaryKeyNames>,
    InsertType = InsertOf<Schema>,
    Events extends TabularEvents<Entity, PrimaryKey> = TabularEvents<Entity, PrimaryKey>,
  >
  extends TracedStorage<
    Events,
    ITabularStorage<Schema, PrimaryKeyNames, Entity, PrimaryKey, InsertType, Events>
  >
  implements ITabularStorage<Schema, PrimaryKeyNames, Entity, PrimaryKey, InsertType, Events>
{
  /** @param name names the storage in spans */
  public constructor(
    name: string,
    inner: TabularOf<Schema, PrimaryKeyNames, Entity, PrimaryKey, InsertType>,
  ) {
    super(
      name,
      inner as ITabularStorage<Schema, PrimaryKeyNames, Entity, PrimaryKey, InsertType, Events>,
    );
  }

  public get schema(): Schema {
    return this.inner.schema;
  }

  public get primaryKeyNames(): PrimaryKeyNames {
    return this.inner.primaryKeyNames;
  }

  public put(value: InsertType, options?: CallOptions): Promise<Entity> {
    return this.traced("put", () => this.inner.put(value, options));
  }

  public putBulk(values: readonly InsertType[], options?: CallOptions): Promise<Entity[]> {
    return this.traced("putBulk", () => this.inner.putBulk(values, options), values?.length);
  }

  public insert(value: InsertType, options?: InsertOptions): Promise<Entity | undefined> {
    return this.traced("insert", () => this.inner.insert(value, options));
  }

  public update(
    key: PrimaryKey,
    patch: Partial<Entity>,
    options?: UpdateOptions<Entity>,
  ): Promise<Entity | undefined> {
    return this.traced("update", () => this.inner.update(key, patch, options));
  }

  public get(key: PrimaryKey, options?: CallOptions): Promise<Entity | undefined> {
    return this.traced("get", () => this.inner.get(key, options));
  }

  public getMany(keys: readonly PrimaryKey[], options?: CallOptions): Promise<Entity[]> {
    return this.traced("getMany", () => this.inner.getMany(keys, options), keys?.length);
  }

  public delete(key: PrimaryKey | Entity, options?: CallOptions): Promise<void> {
    return this.traced("delete", () => this.inner.delete(key, options));
  }

  public deleteSearch(
    criteria: DeleteSearchCriteria<Entity>,
    options?: CallOptions,
  ): Promise<void> {
    return this.traced("deleteSearch", () => this.inner.deleteSearch(criteria, options));
  }

  public deleteAll(options?: CallOptions): Promise<void> {
    return this.traced("deleteAll", () => this.inner.deleteAll(options));
  }

  public getAll(options?: QueryOptions<Entity>): Promise<Entity[] | undefined> {
    return this.traced("getAll", () => this.inner.getAll(options));
  }

  public query(
    criteria: SearchCriteria<Entity>,
    options?: QueryOptions<Entity>,
  ): Promise<Entity[] | undefined> {
    return this.traced("query", () => this.inner.query(criteria, options));
  }

  public count(criteria?: SearchCriteria<Entity>, options?: CallOptions): Promise<number> {
    return this.traced("count", () => this.inner.count(criteria, options));
  }

  public size(options?: CallOptions): Promise<number> {
    return this.traced("size", () => this.inner.size(options));
  }

  public getBulk(
    offset: number,
    limit: number,
    options?: CallOptions,
  ): Promise<Entity[] | undefined> {
    return this.traced("getBulk", () => this.inner.getBulk(offset, limit, options));
  }

  public getPage(options?: PageOptions<Entity>): Promise<Page<Entity>> {
    return this.traced("getPage", () => this.inner.getPage(options));
  }

  public records(pageSize?: number, options?: CallOptions): AsyncGenerator<Entity> {
    return this.tracedIteration("records", () => this.inner.records(pageSize, options));
  }

  public pages(pageSize?: number, options?: CallOptions): AsyncGenerator<Entity[]> {
    return this.tracedIteration("pages", () => this.inner.pages(pageSize, options));
  }

  public transaction<T>(fn: (tx: this) => Promise<T>, options?: CallOptions): Promise<T> {
    // What is no function goes through as it is, for the inner storage to refuse.
    const run = typeof fn === "function" ? (tx: typeof this.inner) => fn(this.around(tx)) : fn;
    return this.traced("transaction", () => this.inner.transaction(run, options));
  }

  /** The span is of the set-up; changes are delivered outside of it. */
  public subscribeToChanges(
    callback: (change: TabularChangePayload<Entity>) => void | Promise<void>,
    options?: TabularSubscribeOptions,
  ): Unsubscribe {
    const operation = "subscribeToChanges";
    let unsubscribe: Unsubscribe;
    try {
      unsubscribe = this.inner.subscribeToChanges(callback, options);
    } catch (error) {
      this.traced(operation, () => Promise.reject(error)).catch(() => undefined);
      throw error;
    }
    const ready = this.traced(operation, () => unsubscribe.ready);
    ready.catch(() => undefined);
    return Object.assign(() => unsubscribe(), { ready });
  }
}
