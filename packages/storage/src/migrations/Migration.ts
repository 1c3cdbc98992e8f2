import type { Row } from "../tabular/schema/TableSchema.ts";

/** One declarative step, which every backend can do. */
export type MigrationStep =
  | { readonly addColumn: string; readonly default?: unknown }
  | { readonly renameColumn: string; readonly to: string }
  | { readonly dropColumn: string }
  | { readonly addIndex: readonly string[]; readonly unique?: boolean }
  | { readonly dropIndex: readonly string[] }
  /**
   * Rewrites every row, in batches by key; the key's columns stay as they are. What gives anything
   * but a row, such as a promise, is a `StorageValidationError`, and nothing is changed.
   */
  | { readonly transform: (row: Readonly<Row>) => Row };

/** The step from one version of a table to the next. Versions are integers from 1 upwards. */
export interface Migration {
  readonly version: number;
  readonly steps: readonly MigrationStep[];
}
