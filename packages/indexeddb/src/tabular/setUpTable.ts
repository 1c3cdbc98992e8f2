import {
  type FoundShape,
  type Migration,
  planSetUp,
  type SetUpPlan,
  type WantedShape,
} from "@workglow/storage";
import { StorageSchemaMismatchError } from "@workglow/util";
import type { TableChanges } from "../changes/TableChanges.ts";
import type { IndexedDbDatabase, Upgrade } from "../connection/IndexedDbDatabase.ts";
import { request } from "../connection/request.ts";
import { StoreTransaction } from "../connection/StoreTransaction.ts";
import { RecordCodec, type StoredRecord } from "../records/RecordCodec.ts";
import { recordIndexes } from "../records/recordIndexes.ts";
import {
  assertVectors,
  dropVectors,
  type MadeVectors,
  makeVectors,
} from "../vector/makeVectors.ts";
import type { VectorsOfTable } from "../vector/vectorRecords.ts";
import { largestOfAll } from "./largestKeys.ts";
import { mayReplace, type Replacement, replaceRows } from "./replaceTable.ts";
import { SIDE, sideStore } from "./sideStore.ts";
import { definitionOf, shapeOf, type TableDefinition } from "./TableDefinition.ts";

/** A table as a storage wants to have it. */
export interface WantedTable {
  readonly database: IndexedDbDatabase;
  readonly name: string;
  readonly shape: WantedShape;
  readonly migrations: readonly Migration[];
  readonly changes: TableChanges;
  /** What its searches by vector go by, if it has any. */
  readonly wantedVectors: VectorsOfTable | undefined;
}

/** How many rows a migration holds in memory. */
const ROWS_AT_ONCE = 500;

/** The codec of a storage's rows in a table that has these indexes. */
export function codecFor(wanted: WantedShape, indexes: FoundShape["indexes"]): RecordCodec {
  const { schema, prefixes } = wanted;
  const { keyColumns } = schema;
  return new RecordCodec(schema, prefixes, recordIndexes({ keyColumns, indexes }));
}

/**
 * Makes a table, or brings the one that is there to the storage's schema, in one upgrade of the
 * database; where nothing is missing it only reads. Any number of tabs may do this at once.
 *
 * @throws StorageSchemaMismatchError for a table that only a migration can bring to the schema
 * @throws StorageConflictError when rows share the values of a new unique index
 */
export async function setUpTable(wanted: WantedTable, replacement: Replacement): Promise<void> {
  const { database, name, shape, migrations, changes, wantedVectors } = wanted;
  let interrupted = false;
  await database.upgrade(async (db) => {
    if (db === undefined || !db.objectStoreNames.contains(name)) return creation(wanted);
    const side = sideStore(name);
    const definition = await definitionIn(db, name, () =>
      request<TableDefinition | undefined>(
        database.begin([side], "readonly").objectStore(side).get(SIDE.shape),
      ),
    );
    const found = shapeOf(definition);
    const { vectors } = definition;
    let plan: SetUpPlan | undefined;
    try {
      plan = planSetUp(name, shape, found, migrations);
      // Only a migration may change which vectors there are.
      if (found.version >= shape.version) assertVectors(name, wantedVectors, vectors);
    } catch (mismatch) {
      if (!mayReplace(mismatch, shape, found, replacement)) throw mismatch;
      interrupted = true;
      return replacing(wanted, replacement, vectors);
    }
    interrupted = plan !== undefined;
    if (plan !== undefined) return reshaping(wanted, plan, vectors);
    if (wantedVectors !== undefined && vectors === undefined) {
      return vectorizing(wanted, found, wantedVectors);
    }
    return beginsToCount(shape, found) ? counting(wanted, definition) : undefined;
  });
  if (interrupted) changes.announce();
  void changes.sweep();
}

/**
 * What the table is like, by the record that its set-up has left.
 *
 * @throws StorageSchemaMismatchError where there is none
 */
export async function definitionIn(
  db: IDBDatabase,
  name: string,
  definition: () => Promise<TableDefinition | undefined>,
): Promise<TableDefinition> {
  const found = db.objectStoreNames.contains(sideStore(name)) ? await definition() : undefined;
  if (isDefinition(found)) return found;
  throw new StorageSchemaMismatchError(`"${name}" is no table of this library`, [
    "the database has an object store of that name that holds something else",
  ]);
}

/** Other stores of this library, as those of queues, have a record of their own form there. */
function isDefinition(found: TableDefinition | undefined): found is TableDefinition {
  return found?.format === 1 && Array.isArray(found.columns);
}

function creation({ name, shape, wantedVectors }: WantedTable): Upgrade {
  return async (db, raw) => {
    const rows = db.createObjectStore(name);
    createIndexes(rows, codecFor(shape, shape.indexes));
    db.createObjectStore(sideStore(name), { autoIncrement: true });
    await define(db, upgradeIn(raw), name, shape, wantedVectors);
  };
}

