import type { SqlColumnType, SqlDialect } from "./SqlDialect.ts";
import type { SqlParam, SqlStatement, SqlValue } from "./SqlExecutor.ts";

/** Collects the parameters of one statement while its text is put together. */
export class SqlBuilder {
  public readonly params: SqlParam[] = [];
  private readonly dialect: SqlDialect;

  public constructor(dialect: SqlDialect) {
    this.dialect = dialect;
  }

  /** Adds a parameter and gives its placeholder. */
  public readonly bind = (value: SqlParam): string => {
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
