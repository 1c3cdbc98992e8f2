import type { SqlChangeSource, SqlRow, SqlValue } from "@workglow/storage/sql";
import {
  StorageNotSetUpError,
  StorageSchemaMismatchError,
  StorageValidationError,
} from "@workglow/util";
import { describe, expect, it, onTestFinished } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import {
  Collected,
  listenTo,
  type Note,
  notes,
  onPglite,
  onServer,
  pause,
  setUp,
} from "./changesKit.ts";

const everywhere = [...servers().all.map(({ title, url }) => onServer(title, url)), onPglite];

describe.each(everywhere)("what another program writes, on $title", ({ make }) => {
  it("arrives once, in order, with old and new rows", async () => {
    const { raw, open } = await make();
    const { heard } = await listenTo(await open());
    await raw.run(`INSERT INTO notes VALUES ('a', 'one', 1);
      UPDATE notes SET body = 'two' WHERE id = 'a'`);
    await raw.run(`INSERT INTO notes VALUES ('b', NULL, NULL); DELETE FROM notes WHERE id = 'a'`);
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

  it("shows an upsert as INSERT or UPDATE, whichever it was, and nothing where it did nothing", async () => {
    const { raw, open } = await make();
    const { heard } = await listenTo(await open());
    const upsert = "ON CONFLICT (id) DO UPDATE SET body = excluded.body";
    await raw.run(`INSERT INTO notes VALUES ('a', 'first', 1) ${upsert}`);
    await raw.run(`INSERT INTO notes VALUES ('a', 'second', 1) ${upsert}`);
    await raw.run(`INSERT INTO notes VALUES ('a', 'ignored', 1) ON CONFLICT DO NOTHING`);
    await raw.run(`UPDATE notes SET body = 'nobody' WHERE id = 'missing'`);
    await raw.run(`INSERT INTO notes VALUES ('a', 'third', 1), ('b', 'new', 1) ${upsert}`);
    await heard.reach(4);
    expect(
      heard.plain.map(({ type, old, new: now }) => [type, old?.body, now?.body]).sort(),
    ).toEqual([
      ["INSERT", undefined, "first"],
      ["INSERT", undefined, "new"],
      ["UPDATE", "first", "second"],
      ["UPDATE", "second", "third"],
    ]);
  });

  it("shows a changed key as a row that went and one that came", async () => {
    const { raw, open } = await make();
    await raw.run("INSERT INTO notes VALUES ('a', 'x', 1), ('b', 'y', 2)");
    const { heard } = await listenTo(await open());
    await raw.run("UPDATE notes SET id = 'c' WHERE id = 'a'");
    await raw.run(`BEGIN; SET CONSTRAINTS ALL DEFERRED; UPDATE notes SET id = 'z' || id; COMMIT`);
    await heard.reach(6);
    const told = heard.plain.map(
      ({ type, old, new: now }) => `${type} ${old?.id ?? ""}${now?.id ?? ""}`,
    );
    expect(told.slice(0, 2).sort()).toEqual(["DELETE a", "INSERT c"]);
    expect(told.slice(2).sort()).toEqual(["DELETE b", "DELETE c", "INSERT zb", "INSERT zc"]);
  });

  it("is a RESYNC when the table is truncated", async () => {
    const { raw, open } = await make();
    await raw.run("INSERT INTO notes VALUES ('a', 'x', 1)");
    const { heard } = await listenTo(await open());
    await raw.run("INSERT INTO notes VALUES ('b', 'x', 1)");
    await raw.run("TRUNCATE notes");
    await raw.run("INSERT INTO notes VALUES ('c', 'x', 1)");
    await heard.reach(3);
    expect(heard.types).toEqual(["INSERT", "RESYNC", "INSERT"]);
  });

  it("arrives only once it is committed, and never when it is rolled back", async () => {
    const { raw, open } = await make();
    const { heard } = await listenTo(await open());
    await raw.run(`BEGIN; INSERT INTO notes VALUES ('gone', 'x', 1); ROLLBACK`);
    await raw.run(`BEGIN; INSERT INTO notes VALUES ('kept', 'x', 1); SAVEPOINT s;
      INSERT INTO notes VALUES ('undone', 'x', 1); ROLLBACK TO s; COMMIT`);
    await raw.run(`INSERT INTO notes VALUES ('last', 'x', 1)`);
    await heard.reach(2);
    await pause(30);
    expect(heard.changes.map((change) => change.new?.id)).toEqual(["kept", "last"]);
  });

  it("arrives whole, row by row, when one statement writes many", async () => {
    const { raw, open } = await make();
    const { heard } = await listenTo(await open());
    // One call plans for one row; the next has thousands.
    await raw.run("INSERT INTO notes VALUES ('0', 'x', 0); UPDATE notes SET size = 1");
    await raw.run("INSERT INTO notes SELECT 'n' || i, 'x', i FROM generate_series(1, 5000) i");
    const began = performance.now();
    await raw.run("UPDATE notes SET body = 'y'");
    expect(performance.now() - began).toBeLessThan(5_000);
    await raw.run("DELETE FROM notes");
    await heard.reach(2 + 5_000 + 5_001 + 5_001);
    const count = (type: string): number => heard.types.filter((found) => found === type).length;
    expect([count("INSERT"), count("UPDATE"), count("DELETE")]).toEqual([5_001, 5_002, 5_001]);
    expect(heard.changes.slice(2, 5_002).map((change) => change.new?.size)).toEqual(
      Array.from({ length: 5_000 }, (_, i) => i + 1),
    );
  });

  it("arrives with its values as they are selected, whatever the sessions' settings", async () => {
    const { raw, open } = await make();
    await raw.run(`CREATE TABLE v (k bigint PRIMARY KEY, number double precision, big bigint, bytes bytea,
      body text COLLATE "C", flag boolean, at timestamptz(3), doc json)`);
    const opened = await open();
    const source: SqlChangeSource<readonly SqlValue[]> = {
      table: "v",
      columns: [
        { name: "k", type: "integer" },
        { name: "number", type: "double" },
        { name: "big", type: "int64" },
        { name: "bytes", type: "bytes" },
        { name: "body", type: "text" },
        { name: "flag", type: "boolean" },
        { name: "at", type: "timestamp" },
        { name: "doc", type: "json" },
      ],
      keyColumns: ["k"],
      where: [],
      decode: (values) => values,
    };
    await setUp(opened, source as never);
    const heard = new Collected<readonly SqlValue[]>();
    const unsubscribe = opened.feed.subscribe<readonly SqlValue[]>(source, heard.add, {
      pollingIntervalMs: 10,
    });
    onTestFinished(() => unsubscribe());
    await unsubscribe.ready;
    await raw.run(`BEGIN; SET LOCAL TimeZone = 'Asia/Tokyo'; SET LOCAL DateStyle = 'SQL, DMY';
      SET LOCAL bytea_output = 'escape'; SET LOCAL extra_float_digits = -5;
      INSERT INTO v VALUES
      (9007199254740991, 0.1::float8 + 0.2, 9223372036854775807, '\\x0001ff', E'é\u{1F600}\\n''"', true, '2024-02-29 23:59:59.999+09', '{"b": 1,  "a":[1.0, null]}'),
      (1, 5e-324, -9223372036854775808, '', '', false, '0001-01-01 00:00:00+00', '"x"'),
      (2, 1.7976931348623157e308, 9007199254740993, NULL, NULL, NULL, NULL, NULL),
      (-3, 123456789.12345679, 0, decode(repeat('07', 70000), 'hex'), repeat('x', 70000), true, '9999-12-31 23:59:59.999+00', 'null');
      COMMIT`);
    await raw.run("UPDATE v SET flag = NULL WHERE k = 1");
    await heard.reach(5);
    const bytewise = (row: SqlRow | undefined): unknown =>
      row?.map((value) => (value instanceof Uint8Array ? [...value] : value));
    expect(heard.changes.slice(0, 4).map((change) => bytewise(change.new))).toEqual([
      [
        9007199254740991,
        0.1 + 0.2,
        "9223372036854775807",
        [0, 1, 255],
        "é\u{1F600}\n'\"",
        1,
        "2024-02-29T14:59:59.999Z",
        '{"b": 1,  "a":[1.0, null]}',
      ],
      [1, 5e-324, "-9223372036854775808", [], "", 0, "0001-01-01T00:00:00.000Z", '"x"'],
      [2, 1.7976931348623157e308, "9007199254740993", null, null, null, null, null],
      [
        -3,
        123456789.12345679,
        "0",
        Array(70_000).fill(7),
        "x".repeat(70_000),
        1,
        "9999-12-31T23:59:59.999Z",
        "null",
      ],
    ]);
    expect(heard.changes[4]?.old?.[5]).toBe(0);
    expect(heard.changes[4]?.new?.[5]).toBe(null);
    expect(heard.changes[4]?.new?.[6]).toBe("0001-01-01T00:00:00.000Z");
  });

  it("arrives where a foreign key's cascade wrote it", async () => {
    const { raw, open } = await make();
    await raw.run(`CREATE TABLE parents (id text COLLATE "C" PRIMARY KEY);
      ALTER TABLE notes ADD FOREIGN KEY (id) REFERENCES parents ON DELETE CASCADE;
      INSERT INTO parents VALUES ('p'); INSERT INTO notes VALUES ('p', 'x', 1)`);
    const { heard } = await listenTo(await open());
    await raw.run("DELETE FROM parents");
    await heard.reach(1);
    expect(heard.plain).toEqual([{ type: "DELETE", old: { id: "p", body: "x", size: 1 } }]);
  });
});

describe.each(everywhere)("the log, on $title", ({ make }) => {
  it("grows only while somebody listens, and is emptied behind them", async () => {
    const { raw, open } = await make();
    const logged = async (): Promise<number> =>
      Number(
        (await raw.rows(`SELECT count(*) FROM _workglow_changes_notes WHERE kind > 0`))[0]?.[0],
      );
    await raw.run("INSERT INTO notes VALUES ('before', 'x', 1)");
    expect(await logged()).toBe(0);
    const { heard, stop } = await listenTo(await open({}, { leaseMs: 300, retainedChanges: 10 }));
    await raw.run("INSERT INTO notes SELECT 'n' || i, 'x', i FROM generate_series(1, 500) i");
    await heard.reach(500);
    await expect.poll(logged, { timeout: 5_000 }).toBeLessThan(20);
    await stop();
    await expect.poll(logged, { timeout: 5_000 }).toBeLessThan(3);
    const before = await logged();
    await raw.run("INSERT INTO notes VALUES ('after', 'x', 1)");
    expect(await logged()).toBe(before);
    await expect
      .poll(() => raw.rows("SELECT 1 FROM _workglow_subscribers"), { timeout: 5_000 })
      .toEqual([]);
  });

  it("lets a subscriber resume where it was left, while the lease lingers", async () => {
    const { raw, open } = await make();
    const opened = await open();
    const first = await listenTo(opened);
    await raw.run("INSERT INTO notes VALUES ('a', 'x', 1)");
    await first.heard.reach(1);
    await first.stop();
    await raw.run("INSERT INTO notes VALUES ('b', 'x', 1), ('c', 'x', 1)");
    const since = first.heard.changes[0]?.position as string;
    const { heard } = await listenTo(await open(), { pollingIntervalMs: 10, since });
    await heard.reach(2);
    expect(heard.plain.map((change) => change.new?.id)).toEqual(["b", "c"]);
  });

  it("says RESYNC once where it no longer has what followed a position", async () => {
    const { raw, open } = await make();
    const opened = await open({}, { leaseMs: 200 });
    const first = await listenTo(opened);
    await raw.run("INSERT INTO notes VALUES ('a', 'x', 1)");
    await first.heard.reach(1);
    await first.stop();
    await pause(300);
    await raw.run("INSERT INTO notes VALUES ('unheard', 'x', 1)");
    const since = first.heard.changes[0]?.position as string;
    const { heard } = await listenTo(opened, { pollingIntervalMs: 10, since });
    await raw.run("INSERT INTO notes VALUES ('c', 'x', 1)");
    await heard.reach(2);
    await pause(30);
    expect(heard.plain.map(({ type, new: row }) => [type, row?.id])).toEqual([
      ["RESYNC", undefined],
      ["INSERT", "c"],
    ]);
  });

  it("takes a position of a log that is gone for an unknown one, and refuses what never was one", async () => {
    const { raw, open } = await make();
    const opened = await open();
    const first = await listenTo(opened);
    await raw.run("INSERT INTO notes VALUES ('a', 'x', 1)");
    await first.heard.reach(1);
    const since = first.heard.changes[0]?.position as string;
    for (const position of [since.replace(/^.*\./, "ff."), since.replace(/\..*$/, ".99999")]) {
      const { heard } = await listenTo(opened, { pollingIntervalMs: 10, since: position });
      await heard.reach(1);
      expect(heard.types).toEqual(["RESYNC"]);
    }
    const refused = opened.feed.subscribe(notes, () => {}, { since: "nonsense" });
    await expect(refused.ready).rejects.toThrow(StorageValidationError);
  });

  it("of a table that is not there, or that was set up without it, is not found", async () => {
    const { raw, open } = await make();
    const { feed } = await open();
    const missing = feed.subscribe({ ...notes, table: "nowhere" }, () => {});
    await expect(missing.ready).rejects.toThrow(StorageNotSetUpError);
    await raw.run(`CREATE TABLE plain (id text PRIMARY KEY, body text, size double precision)`);
    const unlogged = feed.subscribe({ ...notes, table: "plain" }, () => {});
    await expect(unlogged.ready).rejects.toThrow(/call setupDatabase\(\)/);
    const columns = [...notes.columns, { name: "more", type: "text" as const }];
    const narrow = feed.subscribe({ ...notes, columns }, () => {});
    await expect(narrow.ready).rejects.toThrow(StorageSchemaMismatchError);
  });

  it("can be set up any number of times, and has the columns that come later", async () => {
    const { raw, open } = await make();
    const opened = await open();
    const { executor } = opened.database;
    const wide: SqlChangeSource<SqlRow> = {
      ...notes,
      columns: [...notes.columns, { name: "more", type: "json" }],
      decode: (values) => values,
    };
    const isSetUp = (source: SqlChangeSource<never>) =>
      executor.atomic(() => opened.feed.isSetUp(source), { mode: "read" });
    const { heard } = await listenTo(opened);
    await setUp(opened);
    expect(await isSetUp(notes as never)).toBe(true);
    expect(await isSetUp(wide as never)).toBe(false);
    await raw.run("INSERT INTO notes VALUES ('a', 'x', 1)");
    await raw.run("ALTER TABLE notes ADD COLUMN more json");
    await raw.run("INSERT INTO notes VALUES ('b', 'x', 1)");
    await setUp(opened, wide as never);
    expect(await isSetUp(wide as never)).toBe(true);
    const all: SqlRow[] = [];
    const unsubscribe = opened.feed.subscribe(
      wide,
      (change) => void all.push(change.new as SqlRow),
    );
    onTestFinished(() => unsubscribe());
    await unsubscribe.ready;
    await raw.run(`INSERT INTO notes VALUES ('c', 'x', 1, '{"z":1}')`);
    await heard.reach(3);
    await expect.poll(() => all).toEqual([["c", "x", 1, '{"z":1}']]);
    expect(heard.types).toEqual(["INSERT", "INSERT", "INSERT"]);
  });

  it("is begun anew, with a RESYNC, after columns were renamed", async () => {
    const { raw, open } = await make();
    const opened = await open();
    const { heard } = await listenTo(opened);
    await raw.run("INSERT INTO notes VALUES ('a', 'x', 1)");
    await heard.reach(1);
    await opened.database.executor.atomic(() => opened.feed.interrupt("notes"));
    await raw.run("ALTER TABLE notes RENAME COLUMN body TO old_body");
    await raw.run("INSERT INTO notes VALUES ('b', 'x', 1)");
    await raw.run("ALTER TABLE notes RENAME COLUMN old_body TO body");
    await setUp(opened);
    await heard.reach(2);
    await raw.run("INSERT INTO notes VALUES ('c', 'x', 1)");
    await heard.reach(3);
    expect(heard.plain.map(({ type, new: row }) => [type, row?.id])).toEqual([
      ["INSERT", "a"],
      ["RESYNC", undefined],
      ["INSERT", "c"],
    ]);
  });

  it("is begun anew after the table was dropped and made again", async () => {
    const { raw, open } = await make();
    const opened = await open();
    const { heard } = await listenTo(opened);
    await raw.run(
      `DROP TABLE notes; CREATE TABLE notes (id text PRIMARY KEY, body text, size double precision)`,
    );
    await raw.run("INSERT INTO notes VALUES ('unlogged', 'x', 1)");
    await setUp(opened);
    await heard.reach(1);
    await raw.run("INSERT INTO notes VALUES ('b', 'x', 1)");
    await heard.reach(2);
    expect(heard.types).toEqual(["RESYNC", "INSERT"]);
  });

  it("works for any names of tables and columns, in any schema", async () => {
    const { raw, open, schema } = await make();
    const names = [
      `it's "a" 100% $workglow$ table`,
      "ü".repeat(31),
      `${"ü".repeat(31)}x`,
      "select",
    ];
    const columns = [`50% "off"'s`, "ä".repeat(31), `${"ä".repeat(31)}b`, "new_rows"];
    const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
    for (const name of names) {
      await raw.run(`CREATE TABLE ${quoted(name)} (${columns.map((c) => `${quoted(c)} text COLLATE "C"`).join(", ")},
        PRIMARY KEY (${columns.slice(1, 3).map(quoted).join(", ")}))`);
      const opened = await open();
      const source: SqlChangeSource<SqlRow> = {
        table: name,
        columns: columns.map((column) => ({ name: column, type: "text" })),
        keyColumns: columns.slice(1, 3),
        where: [{ column: columns[3] as string, value: "mine" }],
        decode: (values) => values,
      };
      await setUp(opened, source as never);
      const heard = new Collected<SqlRow>();
      const unsubscribe = opened.feed.subscribe(source, heard.add, { pollingIntervalMs: 10 });
      await unsubscribe.ready;
      await raw.run(
        `INSERT INTO ${quoted(name)} VALUES ('a', 'k', 'l', 'mine'), ('b', 'k', 'm', 'theirs')`,
      );
      await raw.run(
        `UPDATE ${quoted(name)} SET ${quoted("new_rows")} = 'theirs' WHERE ${quoted("new_rows")} = 'mine'`,
      );
      await heard.reach(2);
      expect(heard.plain).toEqual([
        { type: "INSERT", new: ["a", "k", "l", "mine"] },
        { type: "DELETE", old: ["a", "k", "l", "mine"] },
      ]);
      unsubscribe();
      await opened.feed.idle();
    }
    expect(schema).toBeTruthy();
  });
});

describe.each(everywhere)("what this process writes, on $title", ({ make }) => {
  it("arrives without waiting for the poll", async () => {
    const { open } = await make();
    const opened = await open();
    const { heard } = await listenTo(opened, { pollingIntervalMs: 60_000 });
    const began = performance.now();
    await opened.database.executor.execute({
      text: `INSERT INTO ${opened.database.dialect.qualified("notes")} VALUES ('a', 'x', 1)`,
      params: [],
    });
    await heard.reach(1, 2_000);
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(heard.plain).toEqual([
      { type: "INSERT", new: { id: "a", body: "x", size: 1 } satisfies Note },
    ]);
  });
});
