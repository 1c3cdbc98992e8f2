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
import type { IndexList, Row } from "../tabular/schema/TableSchema.ts";
import { type TabularStorageOptionsInput, tabularOptions } from "../tabular/TabularOptions.ts";
import type { Transaction } from "../transaction/Transaction.ts";
import { CountedRows } from "./CountedRows.ts";
import type { SqlChangeFeed } from "./changes/SqlChangeFeed.ts";
import { RowCodec } from "./RowCodec.ts";
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

/** What a vendor gives to have tabular storage on its database. */
export interface SqlTabularSetup {
  readonly executor: SqlExecutor;
  readonly table: string;
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
  protected readonly statements: TableStatements;
  /** Rows with all of the schema's columns. */
  protected readonly codec: RowCodec;
  private readonly migrations: readonly Migration[];
  private readonly counted: CountedRows | undefined;
  private readonly feed: { current: SqlChangeFeed | undefined } = { current: undefined };

  protected constructor(
    { executor, table }: SqlTabularSetup,
    schema: Schema,
    primaryKeyNames: PrimaryKeyNames,
    indexes: IndexList = [],
    optionsInput?: TabularStorageOptionsInput,
  ) {
    super(table, schema, primaryKeyNames, indexes, optionsInput);
    this.executor = executor;
    this.sqlTable = new SqlTable(table, this.table, this.prefixes, executor.dialect);
    this.statements = new TableStatements(this.sqlTable);
    this.codec = new RowCodec(this.sqlTable.properties);
    this.migrations = checkMigrations(tabularOptions(optionsInput).migrations, this.table);
    const { countedKey } = this.sqlTable;
    const { generated } = this.table;
    this.counted =
      countedKey &&
      generated &&
      new CountedRows(countedKey, executor.dialect.keyCounter, generated, this.statements);
  }

  /**
   * The statements that set the storage up, for teams that run DDL themselves.
   *
   * @param options.fromVersion prints instead what brings a table of that version to the newest;
   *   from the first version that holds a `transform` onwards it prints comments, and
   *   `setupDatabase()` does those versions
   */
  public schemaSql(options: { readonly fromVersion?: number } = {}): string {
    return schemaSql(this.sqlTable, this.migrations, options.fromVersion);
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
    if (this.counted !== undefined) return this.putCounted(this.counted, rows, o);
    const stored: Awaitable<unknown> =
      rows.length === 1
        ? this.write(this.upserting(rows[0] as Row), o, "put")
        : this.executor.atomic(() => this.upsertProgram(rows), o);
    // Canonical rows are what the database gives back.
    return andThen(stored, () => rows as Row[]);
  }

  protected override async _insert(
    row: Row,
    ignoreConflict: boolean,
    o: CallOptions | undefined,
  ): Promise<Row | undefined> {
    const { counted } = this;
    if (counted !== undefined) {
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

  protected override async _update(
    key: Row,
    patch: RowPatch,
    expected: Predicate | undefined,
    o: CallOptions | undefined,
  ): Promise<Row | undefined> {
    const statement = this.statements.update(key, patch, expected);
    if (!this.table.changesEntries(patch)) {
      const { rows } = await this.executor.execute(statement, o);
      return rows[0] && this.codec.decode(rows[0]);
    }
    return this.executor.atomic(() => this.checkedUpdate(statement), o);
  }

  protected override _get(key: Row, o: CallOptions | undefined): Awaitable<Row | undefined> {
    const params = this.sqlTable.keyValues(key);
    const statement = { text: this.statements.selectByKey, params, single: true };
    return andThen(this.read(statement, o), ({ rows }) => rows[0] && this.codec.decode(rows[0]));
  }

  protected override _getMany(keys: readonly Row[], o: CallOptions | undefined): Awaitable<Row[]> {
    return andThen(this.read(this.statements.selectByKeys(keys), o), ({ rows }) =>
      rows.map((row) => this.codec.decode(row)),
    );
  }

  protected override _delete(key: Row, o: CallOptions | undefined): Awaitable<boolean> {
    const params = this.sqlTable.keyValues(key);
    const statement = { text: this.statements.deleteByKey, params };
    return andThen(this.write(statement, o, "delete"), ({ changes }) => changes > 0);
  }

  protected override async _deleteWhere(
    where: Predicate | undefined,
    returnKeys: boolean,
    o: CallOptions | undefined,
  ): Promise<readonly Row[]> {
    const { rows } = await this.executor.execute(this.statements.deleteWhere(where, returnKeys), o);
    if (!returnKeys) return [];
    const keyCodec = new RowCodec(this.table.keyColumns.map((c) => this.sqlTable.column(c)));
    return rows.map((row) => keyCodec.decode(row));
  }

  protected override _select(plan: SelectPlan, o: CallOptions | undefined): Awaitable<Row[]> {
    const queries = this.statements.select(plan);
    const codec = this.codecFor(plan);
    const decoded = ({ rows }: { readonly rows: readonly SqlRow[] }): Row[] =>
      rows.map((row) => codec.decode(row));
    const [query] = queries;
    if (query === undefined) return [];
    if (queries.length === 1) return andThen(this.read(query(plan.limit), o), decoded);
    return this.executor
      .atomic(() => consecutive(queries, plan.limit), { ...o, mode: "read" })
      .then((rows) => decoded({ rows }));
  }

  protected override _count(
    where: Predicate | undefined,
    o: CallOptions | undefined,
  ): Awaitable<number> {
    return andThen(this.read(this.statements.count(where), o), ({ rows }) => Number(rows[0]?.[0]));
  }

  protected override _transaction<T>(
    fn: (tx: Transaction) => Promise<T>,
    o: CallOptions | undefined,
  ): Promise<T> {
    return this.executor.transaction((_, tx) => fn(tx), o);
  }

  protected override _subscribe(
    callback: (change: RowChange) => void | Promise<void>,
    options: TabularSubscribeOptions,
  ): Unsubscribe {
    const { name: table, prefixColumns, prefixValues, properties, key } = this.sqlTable;
    return this.changeFeed.subscribe(
      {
        table,
        columns: [...prefixColumns, ...properties],
        keyColumns: key.map(({ name }) => name),
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

  // ——— statements

  /** Runs a read, at once where the executor can. */
  protected read(statement: SqlStatement, o: CallOptions | undefined): Awaitable<SqlResult> {
    const result = o === undefined ? this.executor.readNow?.(statement) : undefined;
    return result ?? this.executor.execute(statement, o);
  }

  /** A statement of {@link TableStatements} that stores one row. */
  protected storing(text: string, row: Row): SqlStatement {
    return { text, params: this.codec.encode(row, this.sqlTable.prefixValues.slice()) };
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
    const { upsert, upsertStack } = this.statements;
    return { ...this.storing(upsert, row), stack: upsertStack };
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
    const stored = await this.executor.atomic(
      () => counted.put(rows, (text, row) => this.storing(text, row)),
      o,
    );
    this.afterCommit(() => counted.stored(stored));
    return stored;
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
