import type { SqlChangeSource, SqlRow, SqlValue } from "@workglow/storage/sql";
import {
  getLogger,
  StorageNotSetUpError,
  StorageReadOnlyError,
  StorageSchemaMismatchError,
  StorageUnsupportedError,
  StorageValidationError,
  setLogger,
} from "@workglow/util";
import Database from "better-sqlite3";
import { describe, expect, it, onTestFinished } from "vitest";
import { sqliteChangeFeed } from "../src/changes/sqliteChangeFeed.ts";
import { SqliteConnection } from "../src/SqliteConnection.ts";
import { SqliteExecutor } from "../src/SqliteExecutor.ts";
import {
  Collected,
  databaseFile,
  NOTES,
  type Note,
  notes,
  openFeed,
  pause,
  rawConnection,
  traces,
  until,
} from "./changeFeed.ts";

const FAST = { pollingIntervalMs: 5 };

async function subscribed(options = {}, file = databaseFile()) {
  const writer = rawConnection(file);
  writer.exec(NOTES);
  const opened = openFeed(file, options);
  const heard = new Collected<Note>();
  const unsubscribe = opened.feed.subscribe(notes, heard.add, FAST);
  await unsubscribe.ready;
  onTestFinished(() => unsubscribe());
  return { file, writer, heard, unsubscribe, ...opened };
}

