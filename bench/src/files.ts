import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";

const folders: string[] = [];

/** A database file of its own in a folder that {@link removeFiles} deletes. */
export function databaseFile(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), "workglow-bench-"));
  folders.push(folder);
  return join(folder, `${name}.sqlite`);
}

/** A handle with the durability that all contenders share: WAL, synchronous NORMAL. */
export function openDatabase(name: string): Database.Database {
  const db = new Database(databaseFile(name));
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = NORMAL");
  return db;
}

export function removeFiles(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}
