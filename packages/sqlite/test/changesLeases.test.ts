import type { CommittedChange } from "@workglow/storage";
import type { SqlProgram } from "@workglow/storage/sql";
import { getLogger, setLogger } from "@workglow/util";
import type Database from "better-sqlite3";
import { describe, expect, it, onTestFinished } from "vitest";
import type { SqliteChangeLogOptions } from "../src/changes/SqliteChangeLog.ts";
import {
  Collected,
  databaseFile,
  NOTES,
  type Note,
  notes,
  type OpenFeed,
  openFeed,
  pause,
  rawConnection,
  traces,
  until,
} from "./changeFeed.ts";

const FAST = { pollingIntervalMs: 5 };
const NOTHING = { triggers: 0, logs: 0, leases: 0 };

function prepared(options?: SqliteChangeLogOptions) {
  const file = databaseFile();
  const writer = rawConnection(file);
  writer.exec(NOTES);
  return { file, writer, options, ...openFeed(file, options) };
}

async function subscribe({ feed }: OpenFeed, since?: string) {
  const heard = new Collected<Note>();
  const unsubscribe = feed.subscribe(notes, heard.add, { ...FAST, since });
  onTestFinished(() => unsubscribe());
  await unsubscribe.ready;
  return { heard, unsubscribe };
}

function insert(db: Database.Database, ...ids: string[]): void {
  const statement = db.prepare("INSERT INTO notes VALUES (?, 'x', 1)");
  for (const id of ids) statement.run(id);
}

const ids = (changes: readonly CommittedChange<Note>[]): unknown[] =>
  changes.map((change) => (change.type === "RESYNC" ? "RESYNC" : (change.new ?? change.old)?.id));

const positionOf = (heard: Collected<Note>, index: number): string =>
  (heard.changes[index] as CommittedChange<Note>).position;

/** As if the holder had been stopped for longer than its lease. */
const expire = (db: Database.Database): void =>
  void db.exec("UPDATE _workglow_subscribers SET expires_at = 0");

const logRows = (db: Database.Database): number[] => {
  const name = db
    .prepare(
      `SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB '_workglow_changes_*'`,
    )
    .pluck()
    .get();
  return db
    .prepare(`SELECT seq FROM "${String(name)}" ORDER BY seq`)
    .pluck()
    .all() as number[];
};

