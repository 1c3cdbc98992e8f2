import type { SqlChangeSource } from "@workglow/storage/sql";
import { setLogger } from "@workglow/util";
import { describe, expect, it, onTestFinished } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { ClientSource } from "../src/connection/ClientSource.ts";
import {
  listenTo,
  type OpenFeed,
  pause,
  type ServerPlace,
  serverPlace,
  setUp,
  until,
} from "./changesKit.ts";
import { freshRole } from "./servers/fresh.ts";

const SLOW = { pollingIntervalMs: 60_000 };

/** The sessions of this schema's listeners. */
const listeners = async ({ raw, schema }: ServerPlace): Promise<readonly number[]> =>
  (await raw.rows(`SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%${schema}%'`)).map(
    ([pid]) => Number(pid),
  );

const insert = ({ database }: OpenFeed, id: string) =>
  database.executor.execute({
    text: `INSERT INTO ${database.dialect.qualified("notes")} VALUES ($1::text, 'x', 1)`,
    params: [id],
  });

async function soon(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

describe.each(servers().all)("several connections, on $title", ({ url }) => {
  it("hear of commits of other pools without waiting for the poll", async () => {
    const place = await serverPlace(url);
    const { heard } = await listenTo(await place.open(), SLOW);
    await until(async () => (await listeners(place)).length === 1);
    const other = await place.open();
    // Opens the connection, and makes known that somebody listens.
    await insert(other, "first");
    await heard.reach(1, 5_000);
    expect(
      await soon(async () => {
        await insert(other, "second");
        await heard.reach(2);
      }),
    ).toBeLessThan(1_000);
  });

  it("hear of what was written inside a transaction of the user's own when that commits", async () => {
    const place = await serverPlace(url);
    const pool = place.pool();
    const opened = place.openOn(pool);
    const { heard } = await listenTo(opened, SLOW);
    const remote = await listenTo(await place.open(), SLOW);
    await until(async () => (await listeners(place)).length === 2);
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      const source = new ClientSource(client as never, pool);
      await opened.database.executor.transactionOn({ source, joined: true }, async (tx) => {
        const text = `INSERT INTO ${opened.database.dialect.qualified("notes")} VALUES ('joined', 'x', 1)`;
        await tx.execute({ text, params: [] });
      });
      await pause(50);
      expect(heard.changes).toEqual([]);
      await client.query("COMMIT");
    } finally {
      client.release();
    }
    await heard.reach(1, 5_000);
    await remote.heard.reach(1, 5_000);
  });

  it("share one that listens among all subscriptions, and give it back with the last", async () => {
    const place = await serverPlace(url);
    const opened = await place.open();
    const [first, second] = [await listenTo(opened), await listenTo(opened)];
    await until(async () => (await listeners(place)).length === 1);
    await first.stop();
    await pause(50);
    expect(await listeners(place)).toHaveLength(1);
    await second.stop();
    await until(async () => (await listeners(place)).length === 0);
  });

  it("are listened to again after the one that listens was ended, without a gap", async () => {
    const place = await serverPlace(url);
    const { heard } = await listenTo(await place.open());
    const other = await place.open();
    for (let round = 0; round < 3; round++) {
      await until(async () => (await listeners(place)).length === 1);
      const [pid] = await listeners(place);
      await insert(other, `before ${round}`);
      await place.raw.run(`SELECT pg_terminate_backend(${pid})`);
      await insert(other, `after ${round}`);
      await until(async () => (await listeners(place)).some((now) => now !== pid));
    }
    await heard.reach(6);
    expect(heard.plain.map((change) => change.new?.id)).toEqual(
      [0, 1, 2].flatMap((round) => [`before ${round}`, `after ${round}`]),
    );
  });

  it("are polled alone where none may listen, or where the pool has but one", async () => {
    const place = await serverPlace(url);
    const silent = await listenTo(await place.open({ listen: false }));
    const narrow = place.openOn(place.pool({ max: 1 }));
    const single = await listenTo(narrow);
    await place.raw.run("INSERT INTO notes VALUES ('a', 'x', 1)");
    await insert(narrow, "b");
    await silent.heard.reach(2);
    await single.heard.reach(2);
    expect(await listeners(place)).toEqual([]);
  });

  it("leave a pool of two one for everybody else, and let the pool end", async () => {
    const place = await serverPlace(url);
    const pool = place.pool({ max: 2 });
    const opened = place.openOn(pool);
    const { heard } = await listenTo(opened);
    await until(async () => (await listeners(place)).length === 1);
    await Promise.all(["a", "b", "c", "d"].map((id) => insert(opened, id)));
    await heard.reach(4);
    expect(await soon(() => pool.end())).toBeLessThan(5_000);
  });

  it("of two schemas hear each its own", async () => {
    const [one, two] = [await serverPlace(url), await serverPlace(url)];
    const pool = one.pool();
    const [first, second] = [one.openOn(pool), two.openOn(pool)];
    const [a, b] = [await listenTo(first), await listenTo(second)];
    await one.raw.run("INSERT INTO notes VALUES ('one', 'x', 1)");
    await insert(second, "two");
    await Promise.all([a.heard.reach(1), b.heard.reach(1)]);
    await pause(50);
    expect(a.heard.plain.map((change) => change.new?.id)).toEqual(["one"]);
    expect(b.heard.plain.map((change) => change.new?.id)).toEqual(["two"]);
  });
});

