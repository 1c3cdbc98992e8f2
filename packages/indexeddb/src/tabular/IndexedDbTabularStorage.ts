import {
  type Awaitable,
  BaseTabularStorage,
  checkMigrations,
  type EntityOf,
  type IndexList,
  type InsertOf,
  type Predicate,
  type Row,
  type RowChange,
  type RowPatch,
  type SelectPlan,
  type SimplifyPrimaryKey,
  type StorageCapabilities,
  type TabularEvents,
  type TabularStorageOptionsInput,
  type TabularSubscribeOptions,
  type Transaction,
  tabularOptions,
  type Unsubscribe,
} from "@workglow/storage";
import { type CallOptions, StorageTransactionError } from "@workglow/util";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import type { PrefixValues, StoredChange } from "../changes/TableChanges.ts";
import { IndexedDbDatabase } from "../connection/IndexedDbDatabase.ts";
import type { CallKind } from "../connection/StoreCalls.ts";
import { indexedDbCapabilities } from "../indexedDbCapabilities.ts";
import { classifyIndexedDbError } from "../indexedDbErrors.ts";
import type { StoredRecord } from "../records/RecordCodec.ts";
import { countRows } from "../select/countRows.ts";
import { selectRows } from "../select/selectRows.ts";
import type { ReadStatistics, TableRead } from "../select/TableRead.ts";
import {
  checkIndexedDbOptions,
  type IndexedDbTabularStorageOptions,
} from "./IndexedDbTabularStorageOptions.ts";
import { RowWrites } from "./RowWrites.ts";
import { setUpTable } from "./setUpTable.ts";
import { checkTableName } from "./sideStore.ts";
import { TableAccess, type TableCall } from "./TableAccess.ts";

/** Tabular storage in an object store of an IndexedDB database. */
export class IndexedDbTabularStorage<
  Schema extends DataPortSchemaObject,
  PrimaryKeyNames extends ReadonlyArray<keyof Schema["properties"]>,
  Entity = EntityOf<Schema>,
  PrimaryKey = SimplifyPrimaryKey<Entity, PrimaryKeyNames>,
  InsertType = InsertOf<Schema>,
  Events extends TabularEvents<Entity, PrimaryKey> = TabularEvents<Entity, PrimaryKey>,