describe("since", () => {
  it("resumes behind a position, while others listen", async () => {
    const opened = prepared();
    const { heard } = await subscribe(opened);
    insert(opened.writer, "a", "b", "c");
    await heard.reach(3);
    const later = await subscribe(opened, positionOf(heard, 0));
    insert(opened.writer, "d");
    await later.heard.reach(3);
    expect(ids(later.heard.changes)).toEqual(["b", "c", "d"]);
    expect(later.heard.changes).toEqual(heard.changes.slice(1));
  });

  it("resumes after everybody has left, with what was written meanwhile", async () => {
    const opened = prepared();
    const { heard, unsubscribe } = await subscribe(opened);
    insert(opened.writer, "a", "b");
    await heard.reach(2);
    unsubscribe();
    await opened.feed.idle();
    insert(opened.writer, "c");
    const another = openFeed(opened.file);
    const later = await subscribe(another, positionOf(heard, 0));
    insert(opened.writer, "d");
    await later.heard.reach(3);
    expect(ids(later.heard.changes)).toEqual(["b", "c", "d"]);
  });

  it("at the end of the log delivers only what comes", async () => {
    const opened = prepared();
    const { heard } = await subscribe(opened);
    insert(opened.writer, "a");
    await heard.reach(1);
    const later = await subscribe(opened, positionOf(heard, 0));
    insert(opened.writer, "b");
    await later.heard.reach(1);
    expect(ids(later.heard.changes)).toEqual(["b"]);
  });

  it("gives one RESYNC, then goes on, where the log has been trimmed past the position", async () => {
    const opened = prepared({ retainedChanges: 2, leaseMs: 900 });
    const { heard } = await subscribe(opened);
    insert(opened.writer, "a", "b", "c", "d", "e");
    await heard.reach(5);
    await until(() => logRows(opened.writer).length === 2);
    expect(logRows(opened.writer)).toEqual([4, 5]);
    const [lost, kept] = [
      await subscribe(opened, positionOf(heard, 1)),
      await subscribe(opened, positionOf(heard, 2)),
    ];
    insert(opened.writer, "f");
    await Promise.all([lost.heard.reach(2), kept.heard.reach(3)]);
    expect(ids(lost.heard.changes)).toEqual(["RESYNC", "f"]);
    expect(ids(kept.heard.changes)).toEqual(["d", "e", "f"]);
    expect(positionOf(lost.heard, 0)).toBe(positionOf(heard, 4));
  });

  it("gives one RESYNC where the position is of a log that has ended, or lies ahead", async () => {
    const opened = prepared();
    const { heard, unsubscribe } = await subscribe(opened);
    insert(opened.writer, "a");
    await heard.reach(1);
    const ahead = positionOf(heard, 0).replace(/\d+$/, "99");
    const { heard: hasty } = await subscribe(opened, ahead);
    unsubscribe();
    const ended = await subscribe(opened, `${"0".repeat(32)}.1`);
    insert(opened.writer, "b");
    await Promise.all([hasty.reach(2), ended.heard.reach(2)]);
    expect(ids(hasty.changes)).toEqual(["RESYNC", "b"]);
    expect(ids(ended.heard.changes)).toEqual(["RESYNC", "b"]);
  });

  it("gives a RESYNC to whom the log lacks columns of what came before", async () => {
    const opened = prepared();
    const { heard } = await subscribe(opened);
    opened.writer.exec("ALTER TABLE notes ADD COLUMN extra TEXT");
    insertWide(opened.writer, "a");
    await heard.reach(1);
    insertWide(opened.writer, "b");
    const wide = new Collected<unknown>();
    const source = {
      ...notes,
      columns: [...notes.columns, { name: "extra", type: "text" as const }],
      decode: (v: unknown) => v,
    };
    const unsubscribe = opened.feed.subscribe(source, wide.add, {
      ...FAST,
      since: positionOf(heard, 0),
    });
    onTestFinished(() => unsubscribe());
    await unsubscribe.ready;
    insertWide(opened.writer, "c");
    await Promise.all([heard.reach(3), wide.reach(2)]);
    expect(wide.types).toEqual(["RESYNC", "INSERT"]);
    expect(wide.changes[1]?.new).toEqual(["c", "x", 1, "more"]);
    expect(ids(heard.changes)).toEqual(["a", "b", "c"]);
  });

  it("lets the callback of a RESYNC read the table", async () => {
    const opened = prepared();
    const read: unknown[] = [];
    const unsubscribe = opened.feed.subscribe(
      notes,
      async (change) => {
        if (change.type !== "RESYNC") return;
        await unsubscribe.ready;
        read.push(change.type);
      },
      { ...FAST, since: `${"0".repeat(32)}.1` },
    );
    onTestFinished(() => unsubscribe());
    await until(() => read.length === 1);
  });
});