describe("what another connection writes", () => {
  it("arrives once, in order, with old and new rows", async () => {
    const { writer, heard } = await subscribed();
    writer.exec(`
      INSERT INTO notes VALUES ('a', 'one', 1);
      UPDATE notes SET body = 'two' WHERE id = 'a';
      INSERT INTO notes VALUES ('b', NULL, NULL);
      DELETE FROM notes WHERE id = 'a'`);
    await heard.reach(4);
    expect(heard.plain).toEqual([
      { type: "INSERT", new: { id: "a", body: "one", size: 1 } },
      {
        type: "UPDATE",
        old: { id: "a", body: "one", size: 1 },
        new: { id: "a", body: "two", size: 1 },
      },
      { type: "INSERT", new: { id: "b", body: null, size: null } },
      { type: "DELETE", old: { id: "a", body: "two", size: 1 } },
    ]);
    expect(new Set(heard.changes.map((change) => change.position)).size).toBe(4);
  });

  it("shows an upsert and a REPLACE as INSERT or UPDATE, whichever it was", async () => {
    const { writer, heard } = await subscribed();
    writer.exec(`
      INSERT INTO notes VALUES ('a', 'first', 1) ON CONFLICT DO UPDATE SET body = excluded.body;
      INSERT INTO notes VALUES ('a', 'upserted', 1) ON CONFLICT DO UPDATE SET body = excluded.body;
      INSERT INTO notes VALUES ('a', 'ignored', 1) ON CONFLICT DO NOTHING;
      INSERT OR IGNORE INTO notes VALUES ('a', 'ignored', 1);
      INSERT OR REPLACE INTO notes VALUES ('a', 'replaced', 1);
      REPLACE INTO notes VALUES ('b', 'new', 1);
      INSERT INTO notes VALUES ('b', 'ignored', 1) ON CONFLICT DO NOTHING;
      UPDATE notes SET body = 'updated' WHERE id = 'b';
      INSERT INTO notes VALUES ('b', 'ignored', 1) ON CONFLICT DO NOTHING;
      DELETE FROM notes WHERE id = 'b'`);
    await heard.reach(6);
    expect(heard.plain.map(({ type, old, new: now }) => [type, old?.body, now?.body])).toEqual([
      ["INSERT", undefined, "first"],
      ["UPDATE", "first", "upserted"],
      ["UPDATE", "upserted", "replaced"],
      ["INSERT", undefined, "new"],
      ["UPDATE", "new", "updated"],
      ["DELETE", "updated", undefined],
    ]);
  });

  it("is not missed when a statement that changed nothing was logged last", async () => {
    const { writer, heard } = await subscribed();
    writer.exec("INSERT INTO notes VALUES ('a', 'one', 1)");
    await heard.reach(1);
    writer.exec("INSERT INTO notes VALUES ('a', 'ignored', 1) ON CONFLICT DO NOTHING");
    await pause(40);
    writer.exec("UPDATE notes SET body = 'two'");
    await heard.reach(2);
    expect(heard.plain[1]).toMatchObject({
      type: "UPDATE",
      old: { body: "one" },
      new: { body: "two" },
    });
  });

  it("arrives row by row when a statement changes many, and when everything is deleted", async () => {
    const { writer, heard } = await subscribed();
    writer.exec(`INSERT INTO notes SELECT value, 'x', value FROM json_each('["1","2","3"]');
      UPDATE notes SET body = 'y'; DELETE FROM notes`);
    await heard.reach(9);
    expect(heard.types).toEqual([
      ...Array(3).fill("INSERT"),
      ...Array(3).fill("UPDATE"),
      ...Array(3).fill("DELETE"),
    ]);
  });

  it("arrives only once it is committed, and never when it is rolled back", async () => {
    const { writer, heard } = await subscribed();
    writer.exec("BEGIN; INSERT INTO notes VALUES ('gone', 'x', 1)");
    await pause(30);
    writer.exec("ROLLBACK; BEGIN; INSERT INTO notes VALUES ('kept', 'x', 1)");
    await pause(30);
    expect(heard.changes).toEqual([]);
    writer.exec("COMMIT");
    await heard.reach(1);
    expect(heard.plain).toEqual([{ type: "INSERT", new: { id: "kept", body: "x", size: 1 } }]);
  });

  it("arrives whole, whatever the values", async () => {
    const file = databaseFile();
    const writer = rawConnection(file);
    writer.exec(
      `CREATE TABLE v (k INTEGER PRIMARY KEY, number REAL, big BIGINT, bytes BLOB, body TEXT, flag BOOLEAN INT)`,
    );
    const { feed } = openFeed(file);
    const heard = new Collected<readonly SqlValue[]>();
    const unsubscribe = feed.subscribe<readonly SqlValue[]>(
      {
        table: "v",
        columns: [
          { name: "k", type: "integer" },
          { name: "number", type: "double" },
          { name: "big", type: "int64" },
          { name: "bytes", type: "bytes" },
          { name: "body", type: "text" },
          { name: "flag", type: "boolean" },
        ],
        keyColumns: ["k"],
        where: [],
        decode: (values) => values,
      },
      heard.add,
      FAST,
    );
    onTestFinished(() => unsubscribe());
    await unsubscribe.ready;
    const rows: SqlRow[] = [
      [2 ** 53 - 1, 0.1 + 0.2, "9223372036854775807", new Uint8Array([0, 1, 255]), "é\u{1F600}", 1],
      [1, 5e-324, "-9223372036854775808", new Uint8Array(), "", 0],
      [2, 1.7976931348623157e308, "9007199254740993", null, "' \" -- ; \n \\u0000", null],
      [-3, -1e308, "0", new Uint8Array(70_000).fill(7), "x".repeat(70_000), 1],
      [4, 2 ** 60, null, null, null, null],
      [5, 123456789.12345679, null, null, null, null],
    ];
    const insert = writer.prepare("INSERT INTO v VALUES (?, ?, CAST(? AS INTEGER), ?, ?, ?)");
    for (const row of rows) insert.run(...row);
    writer.exec("UPDATE v SET flag = NULL WHERE k = 1");
    await heard.reach(rows.length + 1);
    const bytewise = (row: SqlRow | undefined): unknown =>
      row?.map((value) => (value instanceof Uint8Array ? [...value] : value));
    expect(heard.changes.slice(0, -1).map((change) => bytewise(change.new))).toEqual(
      rows.map(bytewise),
    );
    expect(bytewise(heard.changes.at(-1)?.old)).toEqual(bytewise(rows[1]));
    expect(bytewise(heard.changes.at(-1)?.new)).toEqual(
      bytewise([...(rows[1] as SqlRow).slice(0, 5), null]),
    );
  });

  it("arrives where a foreign key's cascade wrote it", async () => {
    const file = databaseFile();
    const writer = rawConnection(file);
    writer.pragma("foreign_keys = ON");
    writer.exec(`CREATE TABLE parents (id TEXT PRIMARY KEY);
      CREATE TABLE notes (id TEXT PRIMARY KEY REFERENCES parents ON DELETE CASCADE, body TEXT, size REAL);
      INSERT INTO parents VALUES ('p'); INSERT INTO notes VALUES ('p', 'x', 1)`);
    const { feed } = openFeed(file);
    const heard = new Collected<Note>();
    const unsubscribe = feed.subscribe(notes, heard.add, FAST);
    onTestFinished(() => unsubscribe());
    await unsubscribe.ready;
    writer.exec("DELETE FROM parents");
    await heard.reach(1);
    expect(heard.plain).toEqual([{ type: "DELETE", old: { id: "p", body: "x", size: 1 } }]);
  });
});

