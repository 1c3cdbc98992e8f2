import { StorageValidationError, sha256Hex } from "@workglow/util";
import type { Prefix } from "../base/prefixes.ts";
import type { Column, ColumnType } from "../tabular/schema/Column.ts";
import type { CanonicalValue } from "../tabular/schema/canonicalValue.ts";
import type { TableSchema } from "../tabular/schema/TableSchema.ts";
import type { SqlChangeTable } from "./changes/SqlChangeFeed.ts";
import { type ColumnCodec, codecOf } from "./columnCodec.ts";
import type { DerivedColumn, DerivedColumnSpec } from "./DerivedColumn.ts";
import type { CountedKey } from "./KeyCounter.ts";
import { quoteIdentifier } from "./quoteIdentifier.ts";
import type { SqlColumnType, SqlDialect } from "./SqlDialect.ts";
import type { SqlValue } from "./SqlExecutor.ts";
import { type GuardedTable, type TableGuard, unguarded } from "./TableGuard.ts";

/** A column as the database has it. */
export interface SqlColumn {
  /** Its name in the database, unquoted. */
  readonly name: string;
  readonly quoted: string;
  /**
   * The quoted name with the table's before it, for conditions and results: some builds of SQLite
   * take a bare quoted name that is no column for a text.
   */
  readonly reference: string;
  readonly type: SqlColumnType;
  /** The type as DDL spells it. */
  readonly ddlType: string;
  /** What it is selected by. */
  readonly selected: string;
  readonly nullable: boolean;
  /** The property that it keeps; `undefined` for a tenant's column. */
  readonly property: Column | undefined;
  readonly codec: ColumnCodec;
}

export interface SqlIndex {
  readonly name: string;
  readonly columns: readonly SqlColumn[];
  readonly unique: boolean;
}

/** Names of the tables in which the library keeps counters, migrations, leases and changes. */
const OWN_TABLE = /^_workglow_/i;

const SQL_TYPES: Readonly<Record<ColumnType, SqlColumnType>> = {
  string: "text",
  number: "double",
  integer: "integer",
  int64: "int64",
  boolean: "boolean",
  "date-time": "timestamp",
  blob: "bytes",
  typedArray: "bytes",
  json: "json",
};

/** A {@link TableSchema} as a physical table: tenant columns first, in the key and in every index. */
export class SqlTable {
  public readonly name: string;
  /** The name as statements take it, with its schema where the dialect is for one. */
  public readonly quoted: string;
  public readonly dialect: SqlDialect;
  public readonly schema: TableSchema;
  public readonly prefixes: readonly Prefix[];
  public readonly prefixColumns: readonly SqlColumn[];
  /** The tenant columns' values, in their order. */
  public readonly prefixValues: readonly SqlValue[];
  /** The schema's columns, in its order. */
  public readonly properties: readonly SqlColumn[];
  /** The columns that the storage keeps beside the properties. */
  public readonly derived: readonly DerivedColumn[];
  /** The primary key: tenant columns, then the schema's key. */
  public readonly key: readonly SqlColumn[];
  public readonly indexes: readonly SqlIndex[];
  private readonly byName: ReadonlyMap<string, SqlColumn>;

  /**
   * @throws StorageValidationError for names that the database cannot have, and too many columns
   */
  public constructor(
    name: string,
    schema: TableSchema,
    prefixes: readonly Prefix[],
    dialect: SqlDialect,
    derived: readonly DerivedColumnSpec[] = [],
  ) {
    this.dialect = dialect;
    this.name = name;
    this.quoted = dialect.qualified(name);
    if (dialect.isReservedTable(name) || OWN_TABLE.test(name)) {
      throw new StorageValidationError(`table names like "${name}" are kept for internal use`);
    }
    this.schema = schema;
    this.prefixes = prefixes;
    const taken = new Set<string>();
    this.prefixColumns = prefixes.map((prefix) =>
      this.physical(prefix.name, prefix.type === "number" ? "integer" : "text", undefined, taken),
    );
    this.prefixValues = prefixes.map(({ value }) => value);
    this.properties = schema.columns.map((column) =>
      this.physical(column.name, SQL_TYPES[column.type], column, taken),
    );
    this.derived = derived.map((spec) => this.derivedColumn(spec, taken));
    if (taken.size > dialect.maxColumns) {
      throw new StorageValidationError(`a table holds at most ${dialect.maxColumns} columns`);
    }
    this.byName = new Map(this.properties.map((c) => [(c.property as Column).name, c]));
    this.key = [...this.prefixColumns, ...schema.keyColumns.map((column) => this.column(column))];
    this.indexes = this.physicalIndexes();
  }

