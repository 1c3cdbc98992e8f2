import type { CallOptions } from "@workglow/util";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import { type Awaitable, andThen } from "../base/Awaitable.ts";
import { checkMigrations } from "../migrations/checkMigrations.ts";
import type { Migration } from "../migrations/Migration.ts";
import {
  BaseTabularStorage,
  type RowChange,
  type RowPatch,
} from "../tabular/BaseTabularStorage.ts";
import type {
  EntityOf,
  InsertOf,
  SimplifyPrimaryKey,
  TabularEvents,
  TabularSubscribeOptions,
  Unsubscribe,
} from "../tabular/ITabularStorage.ts";
import type { Predicate } from "../tabular/Predicate.ts";
import type { SelectPlan } from "../tabular/SelectPlan.ts";
import type { Column } from "../tabular/schema/Column.ts";
import { cell, type IndexList, type Row } from "../tabular/schema/TableSchema.ts";
import { type TabularStorageOptionsInput, tabularOptions } from "../tabular/TabularOptions.ts";
import type { Transaction } from "../transaction/Transaction.ts";
import { CallOrder } from "./CallOrder.ts";
import { CountedRows } from "./CountedRows.ts";
import type { SqlChangeFeed } from "./changes/SqlChangeFeed.ts";
import type { DerivedColumnSpec } from "./DerivedColumn.ts";
import { inKeyOrder } from "./inKeyOrder.ts";
import { RowCodec } from "./RowCodec.ts";
import { rowLists } from "./rowLists.ts";
import type {
  SqlExecutor,
  SqlProgram,
  SqlResult,
  SqlRow,
  SqlStatement,
  SqlValue,
} from "./SqlExecutor.ts";
import { SqlTable } from "./SqlTable.ts";
import { schemaSql } from "./schemaSql.ts";
import { setUpTable } from "./setUpTable.ts";
import { TableStatements } from "./TableStatements.ts";

/**
 * Rows that one statement stores. More would gain little, and databases keep what they need to
 * undo one statement: SQLite in a file, when it is much.
 */
const ROWS_IN_STATEMENT = 4;

/** A call on more rows waits for all earlier calls; it costs less than to compare the keys. */
const KEYS_IN_ORDER = 100;

const ANY_READ = { write: false, keys: undefined };

/** What a vendor gives to have tabular storage on its database. */
export interface SqlTabularSetup {
  readonly executor: SqlExecutor;
  readonly table: string;
  /** Columns that are kept beside the properties. */
  readonly derived?: readonly DerivedColumnSpec[] | undefined;
}

/** Tabular storage on any SQL database: its driver methods are statements for an executor. */
export abstract class SqlTabularStorage<
  Schema extends DataPortSchemaObject,
  PrimaryKeyNames extends ReadonlyArray<keyof Schema["properties"]>,
  Entity = EntityOf<Schema>,
  PrimaryKey = SimplifyPrimaryKey<Entity, PrimaryKeyNames>,
  InsertType = InsertOf<Schema>,
  Events extends TabularEvents<Entity, PrimaryKey> = TabularEvents<Entity, PrimaryKey>,
