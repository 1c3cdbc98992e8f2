import type { Column, TableSchema } from "@workglow/storage";

/** An index of a table's row store, over the property of the same name in each record. */
export interface RecordIndex {
  readonly name: string;
  /** What an entry holds behind the tenant's prefix values. */
  readonly columns: readonly Column[];
  /** No two records of a tenant have the same entry; a record with a null among them has none. */
  readonly unique: boolean;
  /** Whether each row has an entry, so that rows can be found by it. */
  readonly searchable: boolean;
}

/**
 * The indexes that a table needs, by its declared ones: `i0`, `i1` … for searches and `u0`, `u1` …
 * for uniqueness, numbered by their place among the declared ones. What the primary key or an
 * earlier index orders alike is left out, and a unique index over columns that are never null serves
 * searches as well.
 */
export function recordIndexes(
  table: Pick<TableSchema, "keyColumns" | "indexes">,
): readonly RecordIndex[] {
  const orders = new Set([identityOf(table.keyColumns)]);
  const found: RecordIndex[] = [];
  for (const [place, { columns, unique }] of table.indexes.entries()) {
    const isTotal = !columns.some(mayBeNull);
    if (unique) found.push({ name: `u${place}`, columns, unique, searchable: isTotal });
    if (unique && isTotal) continue;
    const searched = [...new Set([...columns, ...table.keyColumns])];
    const identity = identityOf(searched);
    if (orders.has(identity)) continue;
    orders.add(identity);
    found.push({ name: `i${place}`, columns: searched, unique: false, searchable: true });
  }
  return found;
}

const mayBeNull = ({ nullable, optional, inKey }: Column): boolean =>
  !inKey && (nullable || optional);

const identityOf = (columns: readonly Column[]): string =>
  JSON.stringify(columns.map(({ name }) => name));
