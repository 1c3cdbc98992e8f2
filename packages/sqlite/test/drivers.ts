import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SqliteHandle } from "@workglow/sqlite";
import BetterSqlite3 from "better-sqlite3";
import { onTestFinished } from "vitest";

/** The drivers that Node has, opened plainly, as users do. */
export const drivers: readonly {
  readonly driver: "better-sqlite3" | "node:sqlite";
  readonly open: (path: string) => TestHandle;
}[] = [
  { driver: "better-sqlite3", open: (path) => new BetterSqlite3(path) as unknown as TestHandle },
  { driver: "node:sqlite", open: (path) => new (nodeSqlite().DatabaseSync)(path) },
];

/** What the tests use of a handle beside what the storages do. */
export interface TestHandle extends SqliteHandle {
  prepare(text: string): {
    all(...params: readonly unknown[]): Record<string, unknown>[];
    get(...params: readonly unknown[]): Record<string, unknown> | undefined;
    run(...params: readonly unknown[]): unknown;
  };
}

// vite does not know the module, as it is newer than its list.
function nodeSqlite(): { readonly DatabaseSync: new (path: string) => TestHandle } {
  return createRequire(import.meta.url)("node:sqlite") as {
    readonly DatabaseSync: new (path: string) => TestHandle;
  };
}

/** A path in a folder of its own, which is removed after the test. */
export function temporaryPath(name = "test.db"): string {
  const folder = mkdtempSync(join(tmpdir(), "workglow-sqlite-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, name);
}

/** A handle that is closed after the test. */
export function openedBy(open: (path: string) => TestHandle, path = ":memory:"): TestHandle {
  const handle = open(path);
  onTestFinished(() => void handle.close());
  return handle;
}

/** A better-sqlite3 handle that keeps the texts of all statements that it runs. */
export function spiedHandle(path = ":memory:"): {
  readonly handle: TestHandle;
  readonly ran: string[];
} {
  const inner = new BetterSqlite3(path);
  onTestFinished(() => void inner.close());
  const ran: string[] = [];
  const prepare = (text: string): object => {
    const statement = inner.prepare(text);
    return new Proxy(statement, {
      get(target, name) {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          if (name === "run" || name === "all" || name === "get") ran.push(text);
          return (value as (...a: unknown[]) => unknown).apply(target, args);
        };
      },
    });
  };
  const handle = new Proxy(inner, {
    get(target, name) {
      if (name === "prepare") return prepare;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { handle: handle as unknown as TestHandle, ran };
}
