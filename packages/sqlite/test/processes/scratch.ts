import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Sqlite, type SqliteDatabaseHandle } from "@workglow/sqlite";
import { expect, onTestFinished } from "vitest";

/** How much longer than usual the tests work: 1, or what the stress script sets. */
export const STRESS = Number(process.env.WORKGLOW_STRESS ?? 1);

/** A folder of its own for one test, removed with it. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "workglow-processes-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function scratchFile(): string {
  return join(scratchFolder(), "data.db");
}

/** A connection that is closed when the test ends, after all that was begun later. */
export function opened(file: string): SqliteDatabaseHandle {
  const db = new Sqlite.Database(file);
  onTestFinished(() => void db.close());
  return db;
}

/** Disposes of a storage when the test ends. */
export function kept<Storage extends AsyncDisposable>(storage: Storage): Storage {
  onTestFinished(() => storage[Symbol.asyncDispose]());
  return storage;
}

/** The rows of a statement, past the library. */
export function rowsOf<Row>(db: SqliteDatabaseHandle, sql: string): Row[] {
  const statement = db.prepare(sql) as unknown as { all(): Row[] };
  return statement.all();
}

export function expectSound(db: SqliteDatabaseHandle): void {
  expect(rowsOf(db, "PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until a condition holds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  limitMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${limitMs} ms`);
    await pause(20);
  }
}