> extends BaseTabularStorage<Schema, PrimaryKeyNames, Entity, PrimaryKey, InsertType, Events> {
  protected readonly executor: SqlExecutor;
  protected readonly sqlTable: SqlTable;
  /** Rows with all of the schema's columns. */
  protected readonly codec: RowCodec;
  /** Where calls may overtake each other; not inside a transaction, which has one connection. */
  private readonly order: CallOrder | undefined;
  private readonly migrations: readonly Migration[];
  private readonly counted: CountedRows | undefined;
  private readonly made: { statements: TableStatements | undefined } = { statements: undefined };
  private readonly feed: { current: SqlChangeFeed | undefined } = { current: undefined };

  protected constructor(
    { executor, table, derived }: SqlTabularSetup,
    schema: Schema,
    primaryKeyNames: PrimaryKeyNames,
    indexes: IndexList = [],
    optionsInput?: TabularStorageOptionsInput,
  ) {
    super(table, schema, primaryKeyNames, indexes, optionsInput);
    this.executor = executor;
    this.sqlTable = new SqlTable(table, this.table, this.prefixes, executor.dialect, derived);
    this.codec = new RowCodec(this.sqlTable.properties, this.sqlTable.derived);
    this.order = executor.concurrent === true ? new CallOrder() : undefined;
    this.migrations = checkMigrations(tabularOptions(optionsInput).migrations, this.table);
    const { countedKey } = this.sqlTable;
    const { generated } = this.table;
    this.counted =
      countedKey &&
      generated &&
      new CountedRows(countedKey, executor.dialect.keyCounter, generated, () => this.statements);
  }

  /**
   * The statements that set the storage up, for teams that run DDL themselves.
   *
   * @param options.fromVersion prints instead what brings a table of that version to the newest;
   *   from the first version that holds a `transform` onwards it prints comments, and
   *   `setupDatabase()` does those versions
   */
  public schemaSql(options: { readonly fromVersion?: number } = {}): string {
    return schemaSql(this.sqlTable, this.migrations, this.changeFeed, options.fromVersion);
  }

  /** Made when they are first needed: the types of derived columns may have to be looked up. */
  protected get statements(): TableStatements {
    this.made.statements ??= new TableStatements(this.sqlTable);
    return this.made.statements;
  }

  /** The feed that brings this database's changes; made when it is first needed. */
  protected abstract createChangeFeed(): SqlChangeFeed;

  protected get changeFeed(): SqlChangeFeed {
    this.feed.current ??= this.createChangeFeed();
    return this.feed.current;
  }

  protected override databaseIdentity(): object {
    return this.executor.database;
  }

  protected override scoped(tx: Transaction): this {
    return Object.create(this, {
      scope: { value: tx },
      executor: { value: this.executor.within(tx) },
      order: { value: undefined },
    }) as this;
  }

  protected override classifyError(error: unknown, operation: string): unknown {
    return this.executor.classify(error, operation);
  }

  // ——— driver methods

  protected override async _setup(o: CallOptions | undefined): Promise<void> {
    await setUpTable(this.executor, this.sqlTable, this.migrations, this.changeFeed, o);
  }

  protected override _put(rows: readonly Row[], o: CallOptions | undefined): Awaitable<Row[]> {
    return this.inOrder(true, rows, () => {
      if (this.counted !== undefined) return this.putCounted(this.counted, rows, o);
      const stored: Awaitable<unknown> =
        rows.length === 1
          ? this.write(this.upserting(rows[0] as Row), o, "put")
          : this.writeMany(rows, o);
      // Canonical rows are what the database gives back.
      return andThen(stored, () => rows as Row[]);
    });
  }

  protected override _insert(
    row: Row,
    ignoreConflict: boolean,
    o: CallOptions | undefined,
  ): Awaitable<Row | undefined> {
    return this.inOrder(true, [row], () => this.insertRow(row, ignoreConflict, o));
  }

  private async insertRow(
    row: Row,
    ignoreConflict: boolean,
    o: CallOptions | undefined,
  ): Promise<Row | undefined> {
    const { counted } = this;
    if (counted !== undefined) {
      const inserted = await this.insertedNext(counted, row, ignoreConflict, o);
      if (inserted !== undefined) return inserted;
      const stored = await this.executor.atomic(
        () => counted.insert(row, ignoreConflict, (text, r) => this.storing(text, r)),
        o,
      );
      if (stored !== undefined) this.afterCommit(() => counted.stored([stored]));
      return stored;
    }
    const text = ignoreConflict ? this.statements.insertOrIgnore : this.statements.insert;
    const { changes } = await this.executor.execute(this.storing(text, row), o);
    return changes > 0 ? row : undefined;
  }

  protected override _update(
    key: Row,
    patch: RowPatch,
    expected: Predicate | undefined,
    o: CallOptions | undefined,
  ): Awaitable<Row | undefined> {
    const statement = this.statements.update(key, patch, expected);
    return this.inOrder(true, [key], async () => {
      if (!this.table.changesEntries(patch)) {
        const { rows } = await this.executor.execute(statement, o);
        return rows[0] && this.codec.decode(rows[0]);
      }
      return this.executor.atomic(() => this.checkedUpdate(statement), o);
    });
  }

  protected override _get(key: Row, o: CallOptions | undefined): Awaitable<Row | undefined> {
    const params = this.sqlTable.keyValues(key);
    const { selectByKey: text, lookup } = this.statements;
    return this.inOrder(false, [key], () =>
      andThen(
        this.read({ text, params, single: true, lookup }, o),
        ({ rows }) => rows[0] && this.codec.decode(rows[0]),
      ),
    );
  }

  protected override _getMany(keys: readonly Row[], o: CallOptions | undefined): Awaitable<Row[]> {
    return this.inOrder(false, keys, () =>
      andThen(this.read(this.statements.selectByKeys(keys), o), ({ rows }) =>
        rows.map((row) => this.codec.decode(row)),
      ),
    );
  }

  protected override _delete(key: Row, o: CallOptions | undefined): Awaitable<boolean> {
    const params = this.sqlTable.keyValues(key);
    const statement = { text: this.statements.deleteByKey, params };
    return this.inOrder(true, [key], () =>
      andThen(this.write(statement, o, "delete"), ({ changes }) => changes > 0),
    );
  }

  protected override _deleteWhere(
    where: Predicate | undefined,
    returnKeys: boolean,
    o: CallOptions | undefined,
  ): Awaitable<readonly Row[]> {
    const statement = this.statements.deleteWhere(where, returnKeys);
    return this.inOrder(true, undefined, async () => {
      const { rows } = await this.executor.execute(statement, o);
      if (!returnKeys) return [];
      const keyCodec = new RowCodec(this.table.keyColumns.map((c) => this.sqlTable.column(c)));
      return rows.map((row) => keyCodec.decode(row));
    });
  }

  protected override _select(plan: SelectPlan, o: CallOptions | undefined): Awaitable<Row[]> {
    const queries = this.statements.select(plan);
    const codec = this.codecFor(plan);
    const decoded = ({ rows }: { readonly rows: readonly SqlRow[] }): Row[] =>
      rows.map((row) => codec.decode(row));
    const [query] = queries;
    if (query === undefined) return [];
    return this.inOrder(false, undefined, () => {
      if (queries.length === 1) return andThen(this.read(query(plan.limit), o), decoded);
      return this.executor
        .atomic(() => consecutive(queries, plan.limit), { ...o, mode: "read" })
        .then((rows) => decoded({ rows }));
    });
  }

  protected override _count(
    where: Predicate | undefined,
    o: CallOptions | undefined,
  ): Awaitable<number> {
    const statement = this.statements.count(where);
    return this.inOrder(false, undefined, () =>
      andThen(this.read(statement, o), ({ rows }) => Number(rows[0]?.[0])),
    );
  }

  protected override _transaction<T>(
    fn: (tx: Transaction) => Promise<T>,
    o: CallOptions | undefined,
  ): Promise<T> {
    const begin = (): Promise<T> => this.executor.transaction((_, tx) => fn(tx), o);
    // It sees the calls made before it, and holds up none that is made after it.
    return this.order === undefined
      ? begin()
      : this.order.run(ANY_READ, async () => {}).then(begin);
  }

  protected override _subscribe(
    callback: (change: RowChange) => void | Promise<void>,
    options: TabularSubscribeOptions,
  ): Unsubscribe {
    const { changes, prefixColumns, prefixValues } = this.sqlTable;
    return this.changeFeed.subscribe(
      {
        ...changes,
        where: prefixColumns.map(({ name }, i) => ({
          column: name,
          value: prefixValues[i] ?? null,
        })),
        decode: (values) => this.codec.decode(values.slice(prefixColumns.length)),
      },
      callback,
      options,
    );
  }

  // ——— order

  /**
   * Makes a call of the driver after the earlier ones that touch the same rows, where the executor
   * does not keep that order by itself.
   *
   * @param rows rows or keys; `undefined` for any
   */
  protected inOrder<T>(
    write: boolean,
    rows: readonly Row[] | undefined,
    call: () => Awaitable<T>,
  ): Awaitable<T> {
    const { order } = this;
    if (order === undefined) return call();
    return order.run({ write, keys: rows && this.identities(rows) }, call);
  }

  /** A row whose key is still to be generated is nobody's yet. */
  private identities(rows: readonly Row[]): readonly unknown[] | undefined {
    if (rows.length > KEYS_IN_ORDER) return undefined;
    const { generated } = this.table;
    const named =
      generated === undefined ? rows : rows.filter((row) => cell(row, generated) !== undefined);
    return named.map((row) => this.table.keyIdentity(row));
  }

  // ——— statements

  /** Runs a read, at once where the executor can. */
  protected read(statement: SqlStatement, o: CallOptions | undefined): Awaitable<SqlResult> {
    const result = o === undefined ? this.executor.readNow?.(statement) : undefined;
    return result ?? this.executor.execute(statement, o);
  }

  /** A statement of {@link TableStatements} that stores one row. */
  protected storing(text: string, row: Row): SqlStatement {
    return { text, params: this.parameters(row) };
  }

  private parameters(row: Row): SqlValue[] {
    return this.codec.encode(row, this.sqlTable.prefixValues.slice());
  }

  /** Runs a write. Listeners of its event are called in the caller's asynchronous context. */
  private write(
    statement: SqlStatement,
    o: CallOptions | undefined,
    event: "put" | "delete",
  ): Awaitable<SqlResult> {
    const { executor } = this;
    return o === undefined && executor.executeSoon !== undefined && !this.events.hasListeners(event)
      ? executor.executeSoon(statement)
      : executor.execute(statement, o);
  }

  private upserting(row: Row): SqlStatement {
    const { upsert: text, upsertStack: stack } = this.statements;
    return { text, params: this.parameters(row), stack };
  }

  /** Whether a row can be refused for another one than that of its key. */
  private get canConflict(): boolean {
    return this.sqlTable.indexes.some(({ unique }) => unique);
  }

  private writeMany(rows: readonly Row[], o: CallOptions | undefined): Promise<unknown> {
    const { executor } = this;
    if (executor.concurrent !== true) return executor.atomic(() => this.upsertProgram(rows), o);
    const statements = this.listedUpserts(rows);
    const [only] = statements;
    return statements.length === 1 && only !== undefined
      ? executor.execute(only, o)
      : executor.atomic(function* () {
          for (const statement of statements) yield statement;
        }, o);
  }

  private listedUpserts(rows: readonly Row[]): SqlStatement[] {
    const { upsertStack } = this.statements;
    const params = rows.map((row) => this.parameters(row));
    return [...rowLists(inKeyOrder(params, upsertStack.lockOrder))].map(upsertStack.listed);
  }

  protected *upsertProgram(rows: readonly Row[]): SqlProgram<void> {
    const { upsert, upsertStack } = this.statements;
    let at = 0;
    for (; at + ROWS_IN_STATEMENT <= rows.length; at += ROWS_IN_STATEMENT) {
      const params: SqlValue[] = [];
      for (let i = 0; i < ROWS_IN_STATEMENT; i++) {
        for (const value of this.sqlTable.prefixValues) params.push(value);
        this.codec.encode(rows[at + i] as Row, params);
      }
      yield { text: upsertStack.text(ROWS_IN_STATEMENT), params };
    }
    for (; at < rows.length; at++) yield this.storing(upsert, rows[at] as Row);
  }

  private async putCounted(
    counted: CountedRows,
    rows: readonly Row[],
    o: CallOptions | undefined,
  ): Promise<Row[]> {
    const storing = (text: string, row: Row): SqlStatement => this.storing(text, row);
    if (rows.length === 1) {
      const inserted = await this.insertedNext(counted, rows[0] as Row, false, o);
      if (inserted !== undefined) return [inserted];
    }
    const listed = this.executor.concurrent === true && rows.length > 1 && this.mayReorder(rows);
    const stored = await this.executor.atomic(
      () => (listed ? counted.putListed(rows, storing) : counted.put(rows, storing)),
      o,
    );
    this.afterCommit(() => counted.stored(stored));
    return stored;
  }

  /** Whether it does not matter which of the rows are stored first: given keys or generated ones. */
  private mayReorder(rows: readonly Row[]): boolean {
    const generated = this.table.generated as Column;
    const given = rows.filter((row) => cell(row, generated) !== undefined).length;
    return given === 0 || given === rows.length || !this.canConflict;
  }

  /** In one statement; `undefined` where that is not possible, or met a key or a unique index. */
  private async insertedNext(
    counted: CountedRows,
    row: Row,
    ignoreConflict: boolean,
    o: CallOptions | undefined,
  ): Promise<Row | undefined> {
    const storing = (text: string, given: Row): SqlStatement => this.storing(text, given);
    const statement = counted.insertNext(row, ignoreConflict, storing);
    if (statement === undefined) return undefined;
    const inserted = counted.inserted(row, await this.executor.execute(statement, o));
    if (inserted !== undefined) this.afterCommit(() => counted.stored([inserted]));
    return inserted;
  }

  /** Index entries may come to be too long by what the row held before. */
  private *checkedUpdate(statement: SqlStatement): SqlProgram<Row | undefined> {
    const { rows } = yield statement;
    const row = rows[0] && this.codec.decode(rows[0]);
    if (row !== undefined) this.table.checkEntrySizes(row);
    return row;
  }

  private codecFor({ columns }: SelectPlan): RowCodec {
    if (columns.length === this.table.columns.length) return this.codec;
    return new RowCodec(columns.map((column) => this.sqlTable.column(column)));
  }
}

/** Runs queries whose results follow each other, until there are `limit` rows. */
function* consecutive(
  queries: readonly ((limit: number | undefined) => SqlStatement)[],
  limit: number | undefined,
): SqlProgram<readonly SqlRow[]> {
  const found: SqlRow[] = [];
  for (const query of queries) {
    const left = limit === undefined ? undefined : limit - found.length;
    if (left === 0) break;
    const { rows } = yield query(left);
    for (const row of rows) found.push(row);
  }
  return found;
}
