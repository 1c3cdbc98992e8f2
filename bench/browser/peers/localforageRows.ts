import localforage from "localforage";
import type { BenchRow } from "../../src/rows.ts";
import type { RowStore, RowStoreOptions } from "../rowStore.ts";

/** It has no bulk write, and leaves the durability to the browser, whose own choice is relaxed. */
export async function localforageRows({ database }: RowStoreOptions): Promise<RowStore> {
  const store = localforage.createInstance({ name: database, driver: localforage.INDEXEDDB });
  await store.ready();
  return {
    get: async (id) => (await store.getItem<BenchRow>(id)) ?? undefined,
    put: (row) => store.setItem(row.id, row),
    all: async () => {
      const rows: BenchRow[] = [];
      await store.iterate<BenchRow, undefined>((row) => {
        rows.push(row);
      });
      return rows;
    },
    close: () => store.dropInstance({ name: database }),
  };
}
