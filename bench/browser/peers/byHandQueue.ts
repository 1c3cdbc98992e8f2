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

const readyNow = (): IDBKeyRange =>
  IDBKeyRange.bound(["PENDING", ""], ["PENDING", new Date().toISOString()]);

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
    const cursor = await result(ready.openCursor(readyNow()));
    if (cursor === null) return undefined;
    const claimed: StoredJob = { ...cursor.value, status: "PROCESSING", worker: "worker" };
    cursor.update(claimed);
    await committed(transaction);
    return claimed;
  };
  const nextMany = async (most: number): Promise<readonly StoredJob[]> => {
    const transaction = begin();
    const store = transaction.objectStore(STORE);
    const found = await result<StoredJob[]>(store.index("ready").getAll(readyNow(), most));
    const claimed = found.map((job) => ({
      ...job,
      status: "PROCESSING" as const,
      worker: "worker",
    }));
    for (const job of claimed) store.put(job);
    await committed(transaction);
    return claimed;
  };
  const complete = (jobs: readonly StoredJob[]): Promise<void> => {
    const transaction = begin();
    const store = transaction.objectStore(STORE);
    const completedAt = new Date().toISOString();
    for (const job of jobs) store.put({ ...job, status: "COMPLETED", output: true, completedAt });
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
      if (job !== undefined) await complete([job]);
      return job?.input;
    },
    nextAndCompleteMany: async (most) => {
      const jobs = await nextMany(most);
      if (jobs.length > 0) await complete(jobs);
      return jobs.length;
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
