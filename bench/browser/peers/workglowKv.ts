import { IndexedDbKvStorage } from "@workglow/indexeddb";
import type { BenchRow } from "../../src/rows.ts";
import { discard } from "../raw.ts";
import type { RowStore, RowStoreOptions } from "../rowStore.ts";

export async function workglowKv({ database }: RowStoreOptions): Promise<RowStore> {
  const rows = new IndexedDbKvStorage<string, BenchRow>("rows", undefined, undefined, { database });
  await rows.setupDatabase();
  return {
    get: (id) => rows.get(id),
    put: (row) => rows.put(row.id, row),
    putBulk: (all) => rows.putBulk(all.map((row) => ({ key: row.id, value: row }))),
    all: async () => ((await rows.getAll()) ?? []).map(({ value }) => value),
    close: async () => {
      await rows[Symbol.asyncDispose]();
      await discard(database);
    },
  };
}
