import { createRxDatabase, type MangoQuery, type RxJsonSchema } from "rxdb/plugins/core";
import { getRxStorageDexie } from "rxdb/plugins/storage-dexie";
import { type BenchRow, BenchSchema } from "../../src/rows.ts";
import type { RowStore, RowStoreOptions } from "../rowStore.ts";

const schema: RxJsonSchema<BenchRow> = {
  version: 0,
  primaryKey: "id",
  type: "object",
  properties: {
    ...BenchSchema.properties,
    id: { type: "string", maxLength: 32 },
    age: { type: "integer", minimum: 0, maximum: 1000, multipleOf: 1 },
  },
  required: BenchSchema.required,
};

/**
 * A collection in RxDB's Dexie storage. Reads ask the storage: the collection answers a query that
 * it has answered before from memory.
 */
export async function rxdbRows({ database, withAge }: RowStoreOptions): Promise<RowStore> {
  const db = await createRxDatabase({
    name: database,
    storage: getRxStorageDexie({ chromeTransactionDurability: "relaxed" }),
    multiInstance: false,
  });
  const { rows } = await db.addCollections({
    rows: { schema: withAge ? { ...schema, indexes: [["age", "id"]] } : schema },
  });
  const storage = rows.storageInstance;
  const query = async (asked: MangoQuery<BenchRow>): Promise<BenchRow[]> =>
    (await storage.query(rows.find(asked).getPreparedQuery())).documents;
  return {
    get: async (id) => (await storage.findDocumentsById([id], false))[0],
    put: (row) => rows.upsert(row),
    putBulk: async (all) => {
      const { error } = await rows.bulkUpsert([...all]);
      if (error[0] !== undefined) throw new Error(`a row was refused: ${error[0].documentId}`);
    },
    all: () => query({ sort: [{ id: "asc" }] }),
    ...(withAge && {
      byAge: (age) => query({ selector: { age } }),
      byAgeRange: (from, to) =>
        query({
          selector: { age: { $gte: from, $lt: to } },
          sort: [{ age: "asc" }, { id: "asc" }],
          limit: 100,
        }),
    }),
    close: () => db.remove(),
  };
}
