import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Backend, RemoteWork, StorageCallResult } from "@workglow/conformance";
import {
  type SqliteHandle,
  SqliteKvStorage,
  SqliteTabularStorage,
  SqliteVectorStorage,
  sqliteCapabilities,
  withTransaction,
} from "@workglow/sqlite";
import { typedArrayConstructors } from "@workglow/util/schema";
import { openFile, type SqliteDriverName } from "./openFile.ts";

/** A file and the handle that the case uses. */
export interface SqliteFile {
  readonly path: string;
  readonly handle: SqliteHandle;
  /** Whether the folder goes when this handle does. */
  readonly ownsFolder: boolean;
}

const WORKER = fileURLToPath(new URL("./sqliteWorker.child.ts", import.meta.url));

/** Storages on files of one driver. */
export function sqliteBackend(driver: SqliteDriverName): Backend<SqliteFile> {
  const opened = (path: string, ownsFolder: boolean): SqliteFile => ({
    path,
    handle: openFile(driver, path),
    ownsFolder,
  });
  return {
    name: `SQLite on ${driver}`,
    capabilities: sqliteCapabilities,
    sharesTables: true,
    open: async () => {
      const folder = await mkdtemp(join(tmpdir(), "workglow-conformance-"));
      return opened(join(folder, "test.db"), true);
    },
    close: async ({ handle, path, ownsFolder }) => {
      handle.close();
      if (ownsFolder) await rm(dirname(path), { recursive: true, force: true });
    },
    ...storagesOf(({ handle }: SqliteFile) => handle),
    withTransaction: ({ handle }, fn) => withTransaction(handle, fn),
    reopen: ({ handle, path, ownsFolder }) => {
      handle.close();
      return opened(path, ownsFolder);
    },
    connect: ({ path }) => opened(path, false),
    inOtherProcess: ({ path }, work) => inChild(driver, path, work),
  };
}

/** The constructors, as a test and the process that it forks use them. */
export function storagesOf<Database>(handleOf: (database: Database) => SqliteHandle) {
  return {
    kv: (database, { table, keyType, options }) =>
      new SqliteKvStorage(handleOf(database), table, { type: keyType }, undefined, options),
    tabular: (database, { table, schema, primaryKey, indexes, options }) =>
      new SqliteTabularStorage(handleOf(database), table, schema, primaryKey, indexes, options),
    vector: (database, { table, schema, primaryKey, indexes, dimensions, vectorType, options }) =>
      new SqliteVectorStorage(
        handleOf(database),
        table,
        schema,
        primaryKey,
        indexes,
        dimensions,
        vectorType && typedArrayConstructors[vectorType],
        options,
      ),
  } satisfies Pick<Backend<Database>, "kv" | "tabular" | "vector">;
}

/** Forks a process, hands it the work and gives back what it answers. */
function inChild(
  driver: SqliteDriverName,
  path: string,
  work: RemoteWork,
): Promise<readonly StorageCallResult[]> {
  return new Promise((resolve, reject) => {
    const child = fork(WORKER, [driver, path], {
      execArgv: ["--conditions=@workglow/source"],
      serialization: "advanced",
    });
    child.once("message", (results) => resolve(results as readonly StorageCallResult[]));
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the other process ended with code ${code}`)));
    child.send(work);
  });
}