> extends BaseTabularStorage<Schema, PrimaryKeyNames, Entity, PrimaryKey, InsertType, Events> {
  public readonly capabilities: StorageCapabilities = indexedDbCapabilities;
  /** @internal What this instance's reads have cost, for tests. */
  public readonly statistics: ReadStatistics = { rowsRead: 0, keysRead: 0 };
  protected readonly access: TableAccess;
  private readonly options: IndexedDbTabularStorageOptions;
  private readonly prefixValues: PrefixValues | undefined;
  private readonly writes: RowWrites;
  /** How a call that stores one row takes part in its transaction. */
  private readonly storing: CallKind = (tx) => {
    if (this.writes.waitsForCounter(tx)) return "turn";
    const mayBeRefused = this.access.hasUniqueIndex || this.writes.numbersRows;
    return mayBeRefused || this.access.isLogged(tx) ? "prompt" : "sure";
  };
  private readonly leave: () => Promise<void>;

  /**
   * @param table name of the table
   * @param indexes column names, or lists of them, by which rows are searched and ordered
   * @throws StorageValidationError for a schema, name or option that cannot be
   */
  public constructor(
    table: string,
    schema: Schema,
    primaryKeyNames: PrimaryKeyNames,
    indexes: IndexList = [],
    optionsInput?: TabularStorageOptionsInput<IndexedDbTabularStorageOptions>,
  ) {
    const options = tabularOptions<IndexedDbTabularStorageOptions>(optionsInput);
    super(table, schema, primaryKeyNames, indexes, options);
    checkTableName(table);
    checkIndexedDbOptions(options);
    const database = IndexedDbDatabase.named(options.database ?? table);
    const migrations = checkMigrations(options.migrations, this.table);
    const shape = {
      schema: this.table,
      prefixes: this.prefixes,
      indexes: this.table.indexes,
      version: migrations.at(-1)?.version ?? 0,
    };
    this.options = options;
    this.prefixValues =
      this.prefixes.length === 0 ? undefined : this.prefixes.map(({ value }) => value);
    this.writes = new RowWrites(table, this.table, this.prefixValues);
    this.access = new TableAccess(database, table, shape, migrations);
    this.leave = database.retain();
  }

  protected override databaseIdentity(): object {
    return this.access.database;
  }

  protected override classifyError(error: unknown): unknown {
    return classifyIndexedDbError(error);
  }

  protected override async freeResources(): Promise<void> {
    await this.access.logTidying.end();
    await super.freeResources();
    await this.leave();
  }

  // ——— driver methods

  protected override async _setup(_o: CallOptions | undefined): Promise<void> {
    if (this.scope !== undefined) {
      throw new StorageTransactionError("a table cannot be set up inside a transaction");
    }
    await setUpTable(this.access, this.options);
  }

  protected override _put(rows: readonly Row[], o: CallOptions | undefined): Awaitable<Row[]> {
    const [row] = rows as readonly [Row];
    return rows.length > 1
      ? this.access.write("alone", this.scope, o, (call) => this.writes.putAll(call, rows))
      : this.access.write(this.storing, this.scope, o, async (call) => [
          await this.writes.put(call, row),
        ]);
  }

  protected override _insert(
    row: Row,
    ignoreConflict: boolean,
    o: CallOptions | undefined,
  ): Awaitable<Row | undefined> {
    const kind: CallKind = (tx) => (this.writes.waitsForCounter(tx) ? "turn" : "prompt");
    return this.access.write(kind, this.scope, o, (call) =>
      this.writes.insert(call, row, ignoreConflict),
    );
  }

  protected override _update(
    key: Row,
    patch: RowPatch,
    expected: Predicate | undefined,
    o: CallOptions | undefined,
  ): Awaitable<Row | undefined> {
    return this.access.write("turn", this.scope, o, (call) =>
      this.writes.update(call, key, patch, expected),
    );
  }

  protected override _get(key: Row, o: CallOptions | undefined): Awaitable<Row | undefined> {
    return this.access.read("prompt", this.scope, o, async ({ tx, codec }) =>
      this.visited(await tx.get<StoredRecord>(this.name, codec.keyOf(key))),
    );
  }

  protected override _getMany(keys: readonly Row[], o: CallOptions | undefined): Awaitable<Row[]> {
    return this.access.read("prompt", this.scope, o, async ({ tx, codec }) => {
      const records = await Promise.all(
        keys.map((key) => tx.get<StoredRecord>(this.name, codec.keyOf(key))),
      );
      return records.map((record) => this.visited(record)).filter((row) => row !== undefined);
    });
  }

  protected override _delete(key: Row, o: CallOptions | undefined): Awaitable<boolean> {
    const kind: CallKind = (tx) => (this.access.isLogged(tx) ? "prompt" : "sure");
    return this.access.write(kind, this.scope, o, (call) => this.writes.delete(call, key));
  }

  protected override _deleteWhere(
    where: Predicate | undefined,
    returnKeys: boolean,
    o: CallOptions | undefined,
  ): Awaitable<readonly Row[]> {
    return this.access.write("alone", this.scope, o, (call) =>
      this.writes.deleteWhere(call, this.reading(call, o), where, returnKeys),
    );
  }

  protected override _select(plan: SelectPlan, o: CallOptions | undefined): Awaitable<Row[]> {
    return this.access.read("alone", this.scope, o, (call) =>
      selectRows(this.reading(call, o), plan),
    );
  }

  protected override _count(
    where: Predicate | undefined,
    o: CallOptions | undefined,
  ): Awaitable<number> {
    return this.access.read("alone", this.scope, o, (call) =>
      countRows(this.reading(call, o), where),
    );
  }

  protected override _transaction<T>(
    fn: (tx: Transaction) => Promise<T>,
    o: CallOptions | undefined,
  ): Promise<T> {
    return this.access.database.transaction(this.scope, fn, o);
  }

  protected override _subscribe(
    callback: (change: RowChange) => void | Promise<void>,
    options: TabularSubscribeOptions,
  ): Unsubscribe {
    const { useBroadcastChannel, backupPollingIntervalMs } = this.options;
    return this.access.changes.subscribe<Row>(
      { accepts: (change) => this.isOurs(change), decode: (row) => row as Row },
      callback,
      { ...options, useBroadcastChannel, backupPollingIntervalMs },
    );
  }

  // ——— for storages that build on this one

  protected reading({ rows, codec }: TableCall, o: CallOptions | undefined): TableRead {
    return { store: rows, codec, statistics: this.statistics, signal: o?.signal };
  }

  // ——— helpers

  private isOurs({ p }: StoredChange): boolean {
    const { prefixValues } = this;
    return prefixValues === undefined || prefixValues.every((value, at) => p?.[at] === value);
  }

  private visited(record: StoredRecord | undefined): Row | undefined {
    if (record !== undefined) this.statistics.rowsRead++;
    return record?.v;
  }
}
