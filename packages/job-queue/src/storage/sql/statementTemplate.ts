import type {
  SqlColumnType,
  SqlDialect,
  SqlParam,
  SqlStatement,
  SqlValue,
} from "@workglow/storage/sql";

/** Puts a placeholder for the named value, which is stored in or compared with such a column. */
export type BindNamed<Name extends string> = (name: Name, type?: SqlColumnType) => string;

export type StatementTemplate<Name extends string> = (
  values: Readonly<Record<Name, SqlValue>>,
) => SqlStatement;

/**
 * A statement whose text is written once, so that databases can keep it prepared, and whose values
 * are given by name. `fixed` values are the same at every call.
 */
export function statementTemplate<Name extends string, Fixed extends string>(
  dialect: SqlDialect,
  fixed: Readonly<Record<Fixed, SqlValue>>,
  write: (bind: BindNamed<Name | Fixed>) => string,
): StatementTemplate<Exclude<Name, Fixed>> {
  const names: (Name | Fixed)[] = [];
  const text = write((name, type = "text") => {
    names.push(name);
    return dialect.bindExpression(dialect.placeholder(names.length), type);
  });
  const isFixed = names.map((name) => Object.hasOwn(fixed, name));
  const constants = names.map((name, at) => (isFixed[at] ? fixed[name as Fixed] : null));
  return (values) => {
    const params: SqlParam[] = new Array(names.length);
    for (let at = 0; at < names.length; at++) {
      params[at] = isFixed[at]
        ? (constants[at] as SqlValue)
        : values[names[at] as Exclude<Name, Fixed>];
    }
    return { text, params };
  };
}
