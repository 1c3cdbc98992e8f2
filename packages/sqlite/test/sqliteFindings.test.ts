import { createRequire } from "node:module";
import { setTimeout as pause } from "node:timers/promises";
import { borrowedDatabase, Sqlite, SqliteTabularStorage } from "@workglow/sqlite";
import { StorageError } from "@workglow/util";
import BetterSqlite3 from "better-sqlite3";
import { describe, expect, it, onTestFinished } from "vitest";
import { drivers, openedBy, type TestHandle, temporaryPath } from "./drivers.ts";

const statement = (text: string, ...params: (string | number)[]) => ({ text, params });
const insert = (id: string) => statement("INSERT INTO t (id) VALUES (?)", id);

const nodeSqlite = createRequire(import.meta.url)("node:sqlite") as {
  readonly DatabaseSync: new (path: string, options?: object) => TestHandle;
};

/** What was rejected without anybody to see it, until the test has ended. */
function unhandledRejections(): readonly unknown[] {
  const seen: unknown[] = [];
  const note = (reason: unknown) => void seen.push(reason);
  const others = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", note);
  onTestFinished(() => {
    process.removeAllListeners("unhandledRejection");
    for (const other of others) process.on("unhandledRejection", other);
  });
  return seen;
}

describe("a transaction that is aborted when it gets its turn", () => {
  function tableAndAbort() {
    const handle = openedBy((path) => new BetterSqlite3(path) as unknown as TestHandle);
    handle.exec("CREATE TABLE t (id TEXT PRIMARY KEY)");
    return { executor: borrowedDatabase(handle).executor, controller: new AbortController() };
  }

  it("does not begin", async () => {
    const { executor, controller } = tableAndAbort();
    const unhandled = unhandledRejections();
    let began = false;
    const done = executor.transaction(
      async (inside) => {
        began = true;
        await pause(2);
        await inside.execute(insert("a"));
      },
      { signal: controller.signal },
    );
    process.nextTick(() => controller.abort(new Error("stop")));
    await expect(done).rejects.toThrow("stop");
    await pause(10);
    expect(began).toBe(false);
    expect(unhandled).toEqual([]);
    await executor.execute(insert("after"));
  });

  it("does not begin behind a write either", async () => {
    const { executor, controller } = tableAndAbort();
    let began = false;
    const write = executor.execute(insert("a"));
    const done = executor.transaction(
      async () => {
        began = true;
      },
      { signal: controller.signal },
    );
    const refused = expect(done).rejects.toThrow("stop");
    await write;
    controller.abort(new Error("stop"));
    await refused;
    expect(began).toBe(false);
  });

  it("leaves no rejection behind where it aborts itself at once", async () => {
    const { executor, controller } = tableAndAbort();
    const unhandled = unhandledRejections();
    const done = executor.transaction(
      async () => {
        controller.abort(new Error("stop"));
        throw new Error("from inside");
      },
      { signal: controller.signal },
    );
    await expect(done).rejects.toThrow("stop");
    await pause(10);
    expect(unhandled).toEqual([]);
  });
});

