import type { Transaction } from "@workglow/storage";
import type { SqlExecutor, SqlProgram, SqlResult, SqlStatement } from "@workglow/storage/sql";
import type { CallOptions } from "@workglow/util";
import { BaseRateLimiterStorage } from "../BaseRateLimiterStorage.ts";
import type { RateLimiterStorageOptions } from "../QueueStorageOptions.ts";
import { libraryTablesSql, setUpLibraryTables } from "./LibraryTable.ts";
import { RateLimiterStatements } from "./RateLimiterStatements.ts";

/** Rate limits in any SQL database, shared by all processes that use it. */
export abstract class SqlRateLimiterStorage extends BaseRateLimiterStorage {
  protected readonly executor: SqlExecutor;
  private readonly statements: RateLimiterStatements;

  protected constructor(executor: SqlExecutor, options: RateLimiterStorageOptions | undefined) {
    super(options);
    this.executor = executor;
    this.statements = new RateLimiterStatements(
      executor.dialect,
      this.prefixes,
      executor.concurrent === true,
    );
  }

  /** The statements that set the storage up, for teams that run DDL themselves. */
  public schemaSql(): string {
    return libraryTablesSql(this.executor.dialect, this.statements.tables);
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

  protected override _setup(o: CallOptions | undefined): Promise<void> {
    return setUpLibraryTables(this.executor, this.statements.tables, undefined, o);
  }

  protected override _record(queue: string, o: CallOptions | undefined): Promise<void> {
    return this.executor.atomic(() => this.statements.record(queue), o);
  }

  protected override async _count(
    queue: string,
    after: string,
    o: CallOptions | undefined,
  ): Promise<number> {
    return Number((await this.run(this.statements.count({ queue, after }), o)).rows[0]?.[0]);
  }

  protected override async _oldestAt(
    queue: string,
    offset: number,
    o: CallOptions | undefined,
  ): Promise<string | undefined> {
    return textOf(await this.run(this.statements.oldestAt({ queue, offset }), o));
  }

  protected override async _nextAvailable(
    queue: string,
    o: CallOptions | undefined,
  ): Promise<string | undefined> {
    return textOf(await this.run(this.statements.nextAvailable({ queue }), o));
  }

  protected override async _setNextAvailable(
    queue: string,
    next: string,
    o: CallOptions | undefined,
  ): Promise<void> {
    await this.run(this.statements.setNextAvailable({ queue, next }), o);
  }

  protected override _clear(queue: string, o: CallOptions | undefined): Promise<void> {
    return this.executor.atomic(() => clearProgram(this.statements, queue), o);
  }

  protected override async _reserve(
    queue: string,
    max: number,
    windowMs: number,
    o: CallOptions | undefined,
  ): Promise<string | undefined> {
    const program = () => this.statements.reserve(queue, max, windowMs);
    const id = await this.executor.atomic(program, o);
    return id === undefined ? undefined : String(id);
  }

  protected override async _release(
    queue: string,
    token: string,
    o: CallOptions | undefined,
  ): Promise<void> {
    const id = Number(token);
    if (Number.isSafeInteger(id)) await this.run(this.statements.release({ queue, id }), o);
  }

  private run(statement: SqlStatement, o: CallOptions | undefined): Promise<SqlResult> {
    return this.executor.execute(statement, o);
  }
}

function* clearProgram(statements: RateLimiterStatements, queue: string): SqlProgram<void> {
  yield statements.clearExecutions({ queue });
  yield statements.clearLimits({ queue });
}

function textOf({ rows }: SqlResult): string | undefined {
  const text = rows[0]?.[0];
  return typeof text === "string" ? text : undefined;
}
