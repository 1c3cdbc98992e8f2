// The page of kills.test.ts: a tab that writes in every way and tells what it was told is stored.
import {
  IndexedDbDatabase,
  IndexedDbKvStorage,
  IndexedDbTabularStorage,
  IndexedDbVectorStorage,
  withTransaction,
} from "@workglow/indexeddb";
import { IndexedDbQueueStorage } from "@workglow/indexeddb/job-queue";

/** Given by the test: writes down, outside of the browser, which rows of a batch are stored. */
declare const acknowledged: (batch: string, ids: readonly number[]) => Promise<void>;
/** The same of a change that was heard. */
declare const heard: (type: string, id: number | undefined, position: string) => Promise<void>;

const schema = {
  type: "object",
  properties: {
    id: { type: "integer", "x-auto-generated": true },
    label: { type: "string" },
    batch: { type: "string" },
  },
  required: ["id", "label", "batch"],
  additionalProperties: false,
} as const;

const vectorSchema = {
  type: "object",
  properties: {
    id: { type: "string" },
    vector: { type: "array", format: "TypedArray:Float32Array" },
  },
  required: ["id", "vector"],
  additionalProperties: false,
} as const;

const database = new IndexedDbDatabase("killed");
const rows = new IndexedDbTabularStorage("rows", schema, ["id"] as const, ["batch"], {
  database,
  uniqueIndexes: ["label"],
});
const entries = new IndexedDbKvStorage("entries", { type: "string" }, undefined, { database });
const vectors = new IndexedDbVectorStorage(
  "vectors",
  vectorSchema,
  ["id"] as const,
  [],
  2,
  Float32Array,
  {
    database,
  },
);
const jobs = new IndexedDbQueueStorage<string>("joint", { database });

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export async function open(): Promise<void> {
  for (const storage of [rows, entries, vectors, jobs]) await storage.setupDatabase();
}

/** Tells of the changes of the rows, from a position on. */
export async function listen(since?: string): Promise<void> {
  const told = rows.subscribeToChanges(
    ({ type, new: next, position }) => heard(type, next?.id, position),
    { since },
  );
  await told.ready;
}

const put = (batch: string) => rows.put({ label: batch, batch });

const ways = {
  one: async (batch: string) => [await put(batch)],
  bulk: (batch: string) =>
    rows.putBulk([0, 1, 2, 3, 4].map((at) => ({ label: `${batch} ${at}`, batch }))),
  pair: (batch: string) =>
    withTransaction(database, async (tx) => {
      const first = await rows.with(tx).put({ label: `${batch} 0`, batch });
      await pause(5);
      await entries.with(tx).put(batch, first.id);
      return [first, await rows.with(tx).put({ label: `${batch} 1`, batch })];
    }),
  joint: (batch: string) =>
    withTransaction(database, async (tx) => {
      const at = performance.now();
      await entries.with(tx).put(batch, at);
      await pause(2);
      const row = await rows.with(tx).put({ label: batch, batch });
      await vectors.with(tx).put({ id: batch, vector: new Float32Array([at, 1]) });
      await pause(2);
      const times = { run_after: null, completed_at: null };
      await jobs.with(tx).add({ input: batch, ...times });
      return [row];
    }),
};

export type Way = keyof typeof ways;

/** Writes batch after batch in these ways, all at once and for good. */
export async function write(life: number, names: readonly Way[]): Promise<never> {
  const loop = async (name: Way): Promise<never> => {
    for (let turn = 0; ; turn++) {
      const batch = `${name} ${life} ${turn}`;
      const stored = await ways[name](batch);
      await acknowledged(
        batch,
        stored.map(({ id }) => id),
      );
    }
  };
  return Promise.race(names.map(loop));
}

/** What the storages hold, and where their indexes disagree with it. */
export async function everything() {
  const all = (await rows.getAll({ orderBy: [{ column: "id", direction: "ASC" }] })) ?? [];
  const batches = new Map<string, number[]>();
  for (const { id, batch } of all) batches.set(batch, [...(batches.get(batch) ?? []), id]);
  const wrong: string[] = [];
  for (const [batch, ids] of batches) {
    const found = ((await rows.query({ batch })) ?? []).map(({ id }) => id).sort((a, b) => a - b);
    if (String(found) !== String(ids)) wrong.push(batch);
  }
  for (const { id, label } of all) {
    const found = (await rows.query({ label })) ?? [];
    if (found.length !== 1 || found[0]?.id !== id) wrong.push(label);
  }
  const found = await vectors.similaritySearch(new Float32Array([1, 0]), { topK: 1_000_000 });
  return {
    batches: [...batches],
    wrong,
    entryCounts: await entryCounts(),
    entries: ((await entries.getAll()) ?? []).map(({ key }) => key),
    vectors: ((await vectors.getAll()) ?? []).map(({ id }) => id),
    foundVectors: found.map(({ id }) => id),
    jobs: (await jobs.peek("PENDING", 1_000_000)).map(({ input }) => input),
  };
}

/** How many entries each of the browser's own indexes has over the rows. */
async function entryCounts(): Promise<Record<string, number>> {
  const store = (await database.open()).transaction("rows").objectStore("rows");
  const counts = [...store.indexNames].map(
    (name) =>
      new Promise<readonly [string, number]>((resolve, reject) => {
        const request = store.index(name).count();
        request.onsuccess = () => resolve([name, request.result]);
        request.onerror = () => reject(request.error);
      }),
  );
  return Object.fromEntries(await Promise.all(counts));
}