  /** The physical column of a property. */
  public column(property: Column): SqlColumn {
    return this.byName.get(property.name) as SqlColumn;
  }

  public quote(name: string): string {
    return quoteIdentifier(name, this.dialect.maxIdentifierBytes);
  }

  /** The generated integer key, if the schema has one. */
  public get countedKey(): CountedKey | undefined {
    const { generated } = this.schema;
    if (generated?.type !== "integer") return undefined;
    return {
      table: this.name,
      quotedTable: this.quoted,
      quotedColumn: this.column(generated).quoted,
    };
  }

  /** What travels with the table's changes. */
  public get changes(): SqlChangeTable {
    return {
      table: this.name,
      columns: [...this.prefixColumns, ...this.properties],
      keyColumns: this.key.map(({ name }) => name),
    };
  }

  /** What keeps its tenants apart. */
  public get guard(): TableGuard {
    return this.prefixColumns.length === 0 ? unguarded : (this.dialect.guard ?? unguarded);
  }

  public get guarded(): GuardedTable {
    return { table: this.name, tenant: this.prefixColumns, changes: this.changes };
  }

  /** The values of the primary key, tenant columns included, for statements on one row. */
  public keyValues(key: { readonly [column: string]: CanonicalValue }): SqlValue[] {
    const values = this.prefixValues.slice();
    for (const column of this.schema.keyColumns) {
      values.push(this.column(column).codec.encode(key[column.name] as CanonicalValue));
    }
    return values;
  }

  /** A property's column outside of the schema, as migrations meet them. */
  public columnOutside(property: Column): SqlColumn {
    return this.physical(property.name, SQL_TYPES[property.type], property, new Set());
  }

  private derivedColumn(
    { name, from, type, encode }: DerivedColumnSpec,
    taken: Set<string>,
  ): DerivedColumn {
    const physicalName = this.freeName(name, taken);
    const quoted = this.quote(physicalName);
    return {
      name: physicalName,
      quoted,
      reference: `${this.quote(this.name)}.${quoted}`,
      type,
      // The database may be asked how it spells the type after the table is described.
      get ddlType() {
        return type.ddl;
      },
      nullable: true,
      from: this.schema.column(from),
      encode,
    };
  }

  private physical(
    name: string,
    type: SqlColumnType,
    property: Column | undefined,
    taken: Set<string>,
  ): SqlColumn {
    const physicalName = this.freeName(name, taken);
    const quoted = this.quote(physicalName);
    const reference = `${this.quote(this.name)}.${quoted}`;
    const arrayName = property?.type === "typedArray" ? (property.arrayName ?? "any") : undefined;
    return {
      name: physicalName,
      quoted,
      reference,
      type,
      ddlType: this.dialect.columnType(type, arrayName),
      selected: this.dialect.selectExpression(reference, type),
      nullable:
        property !== undefined && (property.nullable || property.optional) && !property.inKey,
      property,
      codec: codecOf(property),
    };
  }

  /**
   * Properties that differ in case only get different names where the database sees one, and so do
   * those that have the name of a column of the database's own.
   */
  private freeName(name: string, taken: Set<string>): string {
    const folded = (text: string): string =>
      this.dialect.caseInsensitiveColumns ? text.toLowerCase() : text;
    let free = name;
    const isTaken = (): boolean => taken.has(folded(free)) || this.dialect.isReservedColumn(free);
    for (let n = 2; isTaken(); n++) free = `${name}~${n}`;
    taken.add(folded(free));
    return free;
  }

  private physicalIndexes(): readonly SqlIndex[] {
    const indexes = new Map<string, SqlIndex>();
    for (const { columns, unique } of this.schema.indexes) {
      const named = columns.map((column) => this.column(column));
      // The key completes the order of a read; in a unique index it would undo the uniqueness.
      const rest = unique ? [] : this.key.slice(this.prefixColumns.length);
      const all = [...new Set([...this.prefixColumns, ...named, ...rest])];
      const name = indexName(this.name, all, unique);
      indexes.set(name, { name, columns: all, unique });
    }
    return [...indexes.values()];
  }
}

const LONGEST_READABLE = 24;

/** The same name for the same index, short enough for every database. */
export function indexName(
  table: string,
  columns: readonly { readonly name: string }[],
  unique: boolean,
): string {
  const readable = table.replace(/[^A-Za-z0-9_]/g, "_").slice(0, LONGEST_READABLE);
  const identity = JSON.stringify([table, unique, columns.map(({ name }) => name)]);
  return `${readable}_${sha256Hex(identity).slice(0, 16)}_${unique ? "key" : "idx"}`;
}
