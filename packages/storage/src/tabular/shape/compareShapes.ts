import type { Column } from "../schema/Column.ts";
import type { IndexDefinition } from "../schema/TableSchema.ts";
import type { FoundShape, WantedShape } from "./TableShape.ts";

/** What a table lacks, and where it contradicts the schema of a storage. */
export interface ShapeComparison {
  readonly missingColumns: readonly Column[];
  readonly missingIndexes: readonly IndexDefinition[];
  /** One line each; nothing that `setupDatabase()` may repair by itself. */
  readonly columnDifferences: readonly string[];
  readonly indexDifferences: readonly string[];
}

export function compareShapes(wanted: WantedShape, found: FoundShape): ShapeComparison {
  const existing = new Map(found.schema.columns.map((column) => [column.name, column]));
  const missing = wanted.schema.columns.filter(({ name }) => !existing.has(name));
  return {
    missingColumns: missing.filter(takesNull),
    missingIndexes: wanted.indexes.filter(
      (index) => !found.indexes.some((f) => isSameIndex(index, f)),
    ),
    columnDifferences: [
      ...missing
        .filter((column) => !takesNull(column))
        .map(({ name }) => `column "${name}" is required but missing`),
      ...wanted.schema.columns.flatMap((column) =>
        columnDifferences(column, existing.get(column.name)),
      ),
      ...listDifferences(
        "primary key",
        names(wanted.schema.keyColumns),
        names(found.schema.keyColumns),
      ),
      ...listDifferences("tenant", tenant(wanted), tenant(found)),
      ...found.schema.columns
        .filter(({ name }) => !wanted.schema.has(name))
        .map(({ name }) => `column "${name}" is not in the schema`),
    ],
    indexDifferences: found.indexes
      .filter((index) => index.unique && !wanted.indexes.some((w) => isSameIndex(index, w)))
      .map(({ columns }) => `the unique index on ${quoted(names(columns))} is not in the schema`),
  };
}

/** Whether a column's values may be missing; whether that reads as null is another question. */
export const takesNull = ({ nullable, optional, inKey }: Column): boolean =>
  (nullable || optional) && !inKey;

export const isSameIndex = (a: IndexDefinition, b: IndexDefinition): boolean =>
  a.unique === b.unique && JSON.stringify(names(a.columns)) === JSON.stringify(names(b.columns));

function columnDifferences(wanted: Column, found: Column | undefined): string[] {
  if (found === undefined) return [];
  const { name } = wanted;
  const differences: string[] = [];
  if (typeText(found) !== typeText(wanted)) {
    differences.push(`column "${name}" is ${typeText(found)}, not ${typeText(wanted)}`);
  }
  if (takesNull(found) !== takesNull(wanted)) {
    differences.push(
      takesNull(wanted)
        ? `column "${name}" does not take null, as the schema does`
        : `column "${name}" takes null, as the schema does not`,
    );
  }
  return differences;
}

function listDifferences(
  what: string,
  wanted: readonly string[],
  found: readonly string[],
): string[] {
  if (JSON.stringify(wanted) === JSON.stringify(found)) return [];
  return [`the ${what} is ${quoted(found)}, not ${quoted(wanted)}`];
}

const typeText = ({ type, arrayName }: Column): string => arrayName ?? type;
const names = (columns: readonly Column[]): readonly string[] => columns.map(({ name }) => name);
const tenant = ({ prefixes }: FoundShape): readonly string[] =>
  prefixes.map(({ name, type }) => `${name} ${type}`);
const quoted = (texts: readonly string[]): string =>
  texts.length === 0 ? "nothing" : texts.map((text) => `"${text}"`).join(", ");
