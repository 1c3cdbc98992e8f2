import type { Prefix } from "@workglow/storage";
import { StorageSchemaMismatchError } from "@workglow/util";
import type { IndexedDbDatabase, Upgrade } from "../connection/IndexedDbDatabase.ts";
import { request } from "../connection/request.ts";

/** An object store that the library designs itself, not from a user's schema. */
export interface LibraryStore {
  readonly name: string;
  /** Where a record holds its key; keys are beside the records unless given. */
  readonly keyPath?: string;
  readonly autoIncrement?: boolean;
  /** Each is on the property of its name; records without it are not in the index. */
  readonly indexes?: readonly string[];
}

/** What is written down of stores, as nothing about IndexedDB itself tells it. */
interface Design {
  /** Of the records: another number, another form. */
  readonly format: number;
  readonly tenant: readonly (readonly [name: string, type: string])[];
}

/** Stores that belong together. */
export interface LibraryStores {
  readonly stores: readonly LibraryStore[];
  /** The store without key path that says what all are like, under the key {@link DESIGN_KEY}. */
  readonly described: string;
  readonly design: Design;
}

const DESIGN_KEY = "shape";

export function designFor(format: number, prefixes: readonly Prefix[]): Design {
  return { format, tenant: prefixes.map(({ name, type }) => [name, type] as const) };
}

/** A store's name with those of the tenant columns in it. */
export function tenantStoreName(name: string, prefixes: readonly Prefix[]): string {
  return [name, ...prefixes.map((prefix) => prefix.name)].join("_");
}

/**
 * Creates the stores, or adds what is missing of them; where nothing is, it only reads. Any number
 * of tabs may do this at once.
 *
 * @throws StorageSchemaMismatchError for stores of another making; nothing is changed then
 */
export function setUpStores(database: IndexedDbDatabase, wanted: LibraryStores): Promise<void> {
  return database.upgrade(async (db) => {
    if (db === undefined) return creation(wanted);
    const names = wanted.stores.map(({ name }) => name);
    const found = names.filter((name) => db.objectStoreNames.contains(name));
    if (found.length === 0) return creation(wanted);
    const tx = db.transaction(found, "readonly");
    const hasIndexes = ({ name, indexes = [] }: LibraryStore): boolean =>
      indexes.every((index) => tx.objectStore(name).indexNames.contains(index));
    const isComplete = found.length === names.length && wanted.stores.every(hasIndexes);
    await refuseOthers(tx, wanted);
    return isComplete ? undefined : creation(wanted);
  });
}

/**
 * @param tx has all stores in its scope that are there
 * @throws StorageSchemaMismatchError for stores of another making
 */
export async function refuseOthers(tx: IDBTransaction, wanted: LibraryStores): Promise<void> {
  const { stores, described, design } = wanted;
  const found = stores.filter(({ name }) => tx.objectStoreNames.contains(name));
  const differences = found.flatMap((store) => differencesOf(tx.objectStore(store.name), store));
  if (differences.length === 0 && found.some(({ name }) => !isShared(name))) {
    const known = tx.objectStoreNames.contains(described)
      ? await request<Design | undefined>(tx.objectStore(described).get(DESIGN_KEY))
      : undefined;
    if (known === undefined || !isSame(known, design)) {
      const form = known === undefined ? "unknown" : JSON.stringify(known);
      differences.push(`the form of the records is ${form}, not ${JSON.stringify(design)}`);
    }
  }
  if (differences.length === 0) return;
  const names = found.map(({ name }) => `"${name}"`).join(", ");
  throw new StorageSchemaMismatchError(
    `the object stores ${names} are not as this library makes them; nothing was changed`,
    differences,
  );
}

/** Stores that belong to no queue and no tenant alone. */
const isShared = (name: string): boolean => name.startsWith("_workglow_");

const isSame = (a: Design, b: Design): boolean => JSON.stringify(a) === JSON.stringify(b);

function creation({ stores, described, design }: LibraryStores): Upgrade {
  return async (db, tx) => {
    for (const { name, keyPath = null, autoIncrement = false, indexes = [] } of stores) {
      const store = db.objectStoreNames.contains(name)
        ? tx.objectStore(name)
        : db.createObjectStore(name, { keyPath, autoIncrement });
      for (const index of indexes) {
        if (!store.indexNames.contains(index)) store.createIndex(index, index);
      }
    }
    await request(tx.objectStore(described).put(design, DESIGN_KEY));
  };
}

function differencesOf(found: IDBObjectStore, wanted: LibraryStore): string[] {
  const { name, keyPath = null, autoIncrement = false, indexes = [] } = wanted;
  const differences: string[] = [];
  if (found.keyPath !== keyPath) {
    differences.push(`the keys of "${name}" are at ${place(found.keyPath)}, not ${place(keyPath)}`);
  }
  if (found.autoIncrement !== autoIncrement) {
    differences.push(`"${name}" ${autoIncrement ? "does not count" : "counts"} its keys`);
  }
  for (const index of found.indexNames) {
    if (!indexes.includes(index)) differences.push(`"${name}" has an index "${index}"`);
  }
  return differences;
}

const place = (keyPath: unknown): string =>
  keyPath === null ? "their own place" : JSON.stringify(keyPath);
