import {
  IndexedDbDatabase,
  IndexedDbKvStorage,
  IndexedDbTabularStorage,
  type IndexedDbTabularStorageOptions,
} from "@workglow/indexeddb";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import { afterEach, expect, test } from "vitest";

const before = {
  type: "object",
  properties: { id: { type: "string" }, n: { type: "integer" } },
  required: ["id", "n"],
  additionalProperties: false,
} as const satisfies DataPortSchemaObject;

const after = {
  ...before,
  properties: { id: { type: "string" }, n: { type: "string" } },
} as const satisfies DataPortSchemaObject;

/** What this run's databases are named. */
const run = crypto.randomUUID();
let count = 0;
const opened: AsyncDisposable[] = [];

function table(
  database: string,
  schema: DataPortSchemaObject = before,
  options: IndexedDbTabularStorageOptions = {},
  indexes: readonly string[] = [],
) {
  const storage = new IndexedDbTabularStorage("rows", schema, ["id"], indexes, {
    database: new IndexedDbDatabase(database),
    ...options,
  });
  opened.push(storage);
  return storage;
}

async function filled(): Promise<string> {
  const database = `setup-${run}-${++count}`;
  const rows = table(database);
  await rows.setupDatabase();
  await rows.putBulk([
    { id: "a", n: 1 },
    { id: "b", n: 1 },
  ] as never);
  return database;
}

const versionOf = async (database: string): Promise<number | undefined> =>
  (await indexedDB.databases()).find(({ name }) => name === database)?.version;

afterEach(async () => {
  for (const storage of opened.splice(0)) await storage[Symbol.asyncDispose]();
});

test("use before set-up makes no database", async () => {
  const never = table(`setup-never-${run}`);
  await expect(never.size()).rejects.toMatchObject({ name: "StorageNotSetUpError" });
  expect(await versionOf(`setup-never-${run}`)).toBeUndefined();
});

test("set-up of what is there upgrades nothing", async () => {
  const database = await filled();
  const version = await versionOf(database);
  await table(database).setupDatabase();
  expect(await versionOf(database)).toBe(version);
});

test("another schema is refused, and the rows are kept", async () => {
  const database = await filled();
  await expect(table(database, after).setupDatabase()).rejects.toMatchObject({
    name: "StorageSchemaMismatchError",
    differences: ['column "n" is integer, not string'],
  });
  expect(await table(database).size()).toBe(2);
});

test("dataTransformer says what becomes of such rows", async () => {
  const database = await filled();
  const rows = table(database, after, {
    dataTransformer: (old) => old.slice(1).map(({ id, n }) => ({ id, n: `number ${n}` })),
  });
  await rows.setupDatabase();
  expect(await rows.getAll()).toEqual([{ id: "b", n: "number 1" }]);
});

test("rows that dataTransformer gives against the schema undo the upgrade", async () => {
  const database = await filled();
  const rows = table(database, after, { dataTransformer: (old) => old });
  await expect(rows.setupDatabase()).rejects.toMatchObject({ name: "StorageValidationError" });
  expect(await table(database).size()).toBe(2);
});

test("allowDestructiveMigration empties such a table, and no other", async () => {
  const database = await filled();
  const destructive = { allowDestructiveMigration: true };
  const same = table(database, before, destructive, ["n"]);
  await same.setupDatabase();
  expect(await same.query({ n: 1 } as never)).toHaveLength(2);
  const other = table(database, after, destructive);
  await other.setupDatabase();
  expect(await other.size()).toBe(0);
});

test("a table of a newer version is never emptied", async () => {
  const database = await filled();
  const migrations = [{ version: 1, steps: [{ addColumn: "m" }] }];
  const newer = {
    ...before,
    properties: { ...before.properties, m: { type: "string" } },
  } as const satisfies DataPortSchemaObject;
  await table(database, newer, { migrations }).setupDatabase();
  const older = table(database, after, { allowDestructiveMigration: true });
  await expect(older.setupDatabase()).rejects.toMatchObject({ name: "StorageSchemaMismatchError" });
  expect(await table(database, newer, { migrations }).size()).toBe(2);
});

test("a unique index over values that repeat is refused, and nothing is changed", async () => {
  const database = await filled();
  const version = await versionOf(database);
  const rows = table(database, before, { uniqueIndexes: ["n"] });
  await expect(rows.setupDatabase()).rejects.toMatchObject({
    name: "StorageConflictError",
    kind: "invalid",
  });
  expect(await versionOf(database)).toBe(version);
  expect(await table(database).size()).toBe(2);
});

test("a database that holds something else is left alone", async () => {
  await new Promise<void>((resolve) => {
    const request = indexedDB.open(`setup-foreign-${run}`, 1);
    request.onupgradeneeded = () => request.result.createObjectStore("rows").put("theirs", 1);
    request.onsuccess = () => {
      request.result.close();
      resolve();
    };
  });
  const rows = table(`setup-foreign-${run}`, before, { allowDestructiveMigration: true });
  await expect(rows.setupDatabase()).rejects.toMatchObject({ name: "StorageSchemaMismatchError" });
  await expect(rows.size()).rejects.toMatchObject({ name: "StorageSchemaMismatchError" });
});

test("a storage without the option has a database of its own", async () => {
  const kv = new IndexedDbKvStorage(`setup-own-${run}`);
  opened.push(kv);
  await kv.setupDatabase();
  expect(await versionOf(`setup-own-${run}`)).toBe(1);
});

test("names and options that cannot be are refused", () => {
  for (const name of ["", "a:side", "a\0"]) {
    expect(() => new IndexedDbTabularStorage(name, before, ["id"])).toThrow(
      expect.objectContaining({ kind: "invalid" }),
    );
  }
  for (const options of [
    { useBroadcastChannel: 1 },
    { backupPollingIntervalMs: -1 },
    { dataTransformer: {} },
    { allowDestructiveMigration: "yes" },
    { database: "" },
  ]) {
    expect(
      () => table(`setup-options-${run}`, before, options as never),
      JSON.stringify(options),
    ).toThrow(expect.objectContaining({ kind: "invalid" }));
  }
});