describe("what this process writes", () => {
  it("arrives without waiting for the poll", async () => {
    const file = databaseFile();
    rawConnection(file).exec(NOTES);
    const { feed, executor } = openFeed(file);
    const heard = new Collected<Note>();
    const unsubscribe = feed.subscribe(notes, heard.add, { pollingIntervalMs: 60_000 });
    onTestFinished(() => unsubscribe());
    await unsubscribe.ready;
    await executor.execute({ text: "INSERT INTO notes VALUES ('a', 'x', 1)", params: [] });
    feed.wake();
    await heard.reach(1, 1_000);
    expect(heard.types).toEqual(["INSERT"]);
  });

  it("past the storages, on the same handle, is found by the poll", async () => {
    const { db, heard } = await subscribed();
    await pause(20);
    db.exec("INSERT INTO notes VALUES ('a', 'x', 1)");
    await heard.reach(1, 1_000);
  });
});

describe("several subscribers", () => {
  it("hear all changes in the same order, whatever their intervals and speeds", async () => {
    const { writer, feed, heard } = await subscribed();
    const slow = new Collected<Note>();
    const unsubscribe = feed.subscribe(
      notes,
      async (change) => {
        await pause(1);
        slow.add(change);
      },
      { pollingIntervalMs: 300 },
    );
    onTestFinished(() => unsubscribe());
    await unsubscribe.ready;
    const insert = writer.prepare("INSERT INTO notes VALUES (?, 'x', ?)");
    for (let i = 0; i < 150; i++) insert.run(`n${i}`, i);
    await slow.reach(150);
    expect(slow.changes).toEqual(heard.changes);
    expect(heard.changes.map((change) => change.new?.size)).toEqual(
      Array.from({ length: 150 }, (_, i) => i),
    );
  });

  it("of two connections hear each other's changes and their own", async () => {
    const { file, executor, feed, heard } = await subscribed();
    const other = openFeed(file);
    const others = new Collected<Note>();
    const unsubscribe = other.feed.subscribe(notes, others.add, FAST);
    onTestFinished(() => unsubscribe());
    await unsubscribe.ready;
    for (let i = 0; i < 20; i++) {
      const { executor: writer } = i % 2 === 0 ? { executor } : other;
      await writer.execute({ text: "INSERT INTO notes VALUES (?, 'x', ?)", params: [`n${i}`, i] });
    }
    feed.wake();
    await Promise.all([heard.reach(20), others.reach(20)]);
    expect(others.changes).toEqual(heard.changes);
  });

  it("that want different columns of one table each get theirs", async () => {
    const { writer, feed, heard } = await subscribed();
    writer.exec("ALTER TABLE notes ADD COLUMN extra TEXT");
    const wide = new Collected<string | null>();
    const unsubscribe = feed.subscribe(
      {
        ...notes,
        columns: [{ name: "Extra", type: "text" }],
        decode: ([extra]) => extra as string | null,
      },
      wide.add,
      FAST,
    );
    onTestFinished(() => unsubscribe());
    await unsubscribe.ready;
    writer.exec("INSERT INTO notes VALUES ('a', 'x', 1, 'more')");
    await Promise.all([heard.reach(1), wide.reach(1)]);
    expect(heard.plain).toEqual([{ type: "INSERT", new: { id: "a", body: "x", size: 1 } }]);
    expect(wide.plain).toEqual([{ type: "INSERT", new: "more" }]);
  });

  it("get nothing more once they have unsubscribed", async () => {
    const { writer, heard, unsubscribe } = await subscribed();
    writer.exec("INSERT INTO notes VALUES ('a', 'x', 1)");
    await heard.reach(1);
    unsubscribe();
    unsubscribe();
    writer.exec("INSERT INTO notes VALUES ('b', 'x', 1)");
    await pause(40);
    expect(heard.changes).toHaveLength(1);
  });
});

