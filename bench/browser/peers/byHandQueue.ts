import type { BenchInput } from "../../src/jobs.ts";
import type { BrowserQueue } from "../queueContender.ts";
import { committed, discard, openDatabase, RELAXED, result } from "../raw.ts";

interface StoredJob {
  readonly id: number;
  readonly input: BenchInput;
  readonly status: "PENDING" | "PROCESSING" | "COMPLETED";
  readonly runAfter: string;
  readonly worker?: string;
  readonly output?: unknown;
  readonly completedAt?: string;
}

const STORE = "jobs";

/**
 * The least that is a queue: a claim takes the first ready job in a transaction of its own, an end
 * writes the job back. Nobody notices a worker that died, or ends a job for one.
 */
export async function byHandQueue(database: string): Promise<BrowserQueue> {
  const db = await openDatabase(database, (created) => {
    const store = created.createObjectStore(STORE, { keyPath: "id", autoIncrement: true });
    store.createIndex("ready", ["status", "runAfter"]);
  });
  const begin = (): IDBTransaction => db.transaction(STORE, "readwrite", RELAXED);
  const next = async (): Promise<StoredJob | undefined> => {
    const transaction = begin();
    const ready = transaction.objectStore(STORE).index("ready");
    const range = IDBKeyRange.bound(["PENDING", ""], ["PENDING", new Date().toISOString()]);
    const cursor = await result(ready.openCursor(range));
    if (cursor === null) return undefined;
    const claimed: StoredJob = { ...cursor.value, status: "PROCESSING", worker: "worker" };
    cursor.update(claimed);
    await committed(transaction);
    return claimed;
  };
  const complete = (job: StoredJob): Promise<void> => {
    const transaction = begin();
    const completedAt = new Date().toISOString();
    const ended: StoredJob = { ...job, status: "COMPLETED", output: true, completedAt };
    transaction.objectStore(STORE).put(ended);
    return committed(transaction);
  };
  return {
    clear: async () => {
      const transaction = begin();
      transaction.objectStore(STORE).clear();
      await committed(transaction);
    },
    fill: async (inputs) => {
      const transaction = begin();
      const store = transaction.objectStore(STORE);
      const runAfter = new Date().toISOString();
      for (const input of inputs) store.add({ input, status: "PENDING", runAfter });
      await committed(transaction);
    },
    nextAndComplete: async () => {
      const job = await next();
      if (job !== undefined) await complete(job);
      return job?.input;
    },
    unfinished: async () => {
      const ready = db.transaction(STORE).objectStore(STORE).index("ready");
      const counts = ["PENDING", "PROCESSING"].map((status) =>
        result(ready.count(IDBKeyRange.bound([status], [status, []]))),
      );
      return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    },
    close: () => discard(db),
  };
}