describe.each(servers().all)("transactions beside a subscription, on $title", ({ url }) => {
  it("that began before it and end soon are waited for", async () => {
    const place = await serverPlace(url);
    const writer = await place.connect();
    await writer.run("BEGIN; INSERT INTO notes VALUES ('early', 'x', 1)");
    let ready = false;
    const listening = listenTo(await place.open()).then((listened) => {
      ready = true;
      return listened;
    });
    await pause(300);
    expect(ready).toBe(false);
    await writer.run("COMMIT");
    const { heard } = await listening;
    await place.raw.run("INSERT INTO notes VALUES ('late', 'x', 1)");
    await heard.reach(1);
    expect(heard.plain.map((change) => change.new?.id)).toEqual(["late"]);
  });

  it("that began before it and go on are told of by a RESYNC when they have ended", async () => {
    const place = await serverPlace(url);
    const writer = await place.connect();
    await writer.run("BEGIN; INSERT INTO notes VALUES ('unlogged', 'x', 1)");
    const { heard } = await listenTo(await place.open());
    await place.raw.run("INSERT INTO notes VALUES ('a', 'x', 1)");
    await heard.reach(1);
    await writer.run("COMMIT");
    await heard.reach(2);
    await place.raw.run("INSERT INTO notes VALUES ('b', 'x', 1)");
    await heard.reach(3);
    expect(heard.plain.map(({ type, new: row }) => [type, row?.id])).toEqual([
      ["INSERT", "a"],
      ["RESYNC", undefined],
      ["INSERT", "b"],
    ]);
  });

  it("whose snapshot is older than it are heard of all the same", async () => {
    const place = await serverPlace(url);
    const writer = await place.connect();
    await writer.run("BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM notes");
    const { heard } = await listenTo(await place.open());
    await writer.run("INSERT INTO notes VALUES ('a', 'x', 1); COMMIT");
    await heard.reach(1);
    expect(heard.types).toEqual(["INSERT"]);
  });

  it("that were logging when a further subscriber came are delivered to it, and nothing from before", async () => {
    const place = await serverPlace(url);
    const first = await listenTo(await place.open());
    const writer = await place.connect();
    await writer.run("BEGIN; INSERT INTO notes VALUES ('pending', 'x', 1)");
    await place.raw.run("INSERT INTO notes VALUES ('before', 'x', 1)");
    const second = await listenTo(await place.open());
    await place.raw.run("INSERT INTO notes VALUES ('after', 'x', 1)");
    await pause(50);
    expect(first.heard.changes).toEqual([]);
    await writer.run("INSERT INTO notes VALUES ('pending 2', 'x', 1); COMMIT");
    await first.heard.reach(4);
    await second.heard.reach(3);
    expect(first.heard.plain.map((change) => change.new?.id)).toEqual([
      "pending",
      "before",
      "after",
      "pending 2",
    ]);
    expect(second.heard.plain.map((change) => change.new?.id)).toEqual([
      "pending",
      "after",
      "pending 2",
    ]);
  });

  it("that hold a number back hold up what comes after it, but not for longer", async () => {
    const place = await serverPlace(url);
    const { heard } = await listenTo(await place.open());
    const [kept, undone, elsewhere] = [
      await place.connect(),
      await place.connect(),
      await place.connect(),
    ];
    await place.raw.run("CREATE TABLE other (id text)");
    // Writes for hours, but not to this table.
    await elsewhere.run("BEGIN; INSERT INTO other VALUES ('x')");
    await kept.run("BEGIN; INSERT INTO notes VALUES ('1', 'x', 1)");
    await undone.run("BEGIN; INSERT INTO notes VALUES ('gone', 'x', 1)");
    await place.raw.run("INSERT INTO notes VALUES ('2', 'x', 1)");
    await pause(100);
    expect(heard.changes).toEqual([]);
    await kept.run("COMMIT");
    await heard.reach(1);
    await pause(50);
    expect(heard.changes).toHaveLength(1);
    await undone.run("ROLLBACK");
    await heard.reach(2);
    expect(heard.plain.map((change) => change.new?.id)).toEqual(["1", "2"]);
  });

  it("do not fail for the sake of subscribers when they are serializable", async () => {
    const place = await serverPlace(url);
    // Renewed while the transactions are open.
    const { heard } = await listenTo(await place.open({}, { leaseMs: 6_000 }));
    const writers = await Promise.all([place.connect(), place.connect()]);
    for (const [i, writer] of writers.entries()) {
      await writer.run(
        `BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM notes WHERE id = '${i}'; INSERT INTO notes VALUES ('${i}', 'x', 1)`,
      );
    }
    await pause(2_500);
    for (const writer of writers) await writer.run("COMMIT");
    await heard.reach(2);
    expect(heard.types).toEqual(["INSERT", "INSERT"]);
  });
});