describe("a callback", () => {
  it("is awaited before the next change, and no more is read than it takes", async () => {
    const { writer, feed } = await subscribed();
    let running = 0;
    let most = 0;
    let seen = 0;
    const unsubscribe = feed.subscribe(
      notes,
      async () => {
        most = Math.max(most, ++running);
        await pause(2);
        running--;
        seen++;
      },
      FAST,
    );
    onTestFinished(() => unsubscribe());
    await unsubscribe.ready;
    for (let i = 0; i < 30; i++)
      writer.prepare("INSERT INTO notes VALUES (?, 'x', 1)").run(`n${i}`);
    await until(() => seen === 30);
    expect(most).toBe(1);
  });

  it("that throws is reported, and the next change is delivered", async () => {
    const reports = loggedErrors();
    const { writer, feed } = await subscribed();
    const heard = new Collected<Note>();
    const unsubscribe = feed.subscribe(
      notes,
      (change) => {
        heard.add(change);
        throw new Error("the subscriber's own");
      },
      FAST,
    );
    onTestFinished(() => unsubscribe());
    await unsubscribe.ready;
    writer.exec("INSERT INTO notes VALUES ('a', 'x', 1), ('b', 'x', 1)");
    await heard.reach(2);
    expect(heard.types).toEqual(["INSERT", "INSERT"]);
    expect(reports.length).toBe(2);
  });
});

describe("tenants", () => {
  const tenants: SqlChangeSource<readonly SqlValue[]> = {
    table: "shared",
    columns: [
      { name: "tenant", type: "text" },
      { name: "region", type: "integer" },
      { name: "id", type: "text" },
    ],
    keyColumns: ["tenant", "region", "id"],
    where: [],
    decode: (values) => values,
  };

  async function shared() {
    const file = databaseFile();
    const writer = rawConnection(file);
    writer.exec(
      "CREATE TABLE shared (tenant TEXT, region INTEGER, id TEXT, PRIMARY KEY (tenant, region, id))",
    );
    const { feed } = openFeed(file);
    const hear = async (where: SqlChangeSource<unknown>["where"]) => {
      const heard = new Collected<readonly SqlValue[]>();
      const unsubscribe = feed.subscribe({ ...tenants, where }, heard.add, FAST);
      onTestFinished(() => unsubscribe());
      await unsubscribe.ready;
      return heard;
    };
    return { writer, hear };
  }

  it("hear only what is theirs: by all prefixes, by some, by none", async () => {
    const { writer, hear } = await shared();
    const exact = await hear([
      { column: "tenant", value: "a" },
      { column: "region", value: 1 },
    ]);
    const part = await hear([{ column: "tenant", value: "a" }]);
    const all = await hear([]);
    writer.exec(`INSERT INTO shared VALUES ('a', 1, 'x'), ('a', 2, 'x'), ('b', 1, 'x');
      DELETE FROM shared WHERE region = 1`);
    await all.reach(5);
    expect(exact.changes.map(({ type, old, new: now }) => [type, old ?? now])).toEqual([
      ["INSERT", ["a", 1, "x"]],
      ["DELETE", ["a", 1, "x"]],
    ]);
    expect(part.changes.map(({ type, old, new: now }) => [type, old ?? now])).toEqual([
      ["INSERT", ["a", 1, "x"]],
      ["INSERT", ["a", 2, "x"]],
      ["DELETE", ["a", 1, "x"]],
    ]);
  });

  it("see a row that changes hands leave one and reach the other", async () => {
    const { writer, hear } = await shared();
    const a = await hear([{ column: "tenant", value: "a" }]);
    const b = await hear([{ column: "tenant", value: "b" }]);
    writer.exec("INSERT INTO shared VALUES ('a', 1, 'x'); UPDATE shared SET tenant = 'b'");
    await Promise.all([a.reach(2), b.reach(1)]);
    expect(a.plain).toEqual([
      { type: "INSERT", new: ["a", 1, "x"] },
      { type: "DELETE", old: ["a", 1, "x"] },
    ]);
    expect(b.plain).toEqual([{ type: "INSERT", new: ["b", 1, "x"] }]);
  });

  it("do not look twice at what others wrote", async () => {
    const { writer, hear } = await shared();
    const a = await hear([{ column: "tenant", value: "a" }]);
    const all = await hear([]);
    const insert = writer.prepare("INSERT INTO shared VALUES (?, 1, ?)");
    writer.transaction(() => {
      for (let i = 0; i < 1_000; i++) insert.run("b", `n${i}`);
      insert.run("a", "last");
    })();
    await Promise.all([a.reach(1), all.reach(1_001)]);
    await pause(30);
    insert.run("a", "more");
    await a.reach(2);
    expect(all.changes).toHaveLength(1_002);
    expect(a.changes.at(-1)?.position).toBe(all.changes.at(-1)?.position);
  });
});

