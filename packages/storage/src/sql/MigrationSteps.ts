import type { Migration, MigrationStep } from "../migrations/Migration.ts";
import type { Column } from "../tabular/schema/Column.ts";
import { type CanonicalValue, canonicalValue } from "../tabular/schema/canonicalValue.ts";
import type { SqlValue } from "./SqlExecutor.ts";
import type { SqlColumn, SqlTable } from "./SqlTable.ts";

type AddColumn = Extract<MigrationStep, { readonly addColumn: string }>;

/** What a required column holds until a later step fills it. */
const EMPTY_VALUES: Readonly<Record<Column["type"], SqlValue>> = {
  string: "",
  number: 0,
  integer: 0,
  int64: 0,
  boolean: 0,
  "date-time": "0001-01-01T00:00:00.000Z",
  blob: new Uint8Array(),
  typedArray: new Uint8Array(),
  json: "null",
};

/**
 * The steps of several migrations in a row, and what their columns mean: a column is defined by the
 * schema under the name that it ends up with.
 */
export class MigrationSteps {
  public readonly steps: readonly MigrationStep[];
  private readonly table: SqlTable;

  public constructor(table: SqlTable, migrations: readonly Migration[]) {
    this.table = table;
    this.steps = migrations.flatMap(({ steps }) => steps);
  }

  /** The column that is called `name` before step `at`; `undefined` if a later step drops it. */
  public columnAt(at: number, name: string): SqlColumn | undefined {
    let current = name;
    for (const step of this.steps.slice(at)) {
      if ("dropColumn" in step && step.dropColumn === current) return undefined;
      if ("renameColumn" in step && step.renameColumn === current) current = step.to;
    }
    const { schema } = this.table;
    if (!schema.has(current)) return undefined;
    const column = this.table.column(schema.column(current));
    return current === name
      ? column
      : this.table.columnOutside({ ...(column.property as Column), name });
  }

  /** What the column that is called `name` before step `at` was called before an earlier step. */
  public nameAt(at: number, then: number, name: string): string | undefined {
    let current = name;
    for (const step of this.steps.slice(then, at).reverse()) {
      if ("addColumn" in step && step.addColumn === current) return undefined;
      if ("renameColumn" in step && step.to === current) current = step.renameColumn;
    }
    return current;
  }

  /** Whether a column that was called `name` has another name before step `at`. */
  public hasRenamed(at: number, name: string): boolean {
    return this.steps
      .slice(0, at)
      .some((step) => "renameColumn" in step && step.renameColumn === name);
  }

  /** The names of the columns that the table has before step `at`. */
  public columnsBefore(at: number): readonly string[] {
    const names = new Set(this.table.properties.map(({ name }) => name));
    for (const step of this.steps.slice(at).reverse()) {
      if ("addColumn" in step) names.delete(step.addColumn);
      else if ("dropColumn" in step) names.add(step.dropColumn);
      else if ("renameColumn" in step && names.delete(step.to)) names.add(step.renameColumn);
    }
    return [...names];
  }

  /** The columns of indexes that steps before `at` have added, by the names of that moment. */
  public indexesAdded(at: number): readonly (readonly string[])[] {
    let lists: (readonly string[])[] = [];
    for (const step of this.steps.slice(0, at)) {
      if ("addIndex" in step) lists.push(step.addIndex);
      else if ("dropColumn" in step) lists = lists.filter((l) => !l.includes(step.dropColumn));
      else if ("renameColumn" in step) {
        const { renameColumn, to } = step;
        lists = lists.map((list) => list.map((name) => (name === renameColumn ? to : name)));
      }
    }
    return lists;
  }

  /** DDL of a step that adds a column. */
  public addColumnSql(at: number, step: AddColumn): string {
    const column =
      this.columnAt(at + 1, step.addColumn) ?? this.table.columnOutside(dropped(step.addColumn));
    const value = this.defaultOf(column, step);
    const clause = value === null ? "" : ` DEFAULT ${this.table.dialect.literal(value)}`;
    return `ALTER TABLE ${this.table.quoted} ADD COLUMN ${column.quoted} ${column.ddlType}${column.nullable ? "" : " NOT NULL"}${clause}`;
  }

  private defaultOf(column: SqlColumn, step: AddColumn): SqlValue {
    const property = column.property as Column;
    const { default: given } = step;
    if (given === undefined || given === null) {
      return column.nullable ? null : EMPTY_VALUES[property.type];
    }
    return column.codec.encode(canonicalValue(property, given) as CanonicalValue);
  }
}

/** A column that no schema describes any more: anything that JSON can say. */
export function dropped(
  name: string,
  kind: Partial<Pick<Column, "type" | "arrayName">> = {},
): Column {
  return {
    name,
    index: 0,
    type: kind.type ?? "json",
    arrayName: kind.arrayName,
    nullable: true,
    optional: true,
    inKey: false,
    generated: false,
    inherited: name in Object.prototype,
  };
}
