import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommittedChange } from "@workglow/storage";
import type { SqlLogChangeFeed } from "@workglow/storage/sql";
import Database from "better-sqlite3";
import { onTestFinished } from "vitest";
import { SqliteChangeLog, type SqliteChangeLogOptions } from "../src/changes/SqliteChangeLog.ts";
import { sqliteChangeFeed } from "../src/changes/sqliteChangeFeed.ts";
import { SqliteConnection } from "../src/SqliteConnection.ts";
import { SqliteExecutor } from "../src/SqliteExecutor.ts";

export { NOTES, type Note, notes } from "./noteSource.ts";

/** A file of its own for one test, removed with it. */
export function databaseFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "workglow-changes-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "data.db");
}

/** A connection past the library, as another program would have it. */
export function rawConnection(file: string): Database.Database {
  const db = new Database(file);
  db.pragma("journal_mode = WAL");
  db.pragma("busy_timeout = 5000");
  onTestFinished(() => void db.close());
  return db;
}

export interface OpenFeed {
  readonly db: Database.Database;
  readonly executor: SqliteExecutor;
  readonly log: SqliteChangeLog;
  readonly feed: SqlLogChangeFeed;
}

/** A connection of the library with a change feed of its own. */
export function openFeed(file: string, options?: SqliteChangeLogOptions): OpenFeed {
  const db = rawConnection(file);
  const executor = new SqliteExecutor(new SqliteConnection(db, false));
  const feed = sqliteChangeFeed(executor, options);
  return { db, executor, log: new SqliteChangeLog(executor, options), feed };
}

/** Collects changes and says when there are enough. */
export class Collected<T> {
  public readonly changes: CommittedChange<T>[] = [];
  public readonly add = (change: CommittedChange<T>): void => void this.changes.push(change);

  /** The changes without their positions. */
  public get plain(): Omit<CommittedChange<T>, "position">[] {
    return this.changes.map(({ position: _, ...change }) => change);
  }

  public get types(): string[] {
    return this.changes.map((change) => change.type);
  }

  public async reach(count: number, withinMs = 15_000): Promise<void> {
    await until(() => this.changes.length >= count, withinMs);
  }
}

/** Waits for a condition; fails after `withinMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  withinMs = 15_000,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms`);
    await pause(5);
  }
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** What the library has put beside the user's tables. */
export function traces(db: Database.Database): { triggers: number; logs: number; leases: number } {
  const count = (sql: string): number => Number(db.prepare(sql).pluck().get());
  const leases = count(`SELECT count(*) FROM sqlite_master WHERE name = '_workglow_subscribers'`);
  return {
    triggers: count(`SELECT count(*) FROM sqlite_master WHERE type = 'trigger'`),
    logs: count(
      `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name GLOB '_workglow_changes_*'`,
    ),
    leases: leases === 0 ? 0 : count(`SELECT count(*) FROM _workglow_subscribers`),
  };
}