describe("hostile names", () => {
  for (const table of [
    `no"tes'; DROP TABLE x; --`,
    "select",
    "NOTES Übergröße 表",
    "a.b",
    "x\ny",
  ]) {
    it(`a table called ${JSON.stringify(table)}`, async () => {
      const file = databaseFile();
      const writer = rawConnection(file);
      const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
      const column = `va"lue' ]) --`;
      writer.exec(
        `CREATE TABLE ${quote(table)} (${quote("order")} TEXT PRIMARY KEY, ${quote(column)} TEXT, "rowid" TEXT)`,
      );
      const { feed } = openFeed(file);
      const heard = new Collected<readonly SqlValue[]>();
      const unsubscribe = feed.subscribe(
        {
          table,
          columns: ["order", column, "rowid"].map((name) => ({ name, type: "text" as const })),
          keyColumns: ["order"],
          where: [{ column, value: "'; --" }],
          decode: (values) => values,
        },
        heard.add,
        FAST,
      );
      onTestFinished(() => unsubscribe());
      await unsubscribe.ready;
      const insert = writer.prepare(`INSERT OR REPLACE INTO ${quote(table)} VALUES (?, ?, 'r')`);
      insert.run("a", "'; --");
      insert.run("b", "other");
      insert.run("a", "'; --");
      await heard.reach(2);
      expect(heard.types).toEqual(["INSERT", "UPDATE"]);
      expect(heard.changes[0]?.new).toEqual(["a", "'; --", "r"]);
    });
  }
});

