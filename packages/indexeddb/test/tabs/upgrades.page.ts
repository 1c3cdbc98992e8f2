// The page of upgrades.test.ts: a tab that writes without a pause, or changes what the database is
// like, itself or in a worker.
import {
  IndexedDbDatabase,
  IndexedDbKvStorage,
  IndexedDbTabularStorage,
  withTransaction,
} from "@workglow/indexeddb";

/** Given by the test: writes down, outside of the browser, that these rows are stored. */
declare const acknowledged: (ids: readonly string[]) => Promise<void>;

const notes = {
  type: "object",
  properties: { id: { type: "string" }, n: { type: "integer" } },
  required: ["id", "n"],
  additionalProperties: false,
} as const;

const marked = {
  ...notes,
  properties: { ...notes.properties, mark: { type: "string" } },
  required: ["id", "n", "mark"],
} as const;

const migrations = [
  {
    version: 1,
    steps: [
      { addColumn: "mark", default: "" },
      { transform: (row: Record<string, unknown>) => ({ ...row, mark: `mark ${row.n}` }) },
    ],
  },
];

/** What a version of a program knows of the table. */
export type Version = "first" | "indexed" | "migrated";

const key = ["id"] as const;

const versions = {
  first: () => new IndexedDbTabularStorage("notes", notes, key, [], { database }),
  indexed: () => new IndexedDbTabularStorage("notes", notes, key, ["n"], { database }),
  migrated: () =>
    new IndexedDbTabularStorage("notes", marked, key, ["mark"], { database, migrations }),
};

type Notes = ReturnType<typeof versions.first>;

let database: IndexedDbDatabase;
let stored: Notes;
let stopped = false;

/** Sets the table up as that version wants to have it. */
export async function open(name: string, version: Version, openTimeoutMs?: number): Promise<void> {
  database = new IndexedDbDatabase(name, { openTimeoutMs });
  stored = versions[version]() as Notes;
  await stored.setupDatabase();
}

export const setUp = (version: Version) => versions[version]().setupDatabase();

export async function addTable(name: string): Promise<void> {
  const kv = new IndexedDbKvStorage(name, undefined, undefined, { database });
  await kv.setupDatabase();
  await kv.put("made", name);
}

export async function fill(count: number): Promise<void> {
  await stored.putBulk(Array.from({ length: count }, (_, n) => ({ id: `filled ${n}`, n: n % 10 })));
}

export const put = (id: string) => stored.put({ id, n: 0 });

/** What every way to write is told of, in four loops at once, until it is stopped or outdated. */
export async function write(label: string): Promise<readonly string[]> {
  stopped = false;
  const failures: string[] = [];
  const ways = [
    (ids: readonly string[], n: number) => Promise.all(ids.map((id) => stored.put({ id, n }))),
    (ids: readonly string[], n: number) => stored.putBulk(ids.map((id) => ({ id, n }))),
    (ids: readonly string[], n: number) =>
      withTransaction(database, async (tx) => {
        for (const id of ids) await stored.with(tx).put({ id, n });
      }),
    async (ids: readonly string[], n: number) => {
      for (const id of ids) {
        await stored.insert({ id, n: n + 1 });
        await stored.update({ id }, { n });
      }
    },
  ];
  const loop = async (way: (typeof ways)[number], at: number): Promise<void> => {
    for (let turn = 0; !stopped; turn++) {
      const ids = [0, 1, 2].map((part) => `${label} ${at} ${turn} ${part}`);
      try {
        await way(ids, turn % 10);
      } catch (error) {
        const { name, kind, code } = error as Error & { kind?: string; code?: string };
        failures.push(`${name} ${kind} ${code}`);
        if (name === "StorageSchemaMismatchError") return;
        continue;
      }
      await acknowledged(ids);
    }
  };
  await Promise.all(ways.map(loop));
  return failures;
}

export function stop(): void {
  stopped = true;
}

export const ids = async () => ((await stored.getAll()) ?? []).map(({ id }) => id).sort();

