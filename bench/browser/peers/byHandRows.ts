import type { BenchRow } from "../../src/rows.ts";
import { committed, discard, openDatabase, RELAXED, result } from "../raw.ts";
import type { RowStore, RowStoreOptions } from "../rowStore.ts";

const STORE = "rows";

/** A transaction a call, and its end sent along: what somebody writes who knows IndexedDB well. */
export async function byHandRows({ database, withAge }: RowStoreOptions): Promise<RowStore> {
  const db = await openDatabase(database, (created) => {
    const store = created.createObjectStore(STORE, { keyPath: "id" });
    if (withAge) store.createIndex("age", "age");
  });
  const read = (): IDBObjectStore => db.transaction(STORE).objectStore(STORE);
  const write = (rows: readonly BenchRow[]): Promise<void> => {
    const transaction = db.transaction(STORE, "readwrite", RELAXED);
    const store = transaction.objectStore(STORE);
    for (const row of rows) store.put(row);
    return committed(transaction);
  };
  return {
    get: (id) => result<BenchRow | undefined>(read().get(id)),
    put: (row) => write([row]),
    putBulk: write,
    all: () => result<BenchRow[]>(read().getAll()),
    ...(withAge && {
      byAge: (age) => result<BenchRow[]>(read().index("age").getAll(age)),
      byAgeRange: (from, to) =>
        result<BenchRow[]>(
          read()
            .index("age")
            .getAll(IDBKeyRange.bound(from, to, false, true), 100),
        ),
    }),
    close: () => discard(db),
  };
}
