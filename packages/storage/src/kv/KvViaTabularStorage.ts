import type { CallOptions } from "@workglow/util";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import type { StorageCapabilities } from "../base/StorageCapabilities.ts";
import type {
  AnyTabularStorage,
  ITabularStorage,
  SearchCriteria,
} from "../tabular/ITabularStorage.ts";
import type { Transaction } from "../transaction/Transaction.ts";
import {
  BaseKvStorage,
  type KvCondition,
  type KvEntry,
  type KvValue,
  type KvWalk,
} from "./BaseKvStorage.ts";
import { isSameValue } from "./isSameValue.ts";
import { kvColumns } from "./keyValueSchema.ts";
import { walkConditions } from "./walkConditions.ts";

type KvRow = Record<string, KvValue>;

/** The table below, seen as rows of columns by name. */
type KvTable = ITabularStorage<DataPortSchemaObject, readonly string[], KvRow, KvRow, KvRow>;

/**
 * Key-value storage on any tabular storage whose schema is `DefaultKeyValueSchema` or made by
 * `keyValueSchema()`. The tabular storage belongs to it: it is destroyed with it.
 */
export class KvViaTabularStorage<
  Key extends string | number = string,
  // biome-ignore lint/suspicious/noExplicitAny: the default of the published interface
  Value = any,
  Combined = { key: Key; value: Value },
