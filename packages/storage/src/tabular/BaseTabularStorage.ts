import { type CallOptions, StorageValidationError, throwIfAborted } from "@workglow/util";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import { type Awaitable, andThen } from "../base/Awaitable.ts";
import { BaseStorage } from "../base/BaseStorage.ts";
import { compilePrefixes, type Prefix, prefixBytes } from "../base/prefixes.ts";
import type { Transaction } from "../transaction/Transaction.ts";
import { assertCriteria, assertNotEmpty, isEmptyCriteria } from "./criteria.ts";
import { decodeCursor, encodeCursor, queryFingerprint } from "./cursor.ts";
import type {
  ClientProvidedKeys,
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
import { compileCriteria, type Predicate } from "./Predicate.ts";
import { predicateText } from "./predicateText.ts";
import { giveKey, lastOfEachKey, type RowPatch, refuseKeyChange } from "./rowKeys.ts";
import { checkedCount, completeOrder, type SelectPlan, selectedColumns } from "./SelectPlan.ts";
import type { CanonicalValue } from "./schema/canonicalValue.ts";
import { type IndexList, type Row, TableSchema } from "./schema/TableSchema.ts";
import {
  type TabularStorageOptions,
  type TabularStorageOptionsInput,
  tabularOptions,
} from "./TabularOptions.ts";

export type { RowPatch } from "./rowKeys.ts";

/** A change as backends report it. */
export interface RowChange {
  readonly type: "INSERT" | "UPDATE" | "DELETE" | "RESYNC";
  readonly old?: Row;
  readonly new?: Row;
  readonly position: string;
}

const DEFAULT_PAGE_SIZE = 100;

/**
 * Everything about tabular storage that holds on every backend: values become canonical rows,
 * criteria become predicates, reads become plans, writes become events. A backend implements the
 * driver methods, whose names begin with `_`; they get checked input and do nothing but I/O.
 *
 * Rows that a driver method gets are its own to keep; rows that it returns are the caller's to keep
 * (a backend that holds rows as objects copies on the way out). Driver methods are called
 * synchronously, in the order of the public calls.
 */
export abstract class BaseTabularStorage<
    Schema extends DataPortSchemaObject,
    PrimaryKeyNames extends ReadonlyArray<keyof Schema["properties"]>,
    Entity = EntityOf<Schema>,
    PrimaryKey = SimplifyPrimaryKey<Entity, PrimaryKeyNames>,
    InsertType = InsertOf<Schema>,
    Events extends TabularEvents<Entity, PrimaryKey> = TabularEvents<Entity, PrimaryKey>,
  >
  extends BaseStorage<Events>
  implements ITabularStorage<Schema, PrimaryKeyNames, Entity, PrimaryKey, InsertType, Events>
{
  public readonly schema: Schema;
  public readonly primaryKeyNames: PrimaryKeyNames;
  protected readonly table: TableSchema;
  protected readonly prefixes: readonly Prefix[];
  protected readonly clientProvidedKeys: ClientProvidedKeys;
  protected override readonly reachesDriver = true;

  protected constructor(
    name: string,
    schema: Schema,
    primaryKeyNames: PrimaryKeyNames,
    indexes: IndexList = [],
    optionsInput?: TabularStorageOptionsInput,
  ) {
    super(name);
    const options: TabularStorageOptions = tabularOptions(optionsInput);
    this.schema = schema;
    this.primaryKeyNames = primaryKeyNames;
    this.table = new TableSchema(
      schema,
      primaryKeyNames,
      indexes,
      options.uniqueIndexes,
      prefixBytes(options),
    );
    this.prefixes = compilePrefixes(options, (column) => this.table.has(column));
    this.clientProvidedKeys = options.clientProvidedKeys ?? "if-missing";
  }

  // ——— writing

  public put(value: InsertType, options?: CallOptions): Promise<Entity> {
    return this.perform("put", options, (o) =>
      andThen(this.written([this.insertedRow(value)], o), (rows) => {
        this.emitPut(rows);
        return rows[0] as Entity;
      }),
    );
  }

  public putBulk(values: readonly InsertType[], options?: CallOptions): Promise<Entity[]> {
    return this.perform("putBulk", options, async (o) => {
      if (!Array.isArray(values)) throw new StorageValidationError("putBulk takes a list of rows");
      if (values.length === 0) return [];
      const { rows, places } = lastOfEachKey(
        this.table,
        values.map((value) => this.insertedRow(value)),
      );
      const stored = await this.written(rows, o);
      const results =
        places === undefined
          ? stored
          : places.map((place) => this.table.copyRow(stored[place] as Row));
      this.emitPut(results);
      return results as Entity[];
    });
  }

  public insert(value: InsertType, options?: InsertOptions): Promise<Entity | undefined> {
    return this.perform("insert", options, async (o) => {
      const { onConflict = "error" } = options ?? {};
      if (onConflict !== "error" && onConflict !== "ignore") {
        throw new StorageValidationError('onConflict is "error" or "ignore"');
      }
      const row = this.insertedRow(value);
      const stored = await this.reach(() => this._insert(row, onConflict === "ignore", o));
      if (stored !== undefined) this.emitPut([stored]);
      return stored as Entity | undefined;
    });
  }

  public update(
    key: PrimaryKey,
    patch: Partial<Entity>,
    options?: UpdateOptions<Entity>,
  ): Promise<Entity | undefined> {
    return this.perform("update", options, async (o) => {
      const canonicalKey = this.table.canonicalKey(key);
      const changes = this.table.canonicalPatch(patch);
      this.checkRow(changes);
      refuseKeyChange(this.table, canonicalKey, changes);
      const expected = options?.expect === undefined ? undefined : this.expectation(options.expect);
      const stored = await this.reach(() => this._update(canonicalKey, changes, expected, o));
      if (stored !== undefined) this.emitPut([stored]);
      return stored as Entity | undefined;
    });
  }

  public delete(key: PrimaryKey | Entity, options?: CallOptions): Promise<void> {
    return this.perform("delete", options, async (o) => {
      const canonicalKey = this.table.canonicalKey(key, true);
      if (await this.reach(() => this._delete(canonicalKey, o))) this.emitDelete([canonicalKey]);
    });
  }

  public deleteSearch(
    criteria: DeleteSearchCriteria<Entity>,
    options?: CallOptions,
  ): Promise<void> {
    return this.perform("deleteSearch", options, async (o) => {
      assertCriteria(criteria);
      if (isEmptyCriteria(criteria)) return;
      const where = compileCriteria(this.table, criteria);
      if (where.kind === "constant" && !where.value) return;
      const returnKeys = this.events.hasListeners("delete");
      this.emitDelete(await this.reach(() => this._deleteWhere(where, returnKeys, o)));
    });
  }

  public deleteAll(options?: CallOptions): Promise<void> {
    return this.perform("deleteAll", options, async (o) => {
      await this.reach(() => this._deleteWhere(undefined, false, o));
      if (this.events.hasListeners("clearall")) {
        this.afterCommit(() => this.events.emit("clearall", ...([] as never)));
      }
    });
  }

  // ——— reading

  public get(key: PrimaryKey, options?: CallOptions): Promise<Entity | undefined> {
    return this.perform("get", options, (o) =>
      andThen(this.found(this.table.canonicalKey(key), o), (row) => {
        if (this.events.hasListeners("get")) {
          this.events.emit("get", ...([key, row] as unknown as never));
        }
        return row as Entity | undefined;
      }),
    );
  }

  public getMany(keys: readonly PrimaryKey[], options?: CallOptions): Promise<Entity[]> {
    return this.perform("getMany", options, async (o) => {
      if (!Array.isArray(keys)) throw new StorageValidationError("getMany takes a list of keys");
      const wanted = new Map<unknown, Row>();
      for (const key of keys) {
        const canonicalKey = this.table.canonicalKey(key);
        wanted.set(this.table.keyIdentity(canonicalKey), canonicalKey);
      }
      if (wanted.size === 0) return [];
      const found = new Map<unknown, Row>();
      const rowsOfKeys = await this.reach(() => this._getMany([...wanted.values()], o));
      for (const row of rowsOfKeys) {
        found.set(this.table.keyIdentity(row), row);
      }
      const rows: Row[] = [];
      for (const identity of wanted.keys()) {
        const row = found.get(identity);
        if (row !== undefined) rows.push(row);
      }
      return rows as Entity[];
    });
  }

  public getAll(options?: QueryOptions<Entity>): Promise<Entity[] | undefined> {
    return this.perform("getAll", options, async (o) => {
      const rows = await this.selected(this.plan(undefined, options), o);
      return rows.length === 0 ? undefined : (rows as Entity[]);
    });
  }

  public query(
    criteria: SearchCriteria<Entity>,
    options?: QueryOptions<Entity>,
  ): Promise<Entity[] | undefined> {
    return this.perform("query", options, (o) => {
      assertCriteria(criteria);
      assertNotEmpty(criteria);
      const plan = this.plan(compileCriteria(this.table, criteria), options);
      return andThen(isImpossible(plan.where) ? [] : this.selected(plan, o), (rows) => {
        const result = rows.length === 0 ? undefined : (rows as Entity[]);
        if (this.events.hasListeners("query")) {
          this.events.emit("query", ...([criteria, result] as unknown as never));
        }
        return result;
      });
    });
  }

  public count(criteria?: SearchCriteria<Entity>, options?: CallOptions): Promise<number> {
    return this.perform("count", options, async (o) => {
      const where = this.optionalPredicate(criteria);
      return isImpossible(where) ? 0 : this.reach(() => this._count(where, o));
    });
  }

  public size(options?: CallOptions): Promise<number> {
    return this.perform("size", options, (o) => this.reach(() => this._count(undefined, o)));
  }

  public getBulk(
    offset: number,
    limit: number,
    options?: CallOptions,
  ): Promise<Entity[] | undefined> {
    return this.perform("getBulk", options, async (o) => {
      const from = checkedCount(offset ?? null, "offset", 0);
      const most = checkedCount(limit ?? null, "limit", 1);
      const rows = await this.selected({ ...this.plan(undefined), offset: from, limit: most }, o);
      return rows.length === 0 ? undefined : (rows as Entity[]);
    });
  }

  public getPage(options: PageOptions<Entity> = {}): Promise<Page<Entity>> {
    return this.perform("getPage", options, async (o) => {
      const where = this.optionalPredicate(options.criteria);
      const limit = checkedCount(options.limit, "limit", 1) ?? DEFAULT_PAGE_SIZE;
      const order = completeOrder(this.table, options.orderBy);
      const wanted = selectedColumns(this.table, options.select);
      const fingerprint = queryFingerprint(this.name, order, predicateText(where));
      const after =
        options.cursor === undefined ? undefined : decodeCursor(options.cursor, fingerprint, order);
      if (isImpossible(where)) return { items: [] };
      const columns = this.table.columns.filter(
        (column) => wanted.includes(column) || order.some((entry) => entry.column === column),
      );
      // One row more than asked for tells whether there is a next page.
      const plan = { where, order, limit: limit + 1, offset: undefined, after, columns };
      const rows = await this.selected(plan, o);
      const items = rows.slice(0, limit);
      const last = rows.length > limit ? items.at(-1) : undefined;
      const nextCursor = last === undefined ? undefined : encodeCursor(fingerprint, order, last);
      for (const column of columns) {
        if (!wanted.includes(column)) for (const item of items) delete item[column.name];
      }
      return { items: items as Entity[], ...(nextCursor !== undefined && { nextCursor }) };
    });
  }

  public async *records(pageSize?: number, options?: CallOptions): AsyncGenerator<Entity> {
    for await (const page of this.pages(pageSize, options)) {
      for (const row of page) {
        throwIfAborted(options);
        yield row;
      }
    }
  }

  public async *pages(
    pageSize: number = DEFAULT_PAGE_SIZE,
    options?: CallOptions,
  ): AsyncGenerator<Entity[]> {
    let after: readonly CanonicalValue[] | undefined;
    for (;;) {
      const page = await this.perform("pages", options, async (o) => {
        const limit = checkedCount(pageSize ?? null, "pageSize", 1);
        const rows = await this.selected({ ...this.plan(undefined), limit, after }, o);
        const last = rows.at(-1);
        if (last !== undefined) {
          after = this.table.keyColumns.map((column) => last[column.name] as CanonicalValue);
        }
        return rows;
      });
      if (page.length > 0) yield page as Entity[];
      if (page.length < pageSize) return;
    }
  }

  // ——— transactions, changes, set-up

  public transaction<T>(fn: (tx: this) => Promise<T>, options?: CallOptions): Promise<T> {
    return this.performWithCaller("transaction", options, (o, theirs) => {
      if (typeof fn !== "function") {
        throw new StorageValidationError("a transaction takes a function");
      }
      return this.reach(() =>
        this._transaction((tx) => theirs(async () => fn(this.scoped(tx))), o),
      );
    });
  }

  public subscribeToChanges(
    callback: (change: TabularChangePayload<Entity>) => void | Promise<void>,
    options: TabularSubscribeOptions = {},
  ): Unsubscribe {
    return this.openSubscription("subscribeToChanges", () => {
      if (typeof callback !== "function") {
        throw new StorageValidationError("the callback is a function");
      }
      checkedCount(options.pollingIntervalMs, "pollingIntervalMs", 1);
      if (options.since !== undefined && typeof options.since !== "string") {
        throw new StorageValidationError("since is a position that a change carried");
      }
      return this._subscribe(callback as (change: RowChange) => void | Promise<void>, options);
    });
  }

  public setupDatabase(options?: CallOptions): Promise<void> {
    return this.perform("setupDatabase", options, (o) => this.reach(() => this._setup(o)));
  }

  /**
   * What a kind built on this one asks of values beyond their schema; called for every canonical row
   * and patch before the backend sees it.
   *
   * @throws StorageValidationError
   */
  protected checkRow(_row: Row | RowPatch): void {}

  // ——— driver methods

  /** Creates or extends the table. */
  protected abstract _setup(o: CallOptions | undefined): Awaitable<void>;
  /**
   * Upserts rows with distinct keys, all or nothing. A row without its generated integer key gets
   * the next number and is inserted plainly. Returns the rows as stored, in order.
   */
  protected abstract _put(rows: readonly Row[], o: CallOptions | undefined): Awaitable<Row[]>;
  /** Inserts a row; a taken key or unique index is a `StorageConflictError`, or `undefined`. */
  protected abstract _insert(
    row: Row,
    ignoreConflict: boolean,
    o: CallOptions | undefined,
  ): Awaitable<Row | undefined>;
  /** Changes a row where `expected` holds, atomically; gives the whole row afterwards. */
  protected abstract _update(
    key: Row,
    patch: RowPatch,
    expected: Predicate | undefined,
    o: CallOptions | undefined,
  ): Awaitable<Row | undefined>;
  protected abstract _get(key: Row, o: CallOptions | undefined): Awaitable<Row | undefined>;
  /** Rows of distinct keys, in any order, missing ones left out. */
  protected abstract _getMany(keys: readonly Row[], o: CallOptions | undefined): Awaitable<Row[]>;
  /** Whether the row was there. */
  protected abstract _delete(key: Row, o: CallOptions | undefined): Awaitable<boolean>;
  /** Deletes matching rows, all for `undefined`; gives their keys if `returnKeys`. */
  protected abstract _deleteWhere(
    where: Predicate | undefined,
    returnKeys: boolean,
    o: CallOptions | undefined,
  ): Awaitable<readonly Row[]>;
  protected abstract _select(plan: SelectPlan, o: CallOptions | undefined): Awaitable<Row[]>;
  protected abstract _count(
    where: Predicate | undefined,
    o: CallOptions | undefined,
  ): Awaitable<number>;
  /** Opens a transaction, or a savepoint in a view, and runs `fn` in its context. */
  protected abstract _transaction<T>(
    fn: (tx: Transaction) => Promise<T>,
    o: CallOptions | undefined,
  ): Promise<T>;
  /**
   * Delivers changes in order, each subscriber its own copies, awaiting a returned promise; errors
   * of the callback go to the logger.
   */
  protected abstract _subscribe(
    callback: (change: RowChange) => void | Promise<void>,
    options: TabularSubscribeOptions,
  ): Unsubscribe;

  // ——— private helpers

  private insertedRow(value: InsertType): Row {
    const row = this.table.canonicalRow(value);
    this.checkRow(row);
    giveKey(this.table, row, this.clientProvidedKeys);
    return row;
  }

  private expectation(expect: Partial<Entity>): Predicate | undefined {
    assertCriteria(expect);
    const plain: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(expect)) {
      plain[name] = { operator: "=", value };
    }
    return isEmptyCriteria(plain) ? undefined : compileCriteria(this.table, plain);
  }

  private optionalPredicate(criteria: SearchCriteria<Entity> | undefined): Predicate | undefined {
    if (criteria === undefined) return undefined;
    const where = compileCriteria(this.table, criteria);
    return where.kind === "constant" && where.value ? undefined : where;
  }

  private plan(where: Predicate | undefined, options: QueryOptions<Entity> = {}): SelectPlan {
    return {
      where: where?.kind === "constant" && where.value ? undefined : where,
      order: completeOrder(this.table, options.orderBy),
      limit: checkedCount(options.limit, "limit", 1),
      offset: checkedCount(options.offset, "offset", 0),
      after: undefined,
      columns: selectedColumns(this.table, options.select),
    };
  }

  private written(rows: readonly Row[], o: CallOptions | undefined): Awaitable<Row[]> {
    return this.reach(() => this._put(rows, o));
  }

  private found(key: Row, o: CallOptions | undefined): Awaitable<Row | undefined> {
    return this.reach(() => this._get(key, o));
  }

  private selected(plan: SelectPlan, o: CallOptions | undefined): Awaitable<Row[]> {
    return this.reach(() => this._select(plan, o));
  }

  private emitPut(rows: readonly Row[]): void {
    if (!this.events.hasListeners("put")) return;
    this.afterCommit(() => {
      for (const row of rows) this.events.emit("put", ...([row] as unknown as never));
    });
  }

  private emitDelete(keys: readonly Row[]): void {
    if (keys.length === 0 || !this.events.hasListeners("delete")) return;
    this.afterCommit(() => {
      for (const key of keys) this.events.emit("delete", ...([key] as unknown as never));
    });
  }
}

function isImpossible(where: Predicate | undefined): boolean {
  return where?.kind === "constant" && !where.value;
}
