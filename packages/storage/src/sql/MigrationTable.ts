import type { SqlDialect } from "./SqlDialect.ts";
import type { SqlProgram } from "./SqlExecutor.ts";

const MIGRATION_TABLE = "_workglow_migrations";

type Names = Pick<
  SqlDialect,
  "placeholder" | "literal" | "describeTable" | "nowExpression" | "columnType" | "qualified"
>;

/** Which migrations each table has seen. */
export class MigrationTable {
  private readonly dialect: Names;
  private readonly table: string;

  public constructor(dialect: Names) {
    this.dialect = dialect;
    this.table = dialect.qualified(MIGRATION_TABLE);
  }

  public get createSql(): string {
    const { columnType } = this.dialect;
    return `CREATE TABLE IF NOT EXISTS ${this.table} (
  "table_name" ${columnType("text")} NOT NULL,
  "version" ${columnType("integer")} NOT NULL,
  "applied_at" ${columnType("timestamp")} NOT NULL,
  PRIMARY KEY ("table_name", "version")
)`;
  }

  /** The newest version that the table has, 0 where none is recorded. */
  public *version(table: string): SqlProgram<number> {
    if ((yield* this.dialect.describeTable(MIGRATION_TABLE)) === undefined) return 0;
    const { rows } = yield {
      text: `SELECT max("version") FROM ${this.table} WHERE "table_name" = ${this.dialect.placeholder(1)}`,
      params: [table],
    };
    return Number(rows[0]?.[0] ?? 0);
  }

  /** Records versions, with nothing to bind. */
  public recordSql(table: string, versions: readonly number[], condition = "true"): string {
    const name = this.dialect.literal(table);
    const rows = versions.map(
      (version) => `SELECT ${name}, ${version}, ${this.dialect.nowExpression} WHERE ${condition}`,
    );
    return `INSERT INTO ${this.table} ("table_name", "version", "applied_at")\n${rows.join("\nUNION ALL ")}\nON CONFLICT ("table_name", "version") DO NOTHING`;
  }
}
