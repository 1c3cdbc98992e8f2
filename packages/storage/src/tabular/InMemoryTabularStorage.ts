import type { CallOptions } from "@workglow/util";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import type { Awaitable } from "../base/Awaitable.ts";
import { LIVE } from "../base/BaseStorage.ts";
import type { StorageCapabilities } from "../base/StorageCapabilities.ts";
import type { LoggedChange } from "../changes/BoundedChangeLog.ts";
import { ChangeDelivery } from "../changes/ChangeDelivery.ts";
import { MemoryDatabase } from "../memory/MemoryDatabase.ts";
import type { WriteUnit } from "../memory/WriteUnit.ts";
import { checkMigrations } from "../migrations/checkMigrations.ts";
import type { Migration } from "../migrations/Migration.ts";
import type { Transaction } from "../transaction/Transaction.ts";
import { BaseTabularStorage, type RowChange, type RowPatch } from "./BaseTabularStorage.ts";
import { evaluatePredicate } from "./evaluatePredicate.ts";
import type {
  EntityOf,
  InsertOf,
  SimplifyPrimaryKey,
  TabularEvents,
  TabularSubscribeOptions,
  Unsubscribe,
} from "./ITabularStorage.ts";
import type { MemoryPartition } from "./memory/MemoryPartition.ts";
import { type MemoryRowChange, MemoryTable } from "./memory/MemoryTable.ts";
import { countRows, type ReadStatistics, selectRows } from "./memory/selectRows.ts";
import { setUpMemoryTable } from "./memory/setUpMemoryTable.ts";
import type { Predicate } from "./Predicate.ts";
import { inSchemaOrder, patchedRow } from "./patchedRow.ts";
import { completeOrder, type SelectPlan } from "./SelectPlan.ts";
import { cell, type IndexList, type Row } from "./schema/TableSchema.ts";
import { assertShape } from "./shape/planSetUp.ts";
import type { WantedShape } from "./shape/TableShape.ts";
import {
  type TabularStorageOptions,
  type TabularStorageOptionsInput,
  tabularOptions,
} from "./TabularOptions.ts";

export interface InMemoryTabularStorageOptions extends TabularStorageOptions {
  /** What this storage shares transactions with, and rows with those of the same `table`. */
  readonly database?: MemoryDatabase;
  /** Under which name rows are shared within `database`; without one nobody else sees them. */
  readonly table?: string;
}

/** Rows in this process's memory, found through B+ trees and hash maps. */
export class InMemoryTabularStorage<
  Schema extends DataPortSchemaObject,
  PrimaryKeyNames extends ReadonlyArray<keyof Schema["properties"]>,
  Entity = EntityOf<Schema>,
  PrimaryKey = SimplifyPrimaryKey<Entity, PrimaryKeyNames>,
  InsertType = InsertOf<Schema>,
  Events extends TabularEvents<Entity, PrimaryKey> = TabularEvents<Entity, PrimaryKey>,
