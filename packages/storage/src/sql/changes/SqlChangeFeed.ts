import type { LogSource } from "../../changes/log/ChangeLog.ts";
import type { CommittedChange } from "../../changes/log/CommittedChange.ts";
import type { TabularSubscribeOptions, Unsubscribe } from "../../tabular/ITabularStorage.ts";
import type { SqlColumnType } from "../SqlDialect.ts";
import type { SqlProgram, SqlRow, SqlValue } from "../SqlExecutor.ts";

/** A column whose values travel with each change. */
export interface SqlChangeColumn {
  /** Its name in the database, unquoted. */
  readonly name: string;
  readonly type: SqlColumnType;
}

/** Changes are delivered only where the column holds exactly this value, before or after. */
export interface SqlChangeCondition {
  /** One of the source's columns. */
  readonly column: string;
  /** As it would be bound in a statement. */
  readonly value: SqlValue;
}

/** A physical table whose changes are wanted, and how its logged values become rows. */
export interface SqlChangeSource<T> extends LogSource<SqlRow, T> {
  /** The table's name in the database, unquoted. */
  readonly table: string;
  /** The columns wanted in `old` and `new`, tenant prefixes included where they are filtered by. */
  readonly columns: readonly SqlChangeColumn[];
  /** Names of the columns of the table's primary key, tenant prefixes included. */
  readonly keyColumns: readonly string[];
  /** All must hold; an empty list is everybody's changes. */
  readonly where: readonly SqlChangeCondition[];
  /**
   * Makes a row of the values of `columns`, in that order and as the executor returns them when
   * they are selected through `SqlDialect.selectExpression`. Called once per row and subscriber.
   */
  decode(values: SqlRow): T;
}

/** A table and the columns of it that travel with its changes. */
export type SqlChangeTable = Pick<SqlChangeSource<unknown>, "table" | "columns" | "keyColumns">;

/** The committed changes of one database's tables, whoever made them. */
export interface SqlChangeFeed {
  /**
   * Delivers the changes of a table, each once, in the order of their commits; a returned promise
   * is awaited before the next change. Returns at once. `ready` resolves when every later commit
   * will be delivered, and rejects with a `StorageError` when that cannot be arranged (no such
   * table, a read-only database, …). A live subscription keeps the process running until it ends.
   */
  subscribe<T>(
    source: SqlChangeSource<T>,
    callback: (change: CommittedChange<T>) => void | Promise<void>,
    options?: TabularSubscribeOptions,
  ): Unsubscribe;

  /**
   * The statements by which the table's changes can be subscribed to, where that has to be arranged
   * when the table is set up; elsewhere none. They may run again, and have to when its columns have
   * changed.
   */
  setupSql(table: SqlChangeTable): readonly string[];

  /** Whether {@link setupSql} has been run for the table as it is. */
  isSetUp(table: SqlChangeTable): SqlProgram<boolean>;

  /** What {@link interrupt} does, as statements for a team's own tools. */
  interruptSql(table: string): readonly string[];

  /**
   * Stops the logging of a table's changes, to be run in the same transaction before DDL that
   * drops or renames the table or one of its columns. Afterwards {@link setupSql} is to be run;
   * live subscriptions then begin a new log by themselves and get a `RESYNC`. Adding columns needs
   * no call.
   */
  interrupt(table: string): SqlProgram<void>;

  /**
   * Removes what subscribers left behind that died. Cheap where there is nothing to do; never
   * throws: the next call will do it. To be called when a table is set up or first used.
   */
  sweep(): Promise<void>;
}