/** Rewrites every row, with the entries of the indexes that the table is to have. */
function reshaping(
  { name, shape, changes, wantedVectors }: WantedTable,
  plan: SetUpPlan,
  vectors: MadeVectors | undefined,
): Upgrade {
  return async (db, raw) => {
    const tx = upgradeIn(raw);
    await changes.interrupt(tx);
    const rows = raw.objectStore(name);
    const codec = codecFor(shape, plan.shape.indexes);
    for (const index of [...rows.indexNames]) rows.deleteIndex(index);
    await rewriteRows(rows, (key, { v }) => codec.recordAt(key, plan.rewrite(v)));
    // Made when the rows have their entries, so that each is entered once.
    createIndexes(rows, codec);
    await raiseCounter(tx, name, shape);
    await define(db, tx, name, plan.shape, wantedVectors ?? vectors);
  };
}

/** Makes the table anew, with what the user's function gives for its rows. */
function replacing(
  { name, shape, changes, wantedVectors }: WantedTable,
  replacement: Replacement,
  vectors: MadeVectors | undefined,
): Upgrade {
  return async (db, raw) => {
    const tx = upgradeIn(raw);
    await changes.interrupt(tx);
    const rows = raw.objectStore(name);
    const codec = codecFor(shape, shape.indexes);
    for (const index of [...rows.indexNames]) rows.deleteIndex(index);
    await replaceRows(tx, name, codec, replacement);
    createIndexes(rows, codec);
    await raiseCounter(tx, name, shape);
    await define(db, tx, name, shape, wantedVectors ?? vectors);
  };
}

/** Gives a table that had none the vectors that searches go by. */
function vectorizing({ name }: WantedTable, found: FoundShape, vectors: VectorsOfTable): Upgrade {
  return (db, raw) => define(db, upgradeIn(raw), name, found, vectors);
}

/** Whether the table's keys are to be counted from now on, and were not. */
function beginsToCount({ schema }: WantedShape, found: FoundShape): boolean {
  const { generated } = schema;
  if (generated?.type !== "integer") return false;
  return found.schema.columns.some((c) => c.name === generated.name && !c.generated);
}

/** Has the counter begin above the keys that there are. */
function counting({ name, shape }: WantedTable, definition: TableDefinition): Upgrade {
  const { generated } = shape.schema;
  const columns = definition.columns.map((column) =>
    column.name === generated?.name ? { ...column, generated: true } : column,
  );
  return async (_, raw) => {
    const tx = upgradeIn(raw);
    await raiseCounter(tx, name, shape);
    await tx.put(sideStore(name), { ...definition, columns }, SIDE.shape);
  };
}

async function raiseCounter(tx: StoreTransaction, name: string, shape: WantedShape): Promise<void> {
  if (shape.schema.generated?.type !== "integer") return;
  const side = sideStore(name);
  const codec = codecFor(shape, shape.indexes);
  const [last = 0, largest] = await Promise.all([
    tx.get<number>(side, SIDE.counter),
    largestOfAll(tx.store(name), codec, shape),
  ]);
  if (largest > last) await tx.put(side, largest, SIDE.counter);
}

/** Writes down what the table is like now, and makes its vectors anew. */
async function define(
  db: IDBDatabase,
  tx: StoreTransaction,
  name: string,
  shape: FoundShape,
  { column, dimensions }: Partial<VectorsOfTable> = {},
): Promise<void> {
  const isKept = shape.schema.columns.some((c) => c.name === column && c.type === "typedArray");
  dropVectors(db, name);
  const made =
    isKept && column !== undefined && dimensions !== undefined
      ? await makeVectors(db, tx, name, shape, { column, dimensions })
      : undefined;
  await tx.put(sideStore(name), definitionOf(shape, made), SIDE.shape);
}

function upgradeIn(raw: IDBTransaction): StoreTransaction {
  return new StoreTransaction(raw, { onCommit: () => undefined });
}

async function rewriteRows(
  rows: IDBObjectStore,
  rewrite: (key: IDBValidKey, record: StoredRecord) => StoredRecord,
): Promise<void> {
  let after: IDBKeyRange | undefined;
  for (;;) {
    const [keys, records] = await Promise.all([
      request(rows.getAllKeys(after, ROWS_AT_ONCE)),
      request<StoredRecord[]>(rows.getAll(after, ROWS_AT_ONCE)),
    ]);
    const puts = keys.map((key, at) =>
      request(rows.put(rewrite(key, records[at] as StoredRecord), key)),
    );
    await Promise.all(puts);
    if (keys.length < ROWS_AT_ONCE) return;
    after = IDBKeyRange.lowerBound(keys.at(-1), true);
  }
}

function createIndexes(rows: IDBObjectStore, { indexes }: RecordCodec): void {
  for (const { name, unique } of indexes) rows.createIndex(name, name, { unique });
}