> extends BaseTabularStorage<Schema, PrimaryKeyNames, Entity, PrimaryKey, InsertType, Events> {
  public readonly capabilities: StorageCapabilities = {
    backend: "memory",
    persistent: false,
    multiProcess: false,
    transactions: true,
    readsWait: true,
    changes: "this-process",
    writable: true,
    cancellation: "between-statements",
    schemaSql: false,
  };

  /** @internal What this instance's reads have cost, for tests. */
  public readonly statistics: ReadStatistics = { rowsVisited: 0 };
  protected readonly database: MemoryDatabase;
  protected readonly partition: MemoryPartition;
  private readonly memory: MemoryTable;
  private readonly migrations: readonly Migration[];
  private readonly shape: WantedShape;
  /** The shape of the table that this storage has found to be as its schema says. */
  private readonly checked: { shape: WantedShape };

  /** @throws StorageValidationError for a schema, key, index or option that cannot be */
  public constructor(
    schema: Schema,
    primaryKeyNames: PrimaryKeyNames,
    indexes: IndexList = [],
    optionsInput?: TabularStorageOptionsInput<InMemoryTabularStorageOptions>,
  ) {
    const options = tabularOptions<InMemoryTabularStorageOptions>(optionsInput);
    super(options.table ?? "memory", schema, primaryKeyNames, indexes, options);
    const { table } = options;
    this.database = options.database ?? new MemoryDatabase();
    this.migrations = checkMigrations(options.migrations, this.table);
    this.shape = {
      schema: this.table,
      prefixes: this.prefixes,
      indexes: this.table.indexes,
      version: this.migrations.at(-1)?.version ?? 0,
    };
    const create = (): MemoryTable => new MemoryTable(this.shape, this.database.changeLogLength);
    this.memory = table === undefined ? create() : this.database.table("tabular", table, create);
    this.partition = this.memory.partition(this.prefixes);
    this.checked = { shape: this.shape };
  }

  protected databaseIdentity(): object {
    return this.database;
  }

  // ——— driver methods

  protected _setup(o: CallOptions | undefined): Awaitable<void> {
    return this.database.write(this.scope, o, (unit) =>
      setUpMemoryTable(this.name, this.memory, this.shape, this.migrations, unit),
    );
  }

  protected _put(rows: readonly Row[], o: CallOptions | undefined): Awaitable<Row[]> {
    return this.write(o, (unit) => {
      // Numbers that callers bring along first, so that none is generated that comes later.
      for (const row of rows) this.observeKey(row);
      return rows.map((row) => this.store(row, unit));
    });
  }

  protected _insert(
    row: Row,
    ignoreConflict: boolean,
    o: CallOptions | undefined,
  ): Awaitable<Row | undefined> {
    return this.write(o, (unit) => {
      this.observeKey(row);
      const numbered = this.numbered(row);
      const taken = this.partition.get(numbered) !== undefined;
      if (ignoreConflict && (taken || this.partition.hasConflict(numbered))) return undefined;
      if (taken) this.partition.refuseKey();
      return this.replace(undefined, numbered, unit);
    });
  }

  protected _update(
    key: Row,
    patch: RowPatch,
    expected: Predicate | undefined,
    o: CallOptions | undefined,
  ): Awaitable<Row | undefined> {
    return this.write(o, (unit) => {
      const old = this.visited(key);
      if (old === undefined) return undefined;
      if (expected !== undefined && !evaluatePredicate(expected, old)) return undefined;
      const next = patchedRow(this.table, old, patch);
      this.table.checkEntrySizes(next);
      return this.replace(old, next, unit);
    });
  }

  protected _get(key: Row, o: CallOptions | undefined): Awaitable<Row | undefined> {
    return this.read(o, () => {
      const row = this.visited(key);
      return row && this.table.copyRow(row);
    });
  }

  protected _getMany(keys: readonly Row[], o: CallOptions | undefined): Awaitable<Row[]> {
    return this.read(o, () => {
      const rows = keys.map((key) => this.visited(key)).filter((row) => row !== undefined);
      return rows.map((row) => this.table.copyRow(row));
    });
  }

  protected _delete(key: Row, o: CallOptions | undefined): Awaitable<boolean> {
    return this.write(o, (unit) => {
      const old = this.visited(key);
      if (old !== undefined) this.memory.replace(this.partition, old, undefined, unit);
      return old !== undefined;
    });
  }

  protected _deleteWhere(
    where: Predicate | undefined,
    returnKeys: boolean,
    o: CallOptions | undefined,
  ): Awaitable<readonly Row[]> {
    return this.write(o, (unit) => {
      if (where === undefined && !returnKeys) {
        this.memory.clear(this.partition, unit);
        return [];
      }
      const plan = { ...EVERYTHING, where, order: completeOrder(this.table, undefined) };
      const rows = selectRows(this.partition, plan, this.statistics);
      for (const row of rows) this.memory.replace(this.partition, row, undefined, unit);
      return returnKeys ? rows.map((row) => this.table.keyOf(row)) : [];
    });
  }

  protected _select(plan: SelectPlan, o: CallOptions | undefined): Awaitable<Row[]> {
    return this.read(o, () =>
      selectRows(this.partition, plan, this.statistics).map((row) =>
        this.table.copyRow(row, plan.columns),
      ),
    );
  }

  protected _count(where: Predicate | undefined, o: CallOptions | undefined): Awaitable<number> {
    return this.read(o, () =>
      where === undefined ? this.partition.size : countRows(this.partition, where, this.statistics),
    );
  }

  protected _transaction<T>(
    fn: (tx: Transaction) => Promise<T>,
    o: CallOptions | undefined,
  ): Promise<T> {
    return this.database.transaction(this.scope, fn, o);
  }

  protected _subscribe(
    callback: (change: RowChange) => void | Promise<void>,
    options: TabularSubscribeOptions,
  ): Unsubscribe {
    const delivery = new ChangeDelivery<LoggedChange<MemoryRowChange>>(this.name, (logged) =>
      callback(this.rowChange(logged)),
    );
    const { log } = this.memory;
    const stop = log.subscribe(options.since, (c) => c.partition === this.partition, delivery);
    const unsubscribe = (): void => {
      stop();
      delivery.close();
    };
    return Object.assign(unsubscribe, { ready: LIVE });
  }

  // ——— for storages that build on this one

  /** Runs `work` on the rows when it is this call's turn. */
  protected read<T>(o: CallOptions | undefined, work: () => T): Awaitable<T> {
    return this.database.run(this.scope, o, () => {
      this.assertShape();
      return work();
    });
  }

  /** Like {@link read}, for work that changes rows: all of it happens or nothing. */
  protected write<T>(o: CallOptions | undefined, work: (unit: WriteUnit) => T): Awaitable<T> {
    return this.database.write(this.scope, o, (unit) => {
      this.assertShape();
      return work(unit);
    });
  }

  /**
   * The rows for which `where` holds, in no particular order. They are the storage's own: never to
   * be changed or handed out, but safe to be kept, as a write replaces rows and changes none.
   */
  protected matchingRows(where: Predicate | undefined): Iterable<Readonly<Row>> {
    if (where === undefined) return this.partition.values();
    return selectRows(this.partition, { ...EVERYTHING, where }, this.statistics);
  }

  // ——— helpers

  /** Another storage's set-up may have changed the table. */
  private assertShape(): void {
    const { shape } = this.memory;
    if (this.checked.shape === shape) return;
    assertShape(this.name, this.shape, shape);
    this.checked.shape = shape;
  }

  /** Inserts a row or replaces the one of its key. */
  private store(row: Row, unit: WriteUnit): Row {
    const numbered = this.numbered(row);
    return this.replace(this.partition.get(numbered), numbered, unit);
  }

  /** Puts a row of our own in its place; what is given back shares nothing with it. */
  private replace(old: Row | undefined, next: Row, unit: WriteUnit): Row {
    this.memory.replace(this.partition, old, next, unit);
    return this.table.copyRow(next);
  }

  private observeKey(row: Row): void {
    const { generated } = this.table;
    const given = generated?.type === "integer" ? cell(row, generated) : undefined;
    if (given !== undefined) this.memory.observeKey(given as number);
  }

  /** The row, with a number that is free where one is to be generated. */
  private numbered(row: Row): Row {
    const { generated } = this.table;
    if (generated?.type !== "integer" || cell(row, generated) !== undefined) return row;
    for (;;) {
      const numbered = { ...row, [generated.name]: this.memory.generateKey() };
      // A storage whose schema generates no keys may have given any.
      if (this.partition.get(numbered) === undefined) return inSchemaOrder(this.table, numbered);
    }
  }

  private visited(key: Row): Row | undefined {
    const row = this.partition.get(key);
    if (row !== undefined) this.statistics.rowsVisited++;
    return row;
  }

  private rowChange({ change, position }: LoggedChange<MemoryRowChange>): RowChange {
    if (change === undefined) return { type: "RESYNC", position };
    const old = change.old && this.table.copyRow(change.old);
    const next = change.next && this.table.copyRow(change.next);
    const type = old === undefined ? "INSERT" : next === undefined ? "DELETE" : "UPDATE";
    return { type, ...(old && { old }), ...(next && { new: next }), position };
  }
}

const EVERYTHING = {
  where: undefined,
  order: [],
  limit: undefined,
  offset: undefined,
  after: undefined,
} as const;
