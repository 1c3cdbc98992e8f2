import { type DBSchema, deleteDB, openDB } from "idb";
import type { BenchRow } from "../../src/rows.ts";
import { RELAXED } from "../raw.ts";
import type { RowStore, RowStoreOptions } from "../rowStore.ts";

interface Schema extends DBSchema {
  rows: { key: string; value: BenchRow; indexes: { age: number } };
}

/** As the package's documentation does it: shortcuts to read, a transaction's `done` to write. */
export async function idbRows({ database, withAge }: RowStoreOptions): Promise<RowStore> {
  const db = await openDB<Schema>(database, 1, {
    upgrade(created) {
      const store = created.createObjectStore("rows", { keyPath: "id" });
      if (withAge) store.createIndex("age", "age");
    },
  });
  const write = async (rows: readonly BenchRow[]): Promise<void> => {
    const transaction = db.transaction("rows", "readwrite", RELAXED);
    await Promise.all([...rows.map((row) => transaction.store.put(row)), transaction.done]);
  };
  return {
    get: (id) => db.get("rows", id),
    put: (row) => write([row]),
    putBulk: write,
    all: () => db.getAll("rows"),
    ...(withAge && {
      byAge: (age) => db.getAllFromIndex("rows", "age", age),
      byAgeRange: (from, to) =>
        db.getAllFromIndex("rows", "age", IDBKeyRange.bound(from, to, false, true), 100),
    }),
    close: async () => {
      db.close();
      await deleteDB(database);
    },
  };
}
