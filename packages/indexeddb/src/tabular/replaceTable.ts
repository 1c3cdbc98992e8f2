import type { FoundShape, Row, WantedShape } from "@workglow/storage";
import { StorageSchemaMismatchError, StorageValidationError } from "@workglow/util";
import { request } from "../connection/request.ts";
import type { RecordCodec, StoredRecord } from "../records/RecordCodec.ts";

/** What a user says about rows that no migration brings to the schema. */
export interface Replacement {
  readonly dataTransformer?: ((rows: readonly Record<string, unknown>[]) => unknown) | undefined;
  readonly allowDestructiveMigration?: boolean | undefined;
}

/**
 * Whether a table that differs from its schema may be replaced after all.
 *
 * @param mismatch what the comparison has thrown
 */
export function mayReplace(
  mismatch: unknown,
  wanted: WantedShape,
  found: FoundShape,
  { dataTransformer, allowDestructiveMigration }: Replacement,
): boolean {
  // A table of a newer version of the program is none of this one's business.
  if (!(mismatch instanceof StorageSchemaMismatchError) || found.version > wanted.version) {
    return false;
  }
  const plain = found.prefixes.length === 0 && wanted.prefixes.length === 0;
  return allowDestructiveMigration === true || (dataTransformer !== undefined && plain);
}

/**
 * Empties the row store, and fills it with what the user's function makes of the rows, if there is
 * one.
 */
export async function replaceRows(
  rows: IDBObjectStore,
  wanted: WantedShape,
  codec: RecordCodec,
  { dataTransformer }: Replacement,
): Promise<void> {
  const records = await request<StoredRecord[]>(rows.getAll());
  await request(rows.clear());
  if (dataTransformer === undefined) return;
  const given = dataTransformer(records.map(({ v }) => ({ ...v })));
  if (!Array.isArray(given)) {
    throw new StorageValidationError("dataTransformer gives a list of rows");
  }
  const canonical: Row[] = given.map((row) => wanted.schema.canonicalRow(row));
  await Promise.all(canonical.map((row) => request(rows.put(codec.record(row), codec.keyOf(row)))));
}