interface Compared {
  readonly rows: number;
  /** Rows that a query finds by the index where a scan finds others. */
  readonly wrong: readonly string[];
  readonly entries: number;
  /** Whether the queries read nothing but the rows that they gave. */
  readonly byIndex: boolean;
}

/** Compares queries by the index over a column with a scan of the table. */
export async function compareIndex(
  version: Exclude<Version, "first">,
  column: "n" | "mark",
): Promise<Compared> {
  const table = versions[version]() as Notes;
  const rows = ((await table.getAll()) ?? []) as Record<string, unknown>[];
  const wrong: string[] = [];
  const readBefore = table.statistics.rowsRead;
  for (const value of new Set(rows.map((row) => row[column]))) {
    const found = (await table.query({ [column]: value } as never)) ?? [];
    const scanned = rows.filter((row) => row[column] === value);
    const inIndex = new Set(found.map(({ id }) => id));
    for (const { id } of scanned) if (!inIndex.delete(id as string)) wrong.push(id as string);
    wrong.push(...inIndex);
  }
  const byIndex = table.statistics.rowsRead - readBefore === rows.length;
  const store = (await database.open()).transaction("notes").objectStore("notes");
  const [index] = store.indexNames;
  const count = store.index(index as string).count();
  const entries = await settled(count);
  return { rows: rows.length, wrong, entries, byIndex };
}

/** Those rows whose mark is not what the migration, or whoever wrote them, has given. */
export async function wrongMarks(): Promise<number> {
  const rows = ((await versions.migrated().getAll()) ?? []) as { n: number; mark: string }[];
  return rows.filter(({ n, mark }) => mark !== `mark ${n}`).length;
}

/** A connection of a program that does not listen to what the browser asks of it. */
export async function holdOn(name: string): Promise<void> {
  await settled(indexedDB.open(name));
}

/** Gives the error of a call, and after how many ms it failed. */
export async function failing(
  call: "setUp" | "put",
): Promise<{ error: object | undefined; afterMs: number }> {
  const start = performance.now();
  const work = call === "setUp" ? setUp("indexed") : put("late");
  const error = await work.then(
    () => undefined,
    ({ name, kind, code }) => ({ name, kind, code }),
  );
  return { error, afterMs: performance.now() - start };
}

/** Sets up a table that all want to have and one that nobody else does, in a new database. */
export async function setUpWithOthers(name: string, own: string): Promise<void> {
  const shared = new IndexedDbDatabase(name);
  const tables = ["shared", own].map(
    (table) => new IndexedDbTabularStorage(table, notes, key, ["n"], { database: shared }),
  );
  await Promise.all(tables.map((table) => table.setupDatabase()));
  for (const table of tables) await table.put({ id: own, n: 1 });
  for (const table of tables) await table[Symbol.asyncDispose]();
}

/** What is in the tables of such a database. */
export async function tablesOf(name: string, ...tables: readonly string[]): Promise<object> {
  const read = tables.map(async (table) => {
    const storage = new IndexedDbTabularStorage(table, notes, key, ["n"], { database: name });
    const rows = (await storage.query({ n: 1 })) ?? [];
    return [table, rows.map(({ id }) => id).sort()] as const;
  });
  return Object.fromEntries(await Promise.all(read));
}

let worker: Worker | undefined;

/** {@link setUpWithOthers} in a worker of this page. */
export function setUpInWorker(name: string, own: string): Promise<void> {
  worker ??= new Worker(new URL("./upgrades.worker.ts", import.meta.url), { type: "module" });
  const { port1, port2 } = new MessageChannel();
  worker.postMessage({ name, own, port: port2 }, [port2]);
  return new Promise((resolve, reject) => {
    port1.onmessage = ({ data }) => (data === "done" ? resolve() : reject(new Error(data)));
  });
}

/** Starts the worker, which takes a while. */
export const startWorker = () => setUpInWorker(`started ${crypto.randomUUID()}`, "own");

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
