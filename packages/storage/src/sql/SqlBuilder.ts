import { StorageValidationError } from "@workglow/util";
import type { SqlColumnType, SqlDialect } from "./SqlDialect.ts";
import type { SqlParam, SqlStatement, SqlValue } from "./SqlExecutor.ts";

/** Collects the parameters of one statement while its text is put together. */
export class SqlBuilder {
  public readonly params: SqlParam[] = [];
  private readonly dialect: SqlDialect;

  public constructor(dialect: SqlDialect) {
    this.dialect = dialect;
  }

  /**
   * Adds a parameter and gives its placeholder.
   *
   * @throws StorageValidationError for more parameters than the database takes
   */
  public readonly bind = (value: SqlParam): string => {
    if (this.params.length >= this.dialect.maxParameters) {
      throw new StorageValidationError(
        `the call has more values than the ${this.dialect.maxParameters} parameters that the database takes in one statement: ask in parts, or use "in" for a list of values`,
      );
    }
    this.params.push(value);
    return this.dialect.placeholder(this.params.length);
  };

  /** Adds a value that is stored in, or compared with, a column of the type. */
  public bindAs(value: SqlValue, type: SqlColumnType): string {
    return this.dialect.bindExpression(this.bind(value), type);
  }

  public statement(text: string): SqlStatement {
    return { text, params: this.params };
  }
}