describe("leases", () => {
  it("nothing is in the database before the first subscription", () => {
    const { writer } = prepared();
    expect(traces(writer)).toEqual(NOTHING);
  });

  it("are renewed while the subscriber lives", async () => {
    const opened = prepared({ leaseMs: 900 });
    const { heard } = await subscribe(opened);
    await pause(1_500);
    insert(opened.writer, "a");
    await heard.reach(1);
    expect(ids(heard.changes)).toEqual(["a"]);
  });

  it("of a subscriber that left end after leaseMs, and everything is removed", async () => {
    const opened = prepared({ leaseMs: 400 });
    const { heard, unsubscribe } = await subscribe(opened);
    insert(opened.writer, "a");
    await heard.reach(1);
    unsubscribe();
    await opened.feed.idle();
    expect(traces(opened.writer)).toEqual({ triggers: 4, logs: 1, leases: 1 });
    await until(() => traces(opened.writer).triggers === 0);
    expect(traces(opened.writer)).toEqual(NOTHING);
  });

  it("gate the triggers: nothing is logged once they have expired", async () => {
    const opened = prepared();
    const { heard, unsubscribe } = await subscribe(opened);
    insert(opened.writer, "a");
    await heard.reach(1);
    unsubscribe();
    await opened.feed.idle();
    expire(opened.writer);
    insert(opened.writer, "b", "c");
    expect(logRows(opened.writer)).toEqual([1]);
  });

  it("that expired are swept by whoever opens the database next", async () => {
    const opened = prepared();
    await subscribe(opened);
    const other = openFeed(opened.file);
    await other.feed.sweep();
    expect(traces(opened.writer)).toEqual({ triggers: 4, logs: 1, leases: 1 });
    expire(opened.writer);
    await other.feed.sweep();
    expect(traces(opened.writer)).toEqual(NOTHING);
  });

  it("that expired take nobody else's log away", async () => {
    const opened = prepared();
    opened.writer.exec("CREATE TABLE others (id TEXT PRIMARY KEY, body TEXT, size REAL)");
    await subscribe(opened);
    expire(opened.writer);
    const other = openFeed(opened.file);
    const heard = new Collected<Note>();
    const unsubscribe = other.feed.subscribe({ ...notes, table: "others" }, heard.add, FAST);
    onTestFinished(() => unsubscribe());
    await unsubscribe.ready;
    await other.feed.sweep();
    expect(traces(opened.writer)).toEqual({ triggers: 4, logs: 1, leases: 1 });
    opened.writer.exec("INSERT INTO others VALUES ('a', 'x', 1)");
    await heard.reach(1);
  });

  it("that expired bring their holder a RESYNC when it comes back, and no gap goes unnoticed", async () => {
    const opened = prepared({ leaseMs: 900 });
    const { heard } = await subscribe(opened);
    insert(opened.writer, "a");
    await heard.reach(1);
    opened.writer.transaction(() => {
      expire(opened.writer);
      insert(opened.writer, "missed");
    })();
    await heard.reach(2);
    insert(opened.writer, "b");
    await heard.reach(3);
    expect(ids(heard.changes)).toEqual(["a", "RESYNC", "b"]);
    expect(traces(opened.writer)).toEqual({ triggers: 4, logs: 1, leases: 1 });
  });

  it("that expired and were swept bring their holder a RESYNC too", async () => {
    const opened = prepared();
    const { heard } = await subscribe(opened);
    insert(opened.writer, "a");
    await heard.reach(1);
    expire(opened.writer);
    await openFeed(opened.file).feed.sweep();
    await until(() => traces(opened.writer).triggers === 4);
    insert(opened.writer, "b");
    await heard.reach(3);
    expect(ids(heard.changes)).toEqual(["a", "RESYNC", "b"]);
  });

  it("that expired cost nothing where another subscriber's lease kept the log whole", async () => {
    const opened = prepared({ leaseMs: 900 });
    const { heard } = await subscribe(opened);
    const other = openFeed(opened.file);
    await subscribe(other);
    opened.writer.exec(
      "UPDATE _workglow_subscribers SET expires_at = 0 WHERE subscriber = (SELECT min(subscriber) FROM _workglow_subscribers)",
    );
    insert(opened.writer, "a");
    await pause(900);
    insert(opened.writer, "b");
    await heard.reach(2);
    expect(ids(heard.changes)).toEqual(["a", "b"]);
    expect(traces(opened.writer).leases).toBe(2);
  });

  it("are not brought back by a subscriber that leaves too late", async () => {
    const opened = prepared();
    const { heard, unsubscribe } = await subscribe(opened);
    insert(opened.writer, "a");
    await heard.reach(1);
    expire(opened.writer);
    insert(opened.writer, "missed");
    unsubscribe();
    await opened.feed.idle();
    const { heard: later } = await subscribe(opened, positionOf(heard, 0));
    insert(opened.writer, "b");
    await later.reach(2);
    expect(ids(later.changes)).toEqual(["RESYNC", "b"]);
  });
});

