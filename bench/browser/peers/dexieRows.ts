import { Dexie, type EntityTable } from "dexie";
import type { BenchRow } from "../../src/rows.ts";
import type { RowStore, RowStoreOptions } from "../rowStore.ts";

type BenchDatabase = Dexie & { readonly rows: EntityTable<BenchRow, "id"> };

export async function dexieRows({ database, withAge }: RowStoreOptions): Promise<RowStore> {
  const db = new Dexie(database, { chromeTransactionDurability: "relaxed" }) as BenchDatabase;
  db.version(1).stores({ rows: withAge ? "id, age" : "id" });
  await db.open();
  const { rows } = db;
  return {
    get: async (id) => rows.get(id),
    put: async (row) => rows.put(row),
    putBulk: async (all) => rows.bulkPut(all),
    all: async () => rows.toArray(),
    ...(withAge && {
      byAge: async (age) => rows.where("age").equals(age).toArray(),
      byAgeRange: async (from, to) => rows.where("age").between(from, to).limit(100).toArray(),
    }),
    close: async () => db.delete(),
  };
}