describe("a subscription that cannot be", () => {
  const rejected = async (
    feed: ReturnType<typeof sqliteChangeFeed>,
    source: SqlChangeSource<Note>,
    since?: string,
  ) => {
    const unsubscribe = feed.subscribe(source, () => undefined, { ...FAST, since });
    return unsubscribe.ready.then(
      () => undefined,
      (error: unknown) => error,
    );
  };

  it("of a table that is not there", async () => {
    const { feed } = openFeed(databaseFile());
    expect(await rejected(feed, notes)).toBeInstanceOf(StorageNotSetUpError);
  });

  it("of a column that is not there leaves the table's writers alone", async () => {
    const file = databaseFile();
    const writer = rawConnection(file);
    writer.exec(NOTES);
    const { feed } = openFeed(file);
    const source = {
      ...notes,
      columns: [...notes.columns, { name: "missing", type: "text" as const }],
    };
    expect(await rejected(feed, source)).toBeInstanceOf(StorageSchemaMismatchError);
    writer.exec("INSERT INTO notes VALUES ('a', 'x', 1)");
    expect(traces(writer).triggers).toBe(0);
  });

  it("of a table with more columns than a log can hold", async () => {
    const file = databaseFile();
    const writer = rawConnection(file);
    const columns = Array.from({ length: 1_000 }, (_, i) => ({
      name: `c${i}`,
      type: "text" as const,
    }));
    writer.exec(`CREATE TABLE notes (${columns.map(({ name }) => `${name} TEXT`).join(", ")})`);
    const { feed } = openFeed(file);
    const source = { ...notes, columns, keyColumns: ["c0"] };
    expect(await rejected(feed, source)).toBeInstanceOf(StorageUnsupportedError);
    expect(await rejected(feed, { ...source, columns: columns.slice(1) })).toBeInstanceOf(
      StorageUnsupportedError,
    );
    expect(await rejected(feed, { ...source, columns: columns.slice(0, 999) })).toBeUndefined();
  });

  it("of a read-only database", async () => {
    const file = databaseFile();
    rawConnection(file).exec(NOTES);
    const db = new Database(file, { readonly: true });
    onTestFinished(() => void db.close());
    const feed = sqliteChangeFeed(new SqliteExecutor(new SqliteConnection(db, false)));
    expect(await rejected(feed, notes)).toBeInstanceOf(StorageReadOnlyError);
    await feed.sweep();
  });

  it("of a position that no change carried", async () => {
    const { feed } = await subscribed();
    for (const since of ["", "7", "x.1", "0f.-1", "0f.99999999999999999", "0f.1'; --"]) {
      expect(await rejected(feed, notes, since)).toBeInstanceOf(StorageValidationError);
    }
  });
});

describe("setting up", () => {
  it("costs the same on a large table as on an empty one, and so does each change", async () => {
    const costOf = async (rows: number): Promise<number> => {
      const file = databaseFile();
      const writer = rawConnection(file);
      writer.exec(`${NOTES};
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
        INSERT INTO notes SELECT 'n' || i, 'x', i FROM n`);
      const { feed } = openFeed(file);
      const heard = new Collected<Note>();
      const start = performance.now();
      const unsubscribe = feed.subscribe(notes, heard.add, FAST);
      onTestFinished(() => unsubscribe());
      await unsubscribe.ready;
      const upsert = writer.prepare("REPLACE INTO notes VALUES (?, 'y', 1)");
      const update = writer.prepare("UPDATE notes SET body = 'z' WHERE id = ?");
      writer.transaction(() => {
        for (let i = 0; i < 1_000; i++) {
          upsert.run(`m${i}`);
          update.run(`m${i}`);
        }
      })();
      await heard.reach(2_000);
      return performance.now() - start;
    };
    const small = await costOf(1);
    // Were the table read once for each change, this would take some thousand times as long.
    expect(await costOf(100_000)).toBeLessThan(small * 10 + 500);
  });

  it("waits for another connection's write lock", async () => {
    const file = databaseFile();
    const writer = rawConnection(file);
    writer.exec(`${NOTES}; BEGIN IMMEDIATE; INSERT INTO notes VALUES ('before', 'x', 1)`);
    const { feed } = openFeed(file);
    const heard = new Collected<Note>();
    const unsubscribe = feed.subscribe(notes, heard.add, FAST);
    onTestFinished(() => unsubscribe());
    await pause(50);
    writer.exec("COMMIT");
    await unsubscribe.ready;
    writer.exec("INSERT INTO notes VALUES ('after', 'x', 1)");
    await heard.reach(1);
    expect(heard.changes.map((change) => change.new?.id)).toEqual(["after"]);
  });

  it("and leaving at once leaves nothing behind", async () => {
    const { feed, writer, unsubscribe } = await subscribed();
    unsubscribe();
    feed.subscribe(notes, () => undefined, FAST)();
    await feed.idle();
    await until(() => traces(writer).triggers === 0);
    expect(traces(writer)).toEqual({ triggers: 0, logs: 0, leases: 0 });
  });
});

function loggedErrors(): unknown[] {
  const before = getLogger();
  const errors: unknown[] = [];
  setLogger({
    ...before,
    error: (_, details) => void errors.push(details),
    warn: (_, details) => void errors.push(details),
  });
  onTestFinished(() => setLogger(before));
  return errors;
}