> extends BaseKvStorage<Key, Value, Combined> {
  public readonly capabilities: StorageCapabilities;
  protected readonly tabular: KvTable;

  /** @throws StorageValidationError for a schema that is none of keys and values */
  public constructor(tabular: AnyTabularStorage) {
    super(tabular.name, kvColumns(tabular.schema, tabular.primaryKeyNames));
    this.tabular = tabular;
    // There are no changes to subscribe to, whatever the table can do.
    this.capabilities = { ...tabular.capabilities, changes: "none" };
  }

  /** @throws StorageTransactionError when `tx` belongs to another database or has ended */
  public override with(tx: Transaction): this {
    try {
      return Object.create(this, {
        scope: { value: tx },
        tabular: { value: this.tabular.with(tx) },
      }) as this;
    } catch (error) {
      throw this.located(error, "with");
    }
  }

  /** The table's own frame tells calls past a transaction's handle. */
  protected databaseIdentity(): object {
    return this.tabular;
  }

  protected override async freeResources(): Promise<void> {
    await this.tabular[Symbol.asyncDispose]();
  }

  // ——— driver methods

  protected _setup(o: CallOptions | undefined): Promise<void> {
    return this.tabular.setupDatabase(o);
  }

  protected async _put(
    entries: readonly KvEntry<Key>[],
    o: CallOptions | undefined,
  ): Promise<void> {
    const [first] = entries;
    if (entries.length === 1) await this.tabular.put(this.row(first as KvEntry<Key>), o);
    else
      await this.tabular.putBulk(
        entries.map((entry) => this.row(entry)),
        o,
      );
  }

  protected async _putIf(
    entry: KvEntry<Key>,
    condition: KvCondition,
    o: CallOptions | undefined,
  ): Promise<boolean> {
    const row = this.row(entry);
    if ("ifAbsent" in condition) {
      return (await this.tabular.insert(row, { ...o, onConflict: "ignore" })) !== undefined;
    }
    // Databases cannot compare JSON as values; inside the transaction nobody comes in between.
    return this.tabular.transaction(async (tx) => {
      const held = await tx.get(this.keyRow(entry.key), o);
      if (held === undefined || !isSameValue(this.valueIn(held), condition.expect)) return false;
      await tx.put(row, o);
      return true;
    }, o);
  }

  protected async _get(key: Key, o: CallOptions | undefined): Promise<KvValue | undefined> {
    const row = await this.tabular.get(this.keyRow(key), o);
    return row && this.valueIn(row);
  }

  protected async _getMany(
    keys: readonly Key[],
    o: CallOptions | undefined,
  ): Promise<readonly KvEntry<Key>[]> {
    const rows = await this.tabular.getMany(
      keys.map((key) => this.keyRow(key)),
      o,
    );
    return rows.map((row) => this.entry(row));
  }

  protected async _has(key: Key, o: CallOptions | undefined): Promise<boolean> {
    return (await this.tabular.count(this.keyRow(key), o)) > 0;
  }

  protected async _delete(
    keys: readonly Key[],
    o: CallOptions | undefined,
  ): Promise<readonly Key[]> {
    const criteria = this.whereKey({ operator: "in", value: keys });
    if (!this.events.hasListeners("delete")) {
      const [key] = keys;
      if (keys.length === 1) await this.tabular.delete(this.keyRow(key as Key), o);
      else await this.tabular.deleteSearch(criteria, o);
      return [];
    }
    // Somebody wants to hear which keys were there.
    return this.atomically(async (tabular) => {
      const rows = await tabular.getMany(
        keys.map((key) => this.keyRow(key)),
        o,
      );
      if (rows.length > 0) await tabular.deleteSearch(criteria, o);
      return rows.map((row) => this.keyIn(row));
    }, o);
  }

  protected async _getAll(o: CallOptions | undefined): Promise<readonly KvEntry<Key>[]> {
    return ((await this.tabular.getAll(o)) ?? []).map((row) => this.entry(row));
  }

  protected _deleteAll(o: CallOptions | undefined): Promise<void> {
    return this.tabular.deleteAll(o);
  }

  protected _size(o: CallOptions | undefined): Promise<number> {
    return this.tabular.size(o);
  }

  protected async _walk(
    walk: KvWalk<Key>,
    values: boolean,
    o: CallOptions | undefined,
  ): Promise<readonly KvEntry<Key>[]> {
    const { name } = this.columns.key;
    const conditions = walkConditions(walk);
    const { items } = await this.tabular.getPage({
      ...o,
      ...(conditions.length > 0 && { criteria: this.whereKey(conditions) }),
      ...(!values && { select: [name] }),
      orderBy: [{ column: name, direction: walk.range.reverse ? "DESC" : "ASC" }],
      limit: walk.limit,
    });
    return items.map((row) => (values ? this.entry(row) : { key: this.keyIn(row), value: null }));
  }

  // ——— helpers

  /** The table checks and copies what it is given; only listeners need a copy of our own. */
  protected override passedValue(value: unknown): KvValue {
    if (value === undefined || this.events.hasListeners("put")) return this.checkedValue(value);
    return value as KvValue;
  }

  private atomically<T>(
    fn: (tabular: KvTable) => Promise<T>,
    o: CallOptions | undefined,
  ): Promise<T> {
    return this.capabilities.transactions ? this.tabular.transaction(fn, o) : fn(this.tabular);
  }

  private whereKey(condition: unknown): SearchCriteria<KvRow> {
    return { [this.columns.key.name]: condition } as SearchCriteria<KvRow>;
  }

  private keyRow(key: Key): KvRow {
    return { [this.columns.key.name]: key };
  }

  private row({ key, value }: KvEntry<Key>): KvRow {
    const { key: keyColumn, value: valueColumn, bytes } = this.columns;
    const column = bytes !== undefined && value instanceof Uint8Array ? bytes : valueColumn;
    return { [keyColumn.name]: key, [column.name]: value };
  }

  private keyIn(row: KvRow): Key {
    return row[this.columns.key.name] as Key;
  }

  private valueIn(row: KvRow): KvValue {
    const { value, bytes } = this.columns;
    const held = bytes === undefined ? undefined : row[bytes.name];
    return held ?? row[value.name] ?? null;
  }

  private entry(row: KvRow): KvEntry<Key> {
    return { key: this.keyIn(row), value: this.valueIn(row) };
  }
}
