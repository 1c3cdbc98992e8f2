import {
  type ClientProvidedKeys,
  cell,
  type FoundShape,
  giveKey,
  givenRow,
  inSchemaOrder,
  type Row,
  type TableSchema,
  type WantedShape,
} from "@workglow/storage";
import {
  StorageConflictError,
  StorageSchemaMismatchError,
  StorageValidationError,
} from "@workglow/util";
import { request } from "../connection/request.ts";
import type { StoreTransaction } from "../connection/StoreTransaction.ts";
import { isTaken } from "../indexedDbErrors.ts";
import type { RecordCodec, StoredRecord } from "../records/RecordCodec.ts";
import { GeneratedKeys } from "./GeneratedKeys.ts";

/** What a user says about rows that no migration brings to the schema. */
export interface Replacement {
  readonly dataTransformer?: ((rows: readonly Record<string, unknown>[]) => unknown) | undefined;
  readonly allowDestructiveMigration?: boolean | undefined;
  /** Whether the rows that `dataTransformer` gives may lack a generated key. */
  readonly clientProvidedKeys?: ClientProvidedKeys | undefined;
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
 * one. Rows without their generated key get one.
 *
 * @throws StorageValidationError for what is no list of rows that the schema takes
 * @throws StorageConflictError for two rows of one key
 */
export async function replaceRows(
  tx: StoreTransaction,
  name: string,
  codec: RecordCodec,
  { dataTransformer, clientProvidedKeys }: Replacement,
): Promise<void> {
  const rows = tx.store(name);
  const records = await request<StoredRecord[]>(rows.getAll());
  await request(rows.clear());
  if (dataTransformer === undefined) return;
  const given = givenRows(dataTransformer(records.map(({ v }) => ({ ...v }))));
  const { table } = codec;
  const keyed = given.map((row): Row => {
    const canonical = table.canonicalRow(row);
    // Rows that were there keep their keys, whoever may give new ones.
    giveKey(table, canonical, clientProvidedKeys === "always" ? "always" : "if-missing");
    return canonical;
  });
  const stored = await numbered(tx, name, table, keyed);
  try {
    await Promise.all(stored.map((row) => request(rows.add(codec.record(row), codec.keyOf(row)))));
  } catch (cause) {
    if (!isTaken(cause)) throw cause;
    throw new StorageConflictError("dataTransformer gives two rows of the same key", { cause });
  }
}

function givenRows(given: unknown): readonly unknown[] {
  if (Array.isArray(given)) return given.map((row) => givenRow("dataTransformer", row));
  // A promise that rejects is not to be reported as unhandled.
  void Promise.resolve(given).catch(() => undefined);
  throw new StorageValidationError("dataTransformer gives a list of rows, and no promise of one");
}

/** The rows in the schema's order, those that lack their number with one. */
async function numbered(
  tx: StoreTransaction,
  name: string,
  table: TableSchema,
  rows: readonly Row[],
): Promise<readonly Row[]> {
  const { generated } = table;
  if (generated?.type !== "integer") return rows.map((row) => inSchemaOrder(table, row));
  const keys = new GeneratedKeys(name);
  await keys.load(tx);
  const numbers = rows.map((row) => cell(row, generated) as number | undefined);
  for (const number of numbers) if (number !== undefined) keys.observe(tx, number);
  return rows.map((row, at) =>
    inSchemaOrder(table, { ...row, [generated.name]: numbers[at] ?? keys.next(tx) }),
  );
}
