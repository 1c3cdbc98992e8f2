import type { Row } from "@workglow/storage";
import { request } from "../../src/connection/request.ts";
import type { RecordCodec } from "../../src/records/RecordCodec.ts";
import type { ReadStatistics, TableRead } from "../../src/select/TableRead.ts";

let opened = 0;

/** An object store with rows, to be read by the functions under test alone. */
export class RowStore {
  private readonly db: IDBDatabase;
  private readonly codec: RecordCodec;

  private constructor(db: IDBDatabase, codec: RecordCodec) {
    this.db = db;
    this.codec = codec;
  }

  public static async open(codec: RecordCodec): Promise<RowStore> {
    const opening = indexedDB.open(`row store ${++opened}`);
    opening.onupgradeneeded = () => {
      const store = opening.result.createObjectStore("rows");
      for (const { name, unique } of codec.indexes) store.createIndex(name, name, { unique });
    };
    return new RowStore(await request(opening), codec);
  }

  /** Puts canonical rows, of the tenant that `codec` is for. */
  public async put(rows: readonly Row[], codec = this.codec): Promise<void> {
    await this.inTransaction("readwrite", async (store) => {
      for (const row of rows) store.put(codec.record(row), codec.keyOf(row));
    });
  }

  /** Runs one read of the tenant that `codec` is for, and gives what it has cost beside its result. */
  public async read<T>(
    work: (read: TableRead) => Promise<T>,
    { codec = this.codec, signal }: { codec?: RecordCodec; signal?: AbortSignal } = {},
  ): Promise<{ readonly result: T } & ReadStatistics> {
    const statistics: ReadStatistics = { rowsRead: 0, keysRead: 0 };
    const result = await this.inTransaction("readwrite", (store) =>
      work({ store, codec, statistics, signal }),
    );
    return { result, ...statistics };
  }

  public async keys(): Promise<IDBValidKey[]> {
    return this.inTransaction("readonly", (store) => request(store.getAllKeys()));
  }

  private async inTransaction<T>(
    mode: IDBTransactionMode,
    work: (store: IDBObjectStore) => Promise<T>,
  ): Promise<T> {
    const tx = this.db.transaction("rows", mode);
    const completed = new Promise<void>((resolve, reject) => {
      tx.oncomplete = () => resolve();
      tx.onabort = () => reject(tx.error);
    });
    const result = await work(tx.objectStore("rows"));
    await completed;
    return result;
  }
}
