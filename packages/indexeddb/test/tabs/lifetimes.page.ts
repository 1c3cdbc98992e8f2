// The page of lifetimes.test.ts: storages whose room ends, whose database goes, and whose
// transactions last.
import {
  IndexedDbDatabase,
  IndexedDbKvStorage,
  IndexedDbTabularStorage,
  withTransaction,
} from "@workglow/indexeddb";
import { IndexedDbQueueStorage } from "@workglow/indexeddb/job-queue";

const schema = {
  type: "object",
  properties: { id: { type: "string" }, bytes: { type: "string", contentEncoding: "blob" } },
  required: ["id"],
  additionalProperties: false,
} as const;

let database: IndexedDbDatabase;
let files: ReturnType<typeof table>;
let settings: IndexedDbKvStorage;
let jobs: IndexedDbQueueStorage;
const heard: string[] = [];

const table = () => new IndexedDbTabularStorage("files", schema, ["id"] as const, [], { database });

export async function open(name: string, idleLimitMs?: number): Promise<void> {
  database = new IndexedDbDatabase(name, { idleLimitMs });
  files = table();
  settings = new IndexedDbKvStorage("settings", undefined, undefined, { database });
  jobs = new IndexedDbQueueStorage("jobs", { database });
  await setUp();
}

export async function setUp(): Promise<void> {
  await Promise.all([files.setupDatabase(), settings.setupDatabase(), jobs.setupDatabase()]);
}

export const listen = async (pollingIntervalMs?: number): Promise<void> => {
  const told = files.subscribeToChanges(
    (change) => void heard.push(change.new?.id ?? change.type),
    {
      pollingIntervalMs,
    },
  );
  await told.ready;
};

export const whatWasHeard = () => heard;

/** Bytes that no compression makes smaller. */
function noise(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, Math.min(at + 65_536, size)));
  }
  return bytes;
}

const rowsOf = (label: string, count: number, kilobytes: number) =>
  Array.from({ length: count }, (_, at) => ({
    id: `${label} ${at}`,
    bytes: noise(kilobytes * 1024),
  }));

export const putFiles = async (label: string, count: number, kilobytes: number): Promise<void> => {
  await files.putBulk(rowsOf(label, count, kilobytes));
};

export const putWithin = (label: string, count: number, kilobytes: number): Promise<void> =>
  withTransaction(database, async (tx) => {
    await settings.with(tx).put(label, count);
    for (const row of rowsOf(label, count, kilobytes)) await files.with(tx).put(row);
  });

export const put = async (id: string): Promise<void> => {
  await files.put({ id });
};

export const deleteFiles = () => files.deleteAll();

export const ids = async () => ((await files.getAll()) ?? []).map(({ id }) => id).sort();

export const keys = async () => ((await settings.getAll()) ?? []).map(({ key }) => key).sort();

const times = { run_after: null, completed_at: null };

const calls: Record<string, () => Promise<unknown>> = {
  get: () => files.get({ id: "a" }),
  put: () => files.put({ id: "a" }),
  putBulk: () => files.putBulk([{ id: "a" }, { id: "b" }]),
  update: () => files.update({ id: "a" }, {}),
  query: () => files.query({ id: "a" }),
  size: () => files.size(),
  deleteAll: () => files.deleteAll(),
  kv: () => settings.put("a", 1),
  add: () => jobs.add({ input: 1, ...times }),
  next: () => jobs.next("worker"),
  within: () => files.transaction((tx) => tx.put({ id: "a" })),
};

/** Makes every kind of call, one after the other or all at once; gives what each ended with. */
export async function callAll(together: boolean): Promise<Record<string, string>> {
  const ended: [string, string][] = [];
  const make = async ([name, call]: [string, () => Promise<unknown>]): Promise<void> => {
    const outcome = await call().then(
      () => "done",
      (error: Error) => error.name,
    );
    ended.push([name, outcome]);
  };
  const entries = Object.entries(calls);
  if (together) await Promise.all(entries.map(make));
  else for (const entry of entries) await make(entry);
  return Object.fromEntries(ended.sort());
}

let stopped = false;

/** Writes until it is stopped; gives what the writes have failed with. */
export async function write(): Promise<readonly string[]> {
  const failures = new Set<string>();
  stopped = false;
  for (let at = 0; !stopped; at++) {
    try {
      await Promise.all([files.put({ id: `${at}` }), files.get({ id: "0" })]);
      await files.transaction((tx) => tx.put({ id: `within ${at}` }));
    } catch (error) {
      const { name, kind } = error as Error & { kind?: string };
      failures.add(`${name} ${kind}`);
      await pause(1);
    }
  }
  return [...failures];
}

export function stop(): void {
  stopped = true;
}

/** Deletes a database, as any script of the origin may. */
export function remove(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error);
  });
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A transaction that waits for something else between two writes. */
export function putSlowly(id: string, ms: number): Promise<void> {
  return files.transaction(async (tx) => {
    await tx.put({ id: `${id} first` });
    for (let waited = 0; waited < ms; waited += 250) {
      await fetch(location.href);
      await pause(250);
    }
    await tx.put({ id: `${id} last` });
  });
}

/** A transaction whose function never ends; gives what becomes of it, and after how many ms. */
export async function hang(id: string): Promise<{ error: object; afterMs: number }> {
  const start = performance.now();
  const error = await files
    .transaction(async (tx) => {
      await tx.put({ id });
      await new Promise(() => {});
    })
    .catch(({ name, kind, code }) => ({ name, kind, code }));
  return { error: error as object, afterMs: performance.now() - start };
}

/** After how many ms a write was done. */
export async function timedPut(id: string): Promise<number> {
  const start = performance.now();
  await files.put({ id });
  return performance.now() - start;
}