describe.each(servers().all)(
  "a subscriber that pauses for longer than its lease, on $title",
  ({ url }) => {
    it("gets a RESYNC where changes may have passed it by", async () => {
      const place = await serverPlace(url);
      const opened = await place.open({}, { leaseMs: 60_000 });
      const { heard } = await listenTo(opened);
      await place.raw.run("INSERT INTO notes VALUES ('a', 'x', 1)");
      await heard.reach(1);
      // As if it had slept through it.
      await place.raw.run(`UPDATE _workglow_subscribers SET expires_ms = 0;
      SELECT setval('_workglow_gate_notes', 0)`);
      await place.raw.run("INSERT INTO notes VALUES ('unheard', 'x', 1)");
      const other = await listenTo(await place.open());
      await heard.reach(2);
      await place.raw.run("INSERT INTO notes VALUES ('b', 'x', 1)");
      await heard.reach(3);
      await other.heard.reach(1);
      expect(heard.plain.map(({ type, new: row }) => [type, row?.id])).toEqual([
        ["INSERT", "a"],
        ["RESYNC", undefined],
        ["INSERT", "b"],
      ]);
      expect(other.heard.types).toEqual(["INSERT"]);
    });
  },
);

describe.each(servers().all)("rights, on $title", ({ url }) => {
  it("of writers are those on the table alone", async () => {
    const place = await serverPlace(url);
    const { heard } = await listenTo(await place.open());
    await using role = await freshRole(url);
    await place.raw.run(`GRANT USAGE ON SCHEMA ${place.schema} TO ${role.name};
      GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO ${role.name}`);
    const writer = await place.connect(role.url);
    await writer.run(
      `INSERT INTO notes VALUES ('a', 'x', 1); UPDATE notes SET size = 2; DELETE FROM notes`,
    );
    await heard.reach(3);
    await expect(writer.run(`SELECT 1 FROM _workglow_changes_notes`)).rejects.toThrow(
      /permission denied/,
    );
    // Nor does it help to have tables of the same names before the log's.
    await writer.run(
      `CREATE TEMP TABLE _workglow_changes_notes (kind int); INSERT INTO notes VALUES ('b', 'x', 1)`,
    );
    await heard.reach(4);
    await expect(
      writer.run(`CREATE TEMP TABLE mine (id text); CREATE TRIGGER t AFTER INSERT ON mine
        EXECUTE FUNCTION ${place.schema}._workglow_changes_notes()`),
    ).rejects.toThrow(/permission denied/);
  });

  it("of subscribers are on the log, its gate and the list of subscribers", async () => {
    const place = await serverPlace(url);
    await using role = await freshRole(url);
    await place.raw.run(`GRANT USAGE ON SCHEMA ${place.schema} TO ${role.name};
      GRANT SELECT, INSERT, DELETE ON _workglow_changes_notes TO ${role.name};
      GRANT SELECT, UPDATE ON _workglow_gate_notes TO ${role.name};
      GRANT SELECT, INSERT, UPDATE, DELETE ON _workglow_subscribers TO ${role.name}`);
    const pool = place.pool({ connectionString: role.url });
    const opened = place.openOn(pool, {}, { leaseMs: 200, retainedChanges: 1 });
    const { heard, stop } = await listenTo(opened);
    await place.raw.run("INSERT INTO notes SELECT 'n' || i, 'x', i FROM generate_series(1, 50) i");
    await heard.reach(50);
    const logged = async () =>
      Number((await place.raw.rows("SELECT count(*) FROM _workglow_changes_notes"))[0]?.[0]);
    await until(async () => (await logged()) < 5);
    await stop();
    await pool.end();
  });

  it("by rows keep tenants apart in the log too", async () => {
    const place = await serverPlace(url);
    await place.raw.run(
      `CREATE TABLE shared (tenant text COLLATE "C", id text COLLATE "C", body text, PRIMARY KEY (tenant, id))`,
    );
    const source: SqlChangeSource<unknown> = {
      table: "shared",
      columns: ["tenant", "id", "body"].map((name) => ({ name, type: "text" as const })),
      keyColumns: ["tenant", "id"],
      where: [],
      decode: ([tenant, id]) => `${tenant}/${id}`,
    };
    await setUp(await place.open(), source as never);
    await using role = await freshRole(url);
    await place.raw.run(`GRANT USAGE ON SCHEMA ${place.schema} TO ${role.name};
      GRANT SELECT, INSERT, DELETE ON _workglow_changes_shared TO ${role.name};
      GRANT SELECT, UPDATE ON _workglow_gate_shared TO ${role.name};
      GRANT SELECT, INSERT, UPDATE, DELETE ON _workglow_subscribers TO ${role.name};
      ALTER TABLE _workglow_changes_shared ENABLE ROW LEVEL SECURITY;
      CREATE POLICY tenant ON _workglow_changes_shared TO ${role.name}
        USING (kind IN (0, 4) OR "key:tenant" = 'a') WITH CHECK (kind = 0)`);
    const opened = place.openOn(place.pool({ connectionString: role.url }));
    const heard: unknown[] = [];
    const unsubscribe = opened.feed.subscribe(
      source,
      ({ old, new: row }) => void heard.push(row ?? old),
      {
        pollingIntervalMs: 10,
      },
    );
    onTestFinished(() => unsubscribe());
    await unsubscribe.ready;
    await place.raw.run(
      `INSERT INTO shared VALUES ('b', '1', 'x'), ('a', '1', 'x'), ('b', '2', 'x')`,
    );
    await place.raw.run(`UPDATE shared SET tenant = 'b' WHERE tenant = 'a'`).catch(() => undefined);
    await place.raw.run(
      `UPDATE shared SET id = '3' WHERE tenant = 'a'; INSERT INTO shared VALUES ('a', '4', 'x')`,
    );
    await until(() => heard.includes("a/4"));
    expect([...new Set(heard)].sort()).toEqual(["a/1", "a/3", "a/4"]);
  });
});

describe.each(servers().all)("outages, on $title", ({ url }) => {
  it("of all connections again and again lose nothing and end nothing", async () => {
    const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    setLogger(silent);
    onTestFinished(() => setLogger(undefined as never));
    const place = await serverPlace(url);
    const pool = place.pool({ application_name: place.schema });
    const opened = place.openOn(pool);
    const { heard } = await listenTo(opened);
    for (let round = 0; round < 10; round++) {
      await place.raw.run(`INSERT INTO notes VALUES ('${round}', 'x', 1)`);
      await place.raw.run(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '${place.schema}'`,
      );
      await pause(100);
    }
    await heard.reach(10);
    expect(heard.plain.map((change) => change.new?.id)).toEqual(
      Array.from({ length: 10 }, (_, i) => `${i}`),
    );
  });
});