describe.each(drivers)("a group with $driver", ({ open }) => {
  const DEFERRED = `CREATE TABLE parent (id TEXT PRIMARY KEY);
CREATE TABLE t (id TEXT PRIMARY KEY, p TEXT REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)`;
  const orphan = statement("INSERT INTO t (id, p) VALUES (?, ?)", "orphan", "nobody");

  it("fails only the write that breaks a deferred constraint", async () => {
    const handle = openedBy(open);
    handle.exec(DEFERRED);
    const { executor } = borrowedDatabase(handle);
    const results = await Promise.allSettled([
      executor.execute(insert("a")),
      executor.execute(orphan),
      executor.execute(insert("b")),
      executor.atomic(function* () {
        yield insert("c");
        yield insert("d");
      }),
    ]);
    expect(results.map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
    expect((results[1] as PromiseRejectedResult).reason).toMatchObject({ code: "CONSTRAINT" });
    expect(handle.prepare("SELECT id FROM t ORDER BY id").all()).toEqual(
      ["a", "b", "c", "d"].map((id) => ({ id })),
    );
  });

  it("runs no write twice when a lock comes between those that run apart", async () => {
    const path = temporaryPath();
    const handle = openedBy(open, path);
    handle.exec(DEFERRED);
    const other = openedBy(open, path);
    const { executor } = borrowedDatabase(handle);
    await executor.execute(insert("warm"));
    other.exec("PRAGMA busy_timeout = 0");
    let runs = 0;
    const results = await Promise.allSettled([
      executor.execute(insert("a")),
      executor.execute(orphan),
      executor.atomic(
        function* () {
          yield statement("SELECT 1");
          // Once for the group, and once apart, when "a" has been committed.
          if (++runs !== 2) return;
          other.exec("BEGIN IMMEDIATE");
          setTimeout(() => other.exec("COMMIT"), 30);
        },
        { mode: "read" },
      ),
      executor.execute(insert("c")),
    ]);
    expect(results.map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
    expect(runs).toBe(2);
    expect((results[1] as PromiseRejectedResult).reason).toMatchObject({ code: "CONSTRAINT" });
  });
});

const withBigInts: readonly { readonly name: string; readonly open: () => TestHandle }[] = [
  {
    name: "better-sqlite3 with safe integers",
    open: () => {
      const handle = new BetterSqlite3(":memory:");
      handle.defaultSafeIntegers(true);
      return handle as unknown as TestHandle;
    },
  },
  {
    name: "node:sqlite with readBigInts",
    open: () => new nodeSqlite.DatabaseSync(":memory:", { readBigInts: true }),
  },
];

describe.each(withBigInts)("a handle of $name", ({ open }) => {
  const schema = {
    type: "object",
    properties: {
      id: { type: "integer", "x-auto-generated": true },
      n: { type: "number" },
      done: { type: "boolean" },
      k: { type: "integer" },
    },
    required: ["id", "k"],
    additionalProperties: false,
  } as const;

  it("is set up, compared, counted and watched as any other", async () => {
    const handle = openedBy(open);
    const table = () =>
      new SqliteTabularStorage(handle, "notes", schema, ["id"] as const, ["n"], {
        uniqueIndexes: [["k"]],
      });
    const notes = table();
    await notes.setupDatabase();
    const saved = await notes.put({ n: 1, done: true, k: 5 });
    expect(saved).toEqual({ id: 1, n: 1, done: true, k: 5 });
    expect(await notes.getAll()).toEqual([saved]);
    expect(await notes.size()).toBe(1);
    expect(await notes.count({ k: 5 })).toBe(1);
    await table().setupDatabase();
    const changes: unknown[] = [];
    const stop = notes.subscribeToChanges((change) => void changes.push(change));
    await stop.ready;
    await notes.put({ n: 2, k: 6 });
    await expect.poll(() => changes).toMatchObject([{ type: "INSERT", new: { id: 2 } }]);
    stop();
    // The owner's own statements go on as they were.
    expect(handle.prepare("SELECT 1 AS one").get()).toEqual({ one: 1n });
  });
});

describe.each(drivers)("a borrowed handle of $driver", ({ open }) => {
  it("is configured after its owner's transaction where first used inside it", async () => {
    const handle = openedBy(open, temporaryPath());
    handle.exec("CREATE TABLE t (id TEXT PRIMARY KEY); PRAGMA foreign_keys = OFF; BEGIN");
    const { executor } = borrowedDatabase(handle);
    expect((await executor.execute(statement("SELECT id FROM t"))).rows).toEqual([]);
    handle.exec("COMMIT");
    await executor.execute(insert("a"));
    expect(handle.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
    expect(handle.prepare("PRAGMA foreign_keys").get()).toEqual({ foreign_keys: 1 });
  });

  it("reports whether it takes writes", () => {
    const path = temporaryPath();
    const writable = openedBy(open, path);
    writable.exec("CREATE TABLE t (id TEXT PRIMARY KEY)");
    expect(borrowedDatabase(writable).capabilities.writable).toBe(true);
    const querying = openedBy(open, path);
    querying.exec("PRAGMA query_only = ON");
    expect(borrowedDatabase(querying).capabilities.writable).toBe(false);
    expect(borrowedDatabase(openedBy(open)).capabilities.writable).toBe(true);
  });
});

describe("a file opened for reading only", () => {
  const openers: readonly (readonly [string, (path: string) => TestHandle])[] = [
    [
      "better-sqlite3",
      (path) => new BetterSqlite3(path, { readonly: true }) as unknown as TestHandle,
    ],
    ["node:sqlite", (path) => new nodeSqlite.DatabaseSync(path, { readOnly: true })],
  ];

  it.each(openers)("is reported as such with %s", async (_, openReadOnly) => {
    const path = temporaryPath();
    const writer = openedBy((file) => new BetterSqlite3(file) as unknown as TestHandle, path);
    writer.exec("CREATE TABLE t (id TEXT PRIMARY KEY)");
    const { capabilities, executor } = borrowedDatabase(openedBy(openReadOnly, path));
    expect(capabilities).toMatchObject({ writable: false, persistent: true });
    await expect(executor.execute(insert("a"))).rejects.toMatchObject({ code: "READ_ONLY" });
  });
});

describe("a file that cannot be opened", () => {
  const errorOf = (path: string): StorageError => {
    try {
      new Sqlite.Database(path).close();
    } catch (error) {
      expect(error).toBeInstanceOf(StorageError);
      return error as StorageError;
    }
    return expect.fail("it was opened");
  };

  it("is named together with the operation", () => {
    const error = errorOf(`${temporaryPath("missing")}/deep/notes.db`);
    expect(error).toMatchObject({ code: "CANNOT_OPEN", storage: "notes.db", operation: "open" });
    expect(error.message).toContain("notes.db.open: ");
  });

  it("is not named where the path is a URL", () => {
    const error = errorOf("postgres://user:hunter2@localhost/missing/notes");
    expect(error).toMatchObject({ code: "CANNOT_OPEN", storage: "SQLite", operation: "open" });
    expect(error.message).not.toContain("hunter2");
  });
});