describe("the log", () => {
  it("is trimmed behind the slowest subscriber", async () => {
    const opened = prepared({ retainedChanges: 3, leaseMs: 900 });
    const { heard } = await subscribe(opened);
    let letGo: (() => void) | undefined;
    const slow: string[] = [];
    const unsubscribe = opened.feed.subscribe(
      notes,
      async (change) => {
        slow.push(change.new?.id ?? "");
        if (slow.length === 1) {
          await new Promise<void>((resolve) => {
            letGo = resolve;
          });
        }
      },
      FAST,
    );
    onTestFinished(() => unsubscribe());
    await unsubscribe.ready;
    const all = Array.from({ length: 200 }, (_, i) => `n${i}`);
    insert(opened.writer, ...all);
    await heard.reach(200);
    await pause(700);
    expect(logRows(opened.writer)).toHaveLength(200);
    letGo?.();
    await until(() => slow.length === 200);
    await until(() => logRows(opened.writer).length === 3);
    expect(slow).toEqual(all);
  });

  it("keeps its numbers going when it is trimmed to its end", async () => {
    const opened = prepared({ retainedChanges: 0, leaseMs: 900 });
    const { heard } = await subscribe(opened);
    insert(opened.writer, "a", "b");
    await heard.reach(2);
    await until(() => logRows(opened.writer).length === 1);
    opened.writer.exec("INSERT INTO notes VALUES ('a', 'ignored', 1) ON CONFLICT DO NOTHING");
    await pause(100);
    insert(opened.writer, "c");
    opened.writer.exec("DELETE FROM notes WHERE id = 'c'");
    await heard.reach(4);
    expect(ids(heard.changes)).toEqual(["a", "b", "c", "c"]);
  });

  it("is trimmed in many small steps when there is much to remove", async () => {
    const opened = prepared({ retainedChanges: 10, leaseMs: 60_000 });
    const { heard } = await subscribe(opened);
    opened.writer.exec(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 21000)
      INSERT INTO notes SELECT 'n' || i, 'x', i FROM n`);
    await heard.reach(21_000);
    // Delivering this many changes is itself a reason to trim.
    await until(() => logRows(opened.writer).length < 1_600);
  });

  it("survives a column that is added to the table", async () => {
    const opened = prepared();
    const { heard } = await subscribe(opened);
    opened.writer.exec("ALTER TABLE notes ADD COLUMN extra TEXT");
    insertWide(opened.writer, "a");
    await heard.reach(1);
    expect(ids(heard.changes)).toEqual(["a"]);
  });

  it("begins anew, with a RESYNC, when a migration interrupts it to drop a column", async () => {
    const opened = prepared();
    opened.writer.exec("ALTER TABLE notes ADD COLUMN extra TEXT");
    const { heard } = await subscribe(opened);
    const { feed, executor } = opened;
    await executor.atomic(function* (): SqlProgram<void> {
      yield* feed.interrupt("NOTES");
      yield { text: "ALTER TABLE notes DROP COLUMN extra", params: [] };
    });
    await until(() => traces(opened.writer).triggers === 4);
    await heard.reach(1);
    insert(opened.writer, "a");
    await heard.reach(2);
    expect(ids(heard.changes)).toEqual(["RESYNC", "a"]);
    expect(traces(opened.writer)).toEqual({ triggers: 4, logs: 1, leases: 1 });
  });

  it("begins anew when the table is dropped and made again by hand", async () => {
    const opened = prepared();
    const { heard } = await subscribe(opened);
    opened.writer.exec(`DROP TABLE notes; ${NOTES}`);
    await heard.reach(1);
    insert(opened.writer, "a");
    await heard.reach(2);
    expect(ids(heard.changes)).toEqual(["RESYNC", "a"]);
    await until(() => traces(opened.writer).logs === 1);
  });

  it("is removed when its table is dropped for good", async () => {
    const opened = prepared();
    await subscribe(opened);
    const { unsubscribe } = await subscribe(opened);
    captureWarnings();
    opened.writer.exec("DROP TABLE notes");
    unsubscribe();
    await openFeed(opened.file).feed.sweep();
    expect(traces(opened.writer)).toMatchObject({ triggers: 0, logs: 0 });
  });

  it("does not break the table's writers when a column is renamed by hand", async () => {
    const opened = prepared();
    await subscribe(opened);
    opened.writer.exec("ALTER TABLE notes RENAME COLUMN body TO text");
    const heard = new Collected<unknown>();
    const columns = ["id", "text"].map((name) => ({ name, type: "text" as const }));
    const unsubscribe = opened.feed.subscribe(
      { ...notes, columns, decode: (values) => values },
      heard.add,
      FAST,
    );
    onTestFinished(() => unsubscribe());
    await unsubscribe.ready;
    insert(opened.writer, "a");
    await heard.reach(1);
    expect(heard.plain).toEqual([{ type: "INSERT", new: ["a", "x"] }]);
  });

  it("does not grow with statements that change nothing", async () => {
    const opened = prepared();
    const { heard } = await subscribe(opened);
    insert(opened.writer, "a");
    await heard.reach(1);
    for (let i = 0; i < 50; i++) {
      opened.writer.exec("INSERT INTO notes VALUES ('a', 'ignored', 1) ON CONFLICT DO NOTHING");
    }
    expect(logRows(opened.writer).length).toBeLessThanOrEqual(2);
  });

  it("tells a reader whose place has been trimmed away", async () => {
    const opened = prepared();
    const tail = await opened.log.open(notes, undefined);
    insert(opened.writer, "a", "b", "c", "d");
    const first = await tail.read(tail.start, 1);
    const second = await tail.read(first?.position ?? "", 1);
    expect(first).toMatchObject({ changes: [{ type: "INSERT" }], more: true });
    opened.writer.exec(
      `DELETE FROM "_workglow_changes_${tail.start.split(".")[0]}" WHERE seq <= 2`,
    );
    expect(await tail.read(first?.position ?? "", 10)).toBeUndefined();
    expect(await tail.read(second?.position ?? "", 10)).toMatchObject({ more: false });
    await tail.release(false);
    expect(traces(opened.writer)).toEqual(NOTHING);
  });

  it("begins anew when somebody drops one of its triggers", async () => {
    const opened = prepared();
    const { heard } = await subscribe(opened);
    const trigger = opened.writer
      .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name GLOB '*_update'")
      .pluck()
      .get();
    opened.writer.exec(`DROP TRIGGER "${String(trigger)}"`);
    await heard.reach(1);
    insert(opened.writer, "a");
    await heard.reach(2);
    expect(ids(heard.changes)).toEqual(["RESYNC", "a"]);
    expect(traces(opened.writer).triggers).toBe(4);
  });

  it("goes on after the database was locked", async () => {
    const opened = prepared({ leaseMs: 1_500 });
    const { heard } = await subscribe(opened);
    insert(opened.writer, "a");
    await heard.reach(1);
    opened.writer.exec("BEGIN IMMEDIATE; INSERT INTO notes VALUES ('b', 'x', 1)");
    // Renewals are due meanwhile, and wait.
    await pause(800);
    opened.writer.exec("COMMIT");
    await heard.reach(2);
    expect(ids(heard.changes)).toEqual(["a", "b"]);
  });

  it("follows a table in a database without write-ahead log", async () => {
    const { default: Driver } = await import("better-sqlite3");
    const db = new Driver(":memory:");
    onTestFinished(() => void db.close());
    db.exec(NOTES);
    const { SqliteConnection } = await import("../src/SqliteConnection.ts");
    const { SqliteExecutor } = await import("../src/SqliteExecutor.ts");
    const { sqliteChangeFeed } = await import("../src/changes/sqliteChangeFeed.ts");
    const feed = sqliteChangeFeed(new SqliteExecutor(new SqliteConnection(db, false)));
    const heard = new Collected<Note>();
    const unsubscribe = feed.subscribe(notes, heard.add, FAST);
    onTestFinished(() => unsubscribe());
    await unsubscribe.ready;
    insert(db, "a");
    await heard.reach(1);
  });
});

function captureWarnings(): void {
  const before = getLogger();
  setLogger({ ...before, warn: () => undefined });
  onTestFinished(() => setLogger(before));
}

function insertWide(db: Database.Database, id: string): void {
  db.prepare("INSERT INTO notes (id, body, size, extra) VALUES (?, 'x', 1, 'more')").run(id);
}
