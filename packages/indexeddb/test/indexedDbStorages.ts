import type { Backend, RemoteWork } from "@workglow/conformance";
import {
  IndexedDbDatabase,
  IndexedDbKvStorage,
  IndexedDbTabularStorage,
  IndexedDbVectorStorage,
  indexedDbCapabilities,
  withTransaction,
} from "@workglow/indexeddb";
import { IndexedDbQueueStorage, IndexedDbRateLimiterStorage } from "@workglow/indexeddb/job-queue";
import { typedArrayConstructors } from "@workglow/util/schema";

/** A connection to a database; the first one removes the data. */
export interface IndexedDbPlace {
  readonly database: IndexedDbDatabase;
  readonly isFirst: boolean;
}

const place = (name: string, isFirst: boolean): IndexedDbPlace => ({
  database: new IndexedDbDatabase(name),
  isFirst,
});

/** Storages in a database of their own, in Chromium as in Node. */
export const indexedDbStorages = {
  name: "IndexedDB",
  capabilities: indexedDbCapabilities,
  sharesTables: true,
  open: () => place(`conformance-${crypto.randomUUID()}`, true),
  close: async ({ database, isFirst }) => {
    database.close();
    if (isFirst) await removeDatabase(database.name);
  },
  kv: ({ database }, { table, keyType, options }) =>
    new IndexedDbKvStorage(table, { type: keyType }, undefined, { ...options, database }),
  tabular: ({ database }, { table, schema, primaryKey, indexes, options }) =>
    new IndexedDbTabularStorage(table, schema, primaryKey, indexes, {
      ...optionsOf(options),
      database,
    }),
  vector: ({ database }, { table, schema, primaryKey, indexes, dimensions, vectorType, options }) =>
    new IndexedDbVectorStorage(
      table,
      schema,
      primaryKey,
      indexes,
      dimensions,
      vectorType && typedArrayConstructors[vectorType],
      { ...optionsOf(options), database },
    ),
  queue: ({ database }, { queueName, options }) =>
    new IndexedDbQueueStorage(queueName, { ...options, database }),
  rateLimiter: ({ database }, { options }) =>
    new IndexedDbRateLimiterStorage({ ...options, database }),
  withTransaction: ({ database }, fn) => withTransaction(database, fn),
  reopen: ({ database, isFirst }) => {
    database.close();
    return place(database.name, isFirst);
  },
  connect: ({ database }) => place(database.name, false),
} satisfies Backend<IndexedDbPlace>;

/** The storage that the work of another realm is done on. */
export function storageFor(work: RemoteWork, at: IndexedDbPlace): AsyncDisposable {
  if (work.kind === "kv") return indexedDbStorages.kv(at, work.spec);
  if (work.kind === "tabular") return indexedDbStorages.tabular(at, work.spec);
  return indexedDbStorages.vector(at, work.spec);
}

/** The cases give options in both forms that constructors take. */
function optionsOf(options: unknown): object {
  return typeof options === "string" ? { clientProvidedKeys: options } : { ...(options as object) };
}

function removeDatabase(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error);
  });
}
