import type { Prefix, PrefixColumn } from "../../base/prefixes.ts";
import type { Column } from "../schema/Column.ts";
import type { IndexDefinition, TableSchema } from "../schema/TableSchema.ts";

/** What a table is found to be like, where the database itself knows nothing of columns. */
export interface FoundShape {
  readonly schema: { readonly columns: readonly Column[]; readonly keyColumns: readonly Column[] };
  readonly prefixes: readonly PrefixColumn[];
  readonly indexes: readonly IndexDefinition[];
  /** The newest migration that the table has seen. */
  readonly version: number;
}

/** What a storage's schema wants its table to be like. */
export interface WantedShape extends FoundShape {
  readonly schema: TableSchema;
  readonly prefixes: readonly Prefix[];
}
