import type { SqlResult, SqlStatement } from "@workglow/storage/sql";
import type { SqliteConnection } from "./SqliteConnection.ts";
import { classifySqliteError } from "./sqliteErrors.ts";

/**
 * What calls of one level run in: a transaction at the root, a savepoint inside one. Some errors
 * make SQLite roll the whole transaction back by itself; inside one this is remembered, as a
 * statement sent after it would be committed on its own.
 */
export class SqliteFrame {
  public readonly connection: SqliteConnection;
  public readonly depth: number;
  private readonly root: SqliteFrame;
  private readonly savepoint: string;
  private lostTo: { readonly error: unknown } | undefined;

  public constructor(connection: SqliteConnection, parent?: SqliteFrame) {
    this.connection = connection;
    this.depth = parent === undefined ? 0 : parent.depth + 1;
    this.root = parent?.root ?? this;
    this.savepoint = `workglow_${this.depth}`;
  }

  /** Runs a statement of this level. */
  public run(statement: SqlStatement): SqlResult {
    if (this.depth === 0) return this.connection.run(statement);
    this.refuseLost();
    try {
      return this.connection.run(statement);
    } catch (error) {
      this.noteLoss(error);
      throw error;
    }
  }

  public open(readOnly: boolean): void {
    if (this.depth === 0) this.connection.command(readOnly ? "BEGIN" : "BEGIN IMMEDIATE");
    else {
      this.refuseLost();
      this.connection.command(`SAVEPOINT ${this.savepoint}`);
    }
  }

  public release(): void {
    this.refuseLost();
    this.connection.command(this.depth === 0 ? "COMMIT" : `RELEASE ${this.savepoint}`);
  }

  /** Undoes the frame, unless the database has done so. */
  public undo(): void {
    if (this.isOpen) {
      try {
        if (this.depth === 0) this.connection.command("ROLLBACK");
        else this.undoTo(this.savepoint);
      } catch (error) {
        this.noteLoss(error);
      }
    }
    if (this.depth === 0) this.lostTo = undefined;
  }

  /** Runs `fn`, and undoes only what it did where it throws. */
  public guard<T>(fn: () => T): T {
    this.connection.command("SAVEPOINT workglow_guard");
    try {
      const result = fn();
      this.connection.command("RELEASE workglow_guard");
      return result;
    } catch (error) {
      if (this.isOpen) this.undoTo("workglow_guard");
      throw error;
    }
  }

  /** Whether a transaction is open on the connection. */
  public get isOpen(): boolean {
    return this.connection.driver.inTransaction;
  }

  /** To be told of an error after which the transaction may be gone. */
  public noteLoss(error: unknown): void {
    if (this.depth > 0 && !this.isOpen) this.root.lostTo ??= { error };
  }

  private refuseLost(): void {
    const { lostTo } = this.root;
    if (lostTo !== undefined) throw classifySqliteError(lostTo.error);
  }

  private undoTo(savepoint: string): void {
    this.connection.command(`ROLLBACK TO ${savepoint}`);
    this.connection.command(`RELEASE ${savepoint}`);
  }
}
