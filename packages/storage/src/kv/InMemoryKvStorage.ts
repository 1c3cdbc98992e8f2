import type { CallOptions } from "@workglow/util";
import type { DataPortSchema } from "@workglow/util/schema";
import type { Awaitable } from "../base/Awaitable.ts";
import { compilePrefixes, type PrefixOptions } from "../base/prefixes.ts";
import type { StorageCapabilities } from "../base/StorageCapabilities.ts";
import { MemoryDatabase } from "../memory/MemoryDatabase.ts";
import { compileCriteria } from "../tabular/Predicate.ts";
import { intervalsOf } from "../tabular/paths/intervals.ts";
import { copyCanonical } from "../tabular/schema/canonicalValue.ts";
import {
  BaseKvStorage,
  type KvCondition,
  type KvEntry,
  type KvValue,
  type KvWalk,
} from "./BaseKvStorage.ts";
import { isSameValue } from "./isSameValue.ts";
import { DefaultKeyValueKey, keyValueSchema, kvColumns } from "./keyValueSchema.ts";
import { MemoryMap } from "./memory/MemoryMap.ts";
import { walkConditions } from "./walkConditions.ts";

export interface InMemoryKvStorageOptions extends PrefixOptions {
  /** What this storage shares transactions with, and entries with those of the same `table`. */
  readonly database?: MemoryDatabase;
  /** Under which name entries are shared within `database`; without one nobody else sees them. */
  readonly table?: string;
}

/** Keys and values in this process's memory. */
export class InMemoryKvStorage<
  Key extends string | number = string,
  // biome-ignore lint/suspicious/noExplicitAny: the default of the published interface
  Value = any,
  Combined = { key: Key; value: Value },
> extends BaseKvStorage<Key, Value, Combined> {
  public readonly capabilities: StorageCapabilities = {
    backend: "memory",
    persistent: false,
    multiProcess: false,
    transactions: true,
    readsWait: true,
    changes: "none",
    writable: true,
    cancellation: "between-statements",
    schemaSql: false,
  };

  private readonly database: MemoryDatabase;
  private readonly map: MemoryMap<Key>;

  /**
   * @param keySchema the type of keys, texts unless given
   * @param valueSchema the type of values, any JSON or bytes unless given
   * @throws StorageValidationError for a schema or an option that cannot be
   */
  public constructor(
    keySchema?: DataPortSchema,
    valueSchema?: DataPortSchema,
    options: InMemoryKvStorageOptions = {},
  ) {
    const columns = kvColumns(keyValueSchema(keySchema, valueSchema), DefaultKeyValueKey);
    super(options.table ?? "memory", columns);
    this.database = options.database ?? new MemoryDatabase();
    const prefixes = compilePrefixes(options, (name) => columns.table.has(name));
    const tenants =
      options.table === undefined
        ? new Map<string, MemoryMap<Key>>()
        : this.database.table("kv", options.table, () => new Map<string, MemoryMap<Key>>());
    const tenant = JSON.stringify(prefixes.map(({ value }) => value));
    this.map = tenants.get(tenant) ?? new MemoryMap<Key>();
    tenants.set(tenant, this.map);
  }

  protected databaseIdentity(): object {
    return this.database;
  }

  // ——— driver methods

  protected _setup(): void {}

  protected _put(entries: readonly KvEntry<Key>[], o: CallOptions | undefined): Awaitable<void> {
    return this.database.run(this.scope, o, (transaction) => {
      for (const { key, value } of entries) this.map.set(key, value, transaction);
    });
  }

  protected _putIf(
    { key, value }: KvEntry<Key>,
    condition: KvCondition,
    o: CallOptions | undefined,
  ): Awaitable<boolean> {
    return this.database.run(this.scope, o, (transaction) => {
      const held = this.map.get(key);
      const holds =
        "ifAbsent" in condition
          ? held === undefined
          : held !== undefined && isSameValue(held, condition.expect);
      if (holds) this.map.set(key, value, transaction);
      return holds;
    });
  }

  protected _get(key: Key, o: CallOptions | undefined): Awaitable<KvValue | undefined> {
    return this.read(o, () => this.copyOf(key));
  }

  protected _getMany(
    keys: readonly Key[],
    o: CallOptions | undefined,
  ): Awaitable<readonly KvEntry<Key>[]> {
    return this.read(o, () =>
      keys.filter((key) => this.map.has(key)).map((key) => this.entry(key, true)),
    );
  }

  protected _has(key: Key, o: CallOptions | undefined): Awaitable<boolean> {
    return this.read(o, () => this.map.has(key));
  }

  protected _delete(keys: readonly Key[], o: CallOptions | undefined): Awaitable<readonly Key[]> {
    return this.database.run(this.scope, o, (transaction) => {
      const held = keys.filter((key) => this.map.has(key));
      for (const key of held) this.map.set(key, undefined, transaction);
      return held;
    });
  }

  protected _getAll(o: CallOptions | undefined): Awaitable<readonly KvEntry<Key>[]> {
    return this._walk({ range: {}, after: undefined, limit: Number.POSITIVE_INFINITY }, true, o);
  }

  protected _deleteAll(o: CallOptions | undefined): Awaitable<void> {
    return this.database.run(this.scope, o, (transaction) => this.map.clear(transaction));
  }

  protected _size(o: CallOptions | undefined): Awaitable<number> {
    return this.read(o, () => this.map.size);
  }

  protected _walk(
    walk: KvWalk<Key>,
    values: boolean,
    o: CallOptions | undefined,
  ): Awaitable<readonly KvEntry<Key>[]> {
    return this.read(o, () => {
      const { key, table } = this.columns;
      const conditions = walkConditions(walk);
      const where = compileCriteria(
        table,
        conditions.length === 0 ? {} : { [key.name]: conditions },
      );
      const entries: KvEntry<Key>[] = [];
      for (const interval of intervalsOf(where, key) ?? [EVERY_KEY]) {
        this.map.ordered.walk(interval, walk.range.reverse === true, (found) => {
          entries.push(this.entry(found, values));
          return entries.length < walk.limit;
        });
      }
      return entries;
    });
  }

  // ——— helpers

  private read<T>(o: CallOptions | undefined, work: () => T): Awaitable<T> {
    return this.database.run(this.scope, o, work);
  }

  private entry(key: Key, values: boolean): KvEntry<Key> {
    return { key, value: values ? (this.copyOf(key) as KvValue) : null };
  }

  private copyOf(key: Key): KvValue | undefined {
    const value = this.map.get(key);
    return typeof value === "object" && value !== null ? copyCanonical(value) : value;
  }
}

const EVERY_KEY = { from: { value: null, after: true }, to: undefined };
