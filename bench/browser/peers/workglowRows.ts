import { IndexedDbTabularStorage } from "@workglow/indexeddb";
import { BenchKey, BenchSchema } from "../../src/rows.ts";
import { discard } from "../raw.ts";
import type { RowStore, RowStoreOptions } from "../rowStore.ts";

export async function workglowRows({ database, withAge }: RowStoreOptions): Promise<RowStore> {
  const indexes = withAge ? (["age"] as const) : [];
  const rows = new IndexedDbTabularStorage("rows", BenchSchema, BenchKey, indexes, { database });
  await rows.setupDatabase();
  return {
    get: (id) => rows.get({ id }),
    put: (row) => rows.put(row),
    putBulk: (all) => rows.putBulk([...all]),
    all: async () => (await rows.getAll()) ?? [],
    byAge: async (age) => (await rows.query({ age })) ?? [],
    byAgeRange: async (from, to) =>
      (await rows.query(
        {
          age: [
            { operator: ">=", value: from },
            { operator: "<", value: to },
          ],
        },
        { orderBy: [{ column: "age", direction: "ASC" }], limit: 100 },
      )) ?? [],
    close: async () => {
      await rows[Symbol.asyncDispose]();
      await discard(database);
    },
  };
}
