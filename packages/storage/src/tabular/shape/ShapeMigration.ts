import { StorageValidationError } from "@workglow/util";
import { givenRow } from "../../migrations/givenRow.ts";
import type { Migration, MigrationStep } from "../../migrations/Migration.ts";
import type { Column } from "../schema/Column.ts";
import { type CanonicalValue, canonicalValue } from "../schema/canonicalValue.ts";
import { cell, type IndexDefinition, type Row, type TableSchema } from "../schema/TableSchema.ts";
import { typedArrayConstructor } from "../schema/typedArrayFormat.ts";
import { isSameIndex, takesNull } from "./compareShapes.ts";
import type { FoundShape } from "./TableShape.ts";

/**
 * The steps of migrations, carried out on the description of a table and on its rows. Steps whose
 * work is done already (a column that set-up had added, say) are passed over.
 */
export class ShapeMigration {
  private readonly wanted: TableSchema;
  private readonly steps: readonly MigrationStep[];
  private readonly found: FoundShape;
  private columns: readonly Column[];
  private indexes: readonly IndexDefinition[];
  /** What is done to each row, in order. */
  private readonly changes: ((row: Row) => Row)[] = [];

  /** @throws StorageValidationError for a default that its column does not take */
  public constructor(wanted: TableSchema, found: FoundShape, migrations: readonly Migration[]) {
    this.wanted = wanted;
    this.found = found;
    this.steps = migrations.flatMap(({ steps }) => steps);
    this.columns = found.schema.columns;
    this.indexes = found.indexes;
    for (const [at, step] of this.steps.entries()) this.take(step, at);
  }

  /** What the table is like afterwards. */
  public get shape(): FoundShape {
    const { columns, indexes } = this;
    const { schema, prefixes, version } = this.found;
    return { schema: { columns, keyColumns: schema.keyColumns }, prefixes, indexes, version };
  }

  /** A row as it is afterwards. */
  public rewritten(row: Row): Row {
    return this.changes.reduce((current, change) => change(current), row);
  }

  private take(step: MigrationStep, at: number): void {
    if ("transform" in step) this.transform(step.transform);
    else if ("addColumn" in step) this.addColumn(step.addColumn, step.default, at);
    else if ("renameColumn" in step) this.renameColumn(step.renameColumn, step.to);
    else if ("dropColumn" in step) this.dropColumn(step.dropColumn);
    else if ("addIndex" in step) this.addIndex(step.addIndex, step.unique === true, at);
    else this.dropIndex(step.dropIndex);
  }

  private addColumn(name: string, given: unknown, at: number): void {
    if (this.find(name) !== undefined) return;
    const column = this.columnAfter(at, name);
    const isNull = given === undefined || given === null;
    const value = isNull ? emptyValue(column) : canonicalValue(column, given);
    this.columns = [...this.columns, column];
    if (value !== null) this.changes.push((row) => ({ ...row, [name]: value }));
  }

  private renameColumn(from: string, to: string): void {
    const column = this.find(from);
    if (column === undefined) {
      if (this.find(to) !== undefined) return;
      throw new StorageValidationError(`a migration renames column "${from}", which is not there`);
    }
    const renamed = { ...column, name: to, inherited: to in Object.prototype };
    const rename = (c: Column): Column => (c === column ? renamed : c);
    this.columns = this.columns.map(rename);
    this.indexes = this.indexes.map((index) => ({ ...index, columns: index.columns.map(rename) }));
    this.changes.push((row) => {
      const { [from]: _, ...rest } = row;
      const value = cell(row, column);
      return value === undefined ? rest : { ...rest, [to]: value };
    });
  }

  private dropColumn(name: string): void {
    const column = this.find(name);
    if (column === undefined) return;
    this.columns = this.columns.filter((c) => c !== column);
    this.indexes = this.indexes.filter((index) => !index.columns.includes(column));
    this.changes.push(({ [name]: _, ...rest }) => rest);
  }

  private addIndex(names: readonly string[], unique: boolean, at: number): void {
    const columns = names.map((name) => this.find(name) ?? this.columnAfter(at, name));
    const index = { columns, unique };
    if (!this.indexes.some((i) => isSameIndex(i, index))) this.indexes = [...this.indexes, index];
  }

  private dropIndex(names: readonly string[]): void {
    const list = JSON.stringify(names);
    this.indexes = this.indexes.filter(
      ({ columns }) => JSON.stringify(columns.map(({ name }) => name)) !== list,
    );
  }

  private transform(fn: (row: Readonly<Row>) => Row): void {
    const known = new Map(this.columns.map((column) => [column.name, column]));
    this.changes.push((row) => {
      const changed: Row = {};
      const given = givenRow("a migration's transform", fn(structuredClone(row)));
      for (const [name, value] of Object.entries(given)) {
        const column = known.get(name);
        if (column === undefined) {
          throw new StorageValidationError(
            `a migration's transform gives column "${name}", which is not there`,
          );
        }
        if (value !== undefined && value !== null) changed[name] = canonicalValue(column, value);
      }
      for (const { name } of this.found.schema.keyColumns)
        changed[name] = row[name] as CanonicalValue;
      return changed;
    });
  }

  private find(name: string): Column | undefined {
    return this.columns.find((column) => column.name === name);
  }

  /** The column that a step makes, by the schema under the name that it ends up with. */
  private columnAfter(at: number, name: string): Column {
    let last: string | undefined = name;
    for (const step of this.steps.slice(at + 1)) {
      if ("dropColumn" in step && step.dropColumn === last) last = undefined;
      if ("renameColumn" in step && step.renameColumn === last) last = step.to;
    }
    const inherited = name in Object.prototype;
    if (last !== undefined && this.wanted.has(last)) {
      return { ...this.wanted.column(last), name, inherited };
    }
    const anything = {
      type: "json",
      arrayName: undefined,
      nullable: true,
      optional: true,
    } as const;
    return { ...anything, name, index: 0, inKey: false, generated: false, inherited };
  }
}

/** What a column holds until a later step fills it. */
function emptyValue(column: Column): CanonicalValue {
  if (takesNull(column)) return null;
  switch (column.type) {
    case "string":
      return "";
    case "number":
    case "integer":
      return 0;
    case "int64":
      return 0n;
    case "boolean":
      return false;
    case "date-time":
      return "0001-01-01T00:00:00.000Z";
    case "blob":
      return new Uint8Array();
    case "typedArray":
      return new (typedArrayConstructor(column.arrayName ?? "Float32Array"))(0);
    case "json":
      return null;
  }
}
