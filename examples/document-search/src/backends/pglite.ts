import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { vector } from "@electric-sql/pglite-pgvector";
import { Sqlite } from "@workglow/sqlite";
import type { LibraryOptions, OpenStorages } from "../library.ts";
import { postgresStorages } from "./postgresStorages.ts";

const IN_MEMORY = "memory://";

export async function openPglite(options: LibraryOptions): Promise<OpenStorages> {
  const { place } = options;
  const lock = place === IN_MEMORY ? undefined : await lockFolder(place);
  try {
    if (place !== IN_MEMORY) await createFolder(place);
    const db = await PGlite.create({ dataDir: place, extensions: { vector } });
    const close = async (): Promise<void> => {
      await db.close();
      lock?.close();
    };
    return { storages: postgresStorages(db, options), close };
  } catch (error) {
    lock?.close();
    throw error;
  }
}

/** Makes the database where there is none, in one step: a kill leaves all of it or nothing. */
async function createFolder(folder: string): Promise<void> {
  if (existsSync(folder)) return;
  const unfinished = `${folder}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  await (await PGlite.create({ dataDir: unfinished })).close();
  renameSync(unfinished, folder);
}

/**
 * PGlite does not notice that another process has its folder open, and both would damage it. A file
 * lock of SQLite's keeps the second one out, and ends with its process however that ends.
 */
async function lockFolder(folder: string): Promise<{ close(): void }> {
  mkdirSync(dirname(folder), { recursive: true });
  await Sqlite.init();
  const lock = new Sqlite.Database(`${folder}.lock`);
  try {
    lock.exec("PRAGMA busy_timeout = 0");
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (cause) {
    lock.close();
    throw new Error(`Another process has ${folder} open: PGlite serves one at a time.`, { cause });
  }
}
