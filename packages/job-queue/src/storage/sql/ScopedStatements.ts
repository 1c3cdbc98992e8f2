import type { Prefix } from "@workglow/storage";
import {
  quoteIdentifier,
  type SqlColumnType,
  type SqlDialect,
  type SqlValue,
} from "@workglow/storage/sql";
import { StorageValidationError } from "@workglow/util";
import { type BindNamed, type StatementTemplate, statementTemplate } from "./statementTemplate.ts";

export type Bind = BindNamed<string>;

/** A column that ties a row to its tenant and queue, and the name of its value in templates. */
interface ScopeColumn {
  readonly name: string;
  readonly value: string;
  readonly type: SqlColumnType;
}

/** Statements on rows that belong to a tenant and a queue. */
export abstract class ScopedStatements {
  public readonly dialect: SqlDialect;
  public readonly scope: readonly ScopeColumn[];
  /** Values that are the same in every statement. */
  public readonly fixed: Readonly<Record<string, SqlValue>>;
  protected readonly now: string;

  /** @param queue the queue's name, where it is always the same */
  protected constructor(dialect: SqlDialect, prefixes: readonly Prefix[], queue?: string) {
    this.dialect = dialect;
    this.now = dialect.nowExpression;
    for (const { name } of prefixes) {
      if (!dialect.isReservedColumn(name)) continue;
      throw new StorageValidationError(`prefix "${name}" has the name of another column`);
    }
    this.scope = [
      ...prefixes.map(({ name, type }, at) => ({
        name,
        value: `tenant${at}`,
        type: type === "number" ? ("integer" as const) : ("text" as const),
      })),
      { name: "queue", value: "queue", type: "text" },
    ];
    this.fixed = {
      ...Object.fromEntries(prefixes.map(({ value }, at) => [`tenant${at}`, value])),
      ...(queue !== undefined && { queue }),
    };
  }

  public quote(name: string): string {
    return quoteIdentifier(name, this.dialect.maxIdentifierBytes);
  }

  /** The tenant's and the queue's rows. */
  protected mine(bind: Bind): string {
    return this.scope
      .map(({ name, value, type }) => `${this.quote(name)} = ${bind(value, type)}`)
      .join(" AND ");
  }

  protected template<Name extends string>(write: (bind: Bind) => string): StatementTemplate<Name> {
    return statementTemplate(this.dialect, this.fixed, write) as StatementTemplate<Name>;
  }

  /** Made when it is first needed, with everything that the constructor sets. */
  protected lazily<Name extends string>(
    make: () => StatementTemplate<Name>,
  ): StatementTemplate<Name> {
    let made: StatementTemplate<Name> | undefined;
    return (values) => {
      made ??= make();
      return made(values);
    };
  }
}
