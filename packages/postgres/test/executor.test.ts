import { setTimeout as pause } from "node:timers/promises";
import { PGlite } from "@electric-sql/pglite";
import { PostgresKvStorage, PostgresTabularStorage, withTransaction } from "@workglow/postgres";
import {
  StorageBusyError,
  StorageConflictError,
  StorageNotSetUpError,
  StorageTransactionError,
} from "@workglow/util";
import type pg from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { outside, signalAfter, someoneWaits, terminate, until } from "./serverActivity.ts";
import { freshDatabase, freshSchema } from "./servers/fresh.ts";
import { spiedPool, testClient, testPool } from "./spiedPool.ts";

const { url } = servers().embedded;

const schema = {
  type: "object",
  properties: {
    id: { type: "string" },
    email: { type: "string" },
    n: { type: "integer" },
  },
  required: ["id"],
  additionalProperties: false,
} as const;

interface Options {
  readonly config?: pg.PoolConfig;
  readonly unique?: boolean;
}

/** A table in a schema of its own, and what its pool sends. */
async function opened({ config, unique = false }: Options = {}) {
  const fresh = await freshSchema(url);
  onTestFinished(() => fresh.drop());
  const { pool, sent, texts } = spiedPool(url, config);
  const rows = new PostgresTabularStorage(pool, "rows", schema, ["id"] as const, ["n"], {
    schema: fresh.name,
    ...(unique && { uniqueIndexes: ["email"] }),
  });
  await rows.setupDatabase();
  sent.length = 0;
  return { pool, sent, texts, rows, app: fresh.name };
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const statuses = (settled: readonly PromiseSettledResult<unknown>[]): string[] =>
  settled.map(({ status }) => status);

describe("calls of one tick", () => {
  test("travel as one statement for 32 upserts, and one for 32 point reads", async () => {
    const { rows, texts, sent } = await opened();
    await Promise.all(numbers(32).map((n) => rows.put({ id: `k${n}`, n })));
    expect(texts()).toEqual([expect.stringMatching(/^INSERT INTO .* unnest\(/)]);
    sent.length = 0;
    const read = await Promise.all(numbers(33).map((n) => rows.get({ id: `k${n}` })));
    expect(texts()).toEqual([expect.stringMatching(/^SELECT .* unnest\(/)]);
    expect(read).toEqual([...numbers(32).map((n) => ({ id: `k${n}`, n })), undefined]);
  });

  test("of several storages of one pool are one statement each", async () => {
    const { pool, rows, texts, sent, app } = await opened();
    const settings = new PostgresKvStorage(pool, "settings", undefined, undefined, { schema: app });
    await settings.setupDatabase();
    sent.length = 0;
    await Promise.all(
      numbers(10).flatMap((n) => [rows.put({ id: `k${n}` }), settings.put(`k${n}`, n)]),
    );
    expect(texts()).toHaveLength(2);
    expect(await settings.getMany(["k3"])).toEqual([{ key: "k3", value: 3 }]);
  });

  test("join those that concurrent loops make after each other", async () => {
    const { rows, texts } = await opened();
    let next = 0;
    const loop = async () => {
      while (next < 320) await rows.put({ id: `k${next++}`, n: 1 });
    };
    await Promise.all(Array.from({ length: 32 }, loop));
    expect(texts().length).toBeLessThanOrEqual(14);
    expect(await rows.size()).toBe(320);
  });

  test("are cut where a statement would grow without bound", async () => {
    const { rows, texts } = await opened();
    await Promise.all(numbers(1100).map((n) => rows.put({ id: `k${n}` })));
    expect(texts()).toHaveLength(3);
    expect(await rows.size()).toBe(1100);
  });

  test("travel alone with a signal or a timeout of their own", async () => {
    const { rows, texts } = await opened();
    await Promise.all([
      rows.put({ id: "a" }),
      rows.put({ id: "b" }),
      rows.put({ id: "c" }, { signal: new AbortController().signal }),
      rows.put({ id: "d" }, { timeoutMs: 5_000 }),
    ]);
    expect(texts()).toHaveLength(3);
    expect(await rows.size()).toBe(4);
  });

  test("fail one by one where a unique index is taken, each with an error of its own", async () => {
    const { rows } = await opened({ unique: true });
    await rows.put({ id: "taken", email: "a@x" });
    const settled = await Promise.allSettled([
      rows.put({ id: "k1", email: "b@x" }),
      rows.put({ id: "k2", email: "a@x" }),
      rows.put({ id: "k3", email: "c@x" }),
      rows.put({ id: "k4", email: "a@x" }),
    ]);
    expect(statuses(settled)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
    const [, first, , second] = settled as PromiseRejectedResult[];
    expect(first?.reason).toBeInstanceOf(StorageConflictError);
    expect(second?.reason).toBeInstanceOf(StorageConflictError);
    expect(first?.reason).not.toBe(second?.reason);
    expect((await rows.getAll())?.map(({ id }) => id)).toEqual(["k1", "k3", "taken"]);
  });

  test("all fail with a transient error where the connection is lost, and the next ones work", async () => {
    const { rows, app } = await opened();
    const admin = await testClient(url);
    const blocker = await testClient(url);
    await rows.put({ id: "k0" });
    await blocker.query(`BEGIN; LOCK TABLE ${tableOf(app)}`);
    const calls = Promise.allSettled(numbers(4).map((n) => rows.put({ id: `k${n}`, n })));
    await until(() => someoneWaits(admin));
    await terminate(admin, "INSERT INTO%");
    for (const result of await calls) {
      expect(result.status).toBe("rejected");
      const { reason } = result as PromiseRejectedResult;
      expect(reason).toBeInstanceOf(StorageBusyError);
      expect(reason).toMatchObject({ kind: "transient", code: "CONNECTION_LOST" });
    }
    await blocker.query("ROLLBACK");
    await rows.put({ id: "k9" });
    expect((await rows.getAll())?.map(({ id }) => id)).toEqual(["k0", "k9"]);
  });
});

describe("calls on one key that nobody awaits", () => {
  test("take effect in the order in which they are made", async () => {
    const { rows } = await opened();
    const results = Promise.all([
      rows.put({ id: "a", n: 1 }),
      rows.get({ id: "a" }),
      rows.update({ id: "a" }, { n: 2 }),
      rows.get({ id: "a" }),
      rows.query({ n: 2 }),
      rows.delete({ id: "a" }),
      rows.get({ id: "a" }),
      rows.putBulk([
        { id: "a", n: 3 },
        { id: "b", n: 3 },
      ]),
      rows.count({ n: 3 }),
      rows.getMany([{ id: "b" }, { id: "a" }, { id: "b" }]),
      rows.deleteSearch({ n: 3 }),
      rows.size(),
      rows.insert({ id: "a", n: 4 }),
      rows.put({ id: "a", n: 5 }),
      rows.get({ id: "a" }),
    ]);
    expect(await results).toEqual([
      { id: "a", n: 1 },
      { id: "a", n: 1 },
      { id: "a", n: 2 },
      { id: "a", n: 2 },
      [{ id: "a", n: 2 }],
      undefined,
      undefined,
      [
        { id: "a", n: 3 },
        { id: "b", n: 3 },
      ],
      2,
      [
        { id: "b", n: 3 },
        { id: "a", n: 3 },
      ],
      undefined,
      0,
      { id: "a", n: 4 },
      { id: "a", n: 5 },
      { id: "a", n: 5 },
    ]);
  });

  test("leave the last of a hundred writes to one key, whatever shares a statement", async () => {
    const { rows } = await opened();
    const writes = numbers(100).map((n) => rows.put({ id: "same", n }));
    const others = numbers(50).map((n) => rows.put({ id: `k${n}`, n }));
    await Promise.all([...writes, ...others]);
    expect(await rows.get({ id: "same" })).toEqual({ id: "same", n: 99 });
  });

  test("go on after one of them has failed", async () => {
    const { rows } = await opened();
    const settled = await Promise.allSettled([
      rows.insert({ id: "a", n: 1 }),
      rows.insert({ id: "a", n: 2 }),
      rows.update({ id: "a" }, { n: 3 }, { expect: { n: 1 } }),
      rows.get({ id: "a" }),
    ]);
    expect(statuses(settled)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
    expect(settled[3]).toMatchObject({ value: { id: "a", n: 3 } });
  });
});

describe("a transaction", () => {
  test("keeps its calls in order on one connection, and commits what they did", async () => {
    const { rows, texts, sent } = await opened();
    sent.length = 0;
    const read = await rows.transaction(async (tx) => {
      void tx.put({ id: "a", n: 1 });
      void tx.update({ id: "a" }, { n: 2 });
      return tx.get({ id: "a" });
    });
    expect(read).toEqual({ id: "a", n: 2 });
    expect(texts()[0]).toBe("BEGIN ISOLATION LEVEL SERIALIZABLE");
    expect(texts().at(-1)).toBe("COMMIT");
    expect(await rows.get({ id: "a" })).toEqual({ id: "a", n: 2 });
  });

  test("survives a call that fails, which undoes only itself", async () => {
    const { rows } = await opened({ unique: true });
    await rows.put({ id: "taken", email: "a@x" });
    await rows.transaction(async (tx) => {
      await tx.put({ id: "k1", email: "b@x" });
      await expect(tx.put({ id: "k2", email: "a@x" })).rejects.toThrow(StorageConflictError);
      await expect(tx.insert({ id: "k1" })).rejects.toThrow(StorageConflictError);
      await expect(
        tx.putBulk([
          { id: "k3", email: "d@x" },
          { id: "k4", email: "a@x" },
        ]),
      ).rejects.toThrow(StorageConflictError);
      await tx.put({ id: "k5", email: "e@x" });
    });
    expect((await rows.getAll())?.map(({ id }) => id)).toEqual(["k1", "k5", "taken"]);
  });

  test("sends no savepoint before what only reads", async () => {
    const { rows, texts, sent } = await opened();
    sent.length = 0;
    await rows.transaction(async (tx) => {
      await tx.get({ id: "a" });
      await tx.query({ n: 1 });
    });
    expect(texts().filter((text) => text.includes("SAVEPOINT"))).toEqual([]);
    expect(sent).toHaveLength(4);
  });

  test("nests as savepoints, of which any level may fail alone", async () => {
    const { rows } = await opened();
    await rows.transaction(async (tx) => {
      await tx.put({ id: "a" });
      await tx.transaction(async (inner) => void (await inner.put({ id: "b" })));
      await tx
        .transaction(async (inner) => {
          await inner.put({ id: "c" });
          await inner.transaction(async (innermost) => void (await innermost.put({ id: "d" })));
          throw new Error("only this level");
        })
        .catch(() => undefined);
      await tx.put({ id: "e" });
    });
    expect((await rows.getAll())?.map(({ id }) => id)).toEqual(["a", "b", "e"]);
  });

  test("that fails leaves nothing, and gives its connection back", async () => {
    const { rows } = await opened({ config: { max: 1 } });
    const failure = new Error("stop");
    const failed = rows.transaction(async (tx) => {
      await tx.put({ id: "a" });
      throw failure;
    });
    await expect(failed).rejects.toBe(failure);
    expect(await rows.size()).toBe(0);
  });

  test.each(["a server", "PGlite"])(
    "whose read fails on %s cannot go on, and says so",
    async (kind) => {
      const fresh = await freshSchema(url);
      onTestFinished(() => fresh.drop());
      const handle = kind === "PGlite" ? await PGlite.create() : testPool(url);
      if (handle instanceof PGlite) onTestFinished(() => handle.close());
      const options = kind === "PGlite" ? {} : { schema: fresh.name };
      const rows = new PostgresKvStorage(handle, "rows", undefined, undefined, options);
      const missing = new PostgresKvStorage(handle, "missing", undefined, undefined, options);
      await rows.setupDatabase();
      let later: unknown;
      const failed = withTransaction(
        handle,
        async (tx) => {
          await rows.with(tx).put("a", 1);
          await expect(missing.with(tx).get("a")).rejects.toThrow(StorageNotSetUpError);
          later = await rows
            .with(tx)
            .put("b", 1)
            .catch((error: unknown) => error);
        },
        options,
      );
      await expect(failed).rejects.toThrow(StorageTransactionError);
      expect(later).toBeInstanceOf(StorageTransactionError);
      expect(await rows.size()).toBe(0);
    },
    60_000,
  );

  test("runs up to three times where another one is in its way", async () => {
    const { rows } = await opened();
    await rows.put({ id: "a", n: 0 });
    let runs = 0;
    await rows.transaction(async (tx) => {
      runs++;
      const found = await tx.get({ id: "a" });
      if (runs < 3) await outside(() => rows.put({ id: "a", n: runs * 10 }));
      await tx.put({ id: "a", n: (found?.n ?? 0) + 1 });
    });
    expect(runs).toBe(3);
    expect(await rows.get({ id: "a" })).toEqual({ id: "a", n: 21 });
  });

  test("then fails with a transient error, and leaves the connection usable", async () => {
    const { rows, pool } = await opened({ config: { max: 2 } });
    await rows.put({ id: "a", n: 0 });
    let runs = 0;
    const failed = rows.transaction(async (tx) => {
      runs++;
      await tx.get({ id: "a" });
      await outside(() => rows.put({ id: "a", n: runs * 10 }));
      await tx.put({ id: "a", n: 1 });
    });
    await expect(failed).rejects.toMatchObject({
      name: "StorageBusyError",
      kind: "transient",
      code: "SERIALIZATION",
      storage: "rows",
    });
    expect(runs).toBe(3);
    await until(() => pool.idleCount === pool.totalCount);
    expect(await rows.get({ id: "a" })).toEqual({ id: "a", n: 30 });
  });

  test("notices at its commit what two of them together would break", async () => {
    const { rows, pool } = await opened();
    await rows.putBulk([
      { id: "a", n: 1 },
      { id: "b", n: 1 },
    ]);
    // Each may take its own off only while the other's is there: write skew.
    const offDuty = async (id: string) =>
      rows.transaction(async (tx) => {
        const left = await tx.count({ n: 1 });
        await pause(30);
        if (left === 2) await tx.update({ id }, { n: 0 });
      });
    await Promise.all([offDuty("a"), offDuty("b")]);
    expect(await rows.count({ n: 1 })).toBe(1);
    await until(() => pool.idleCount === pool.totalCount);
  });

  test("and single writes survive deadlocks, being run again", async () => {
    const { rows, app } = await opened({ config: { options: "-c deadlock_timeout=700ms" } });
    await rows.putBulk([
      { id: "a", n: 0 },
      { id: "b", n: 0 },
    ]);
    const other = await testClient(url);
    const admin = await testClient(url);
    await other.query("SET deadlock_timeout = '10s'; BEGIN");
    await other.query(`UPDATE ${tableOf(app)} SET n = 7 WHERE id = 'b'`);
    // Locks a, waits for b.
    const bulk = rows.putBulk([
      { id: "a", n: 1 },
      { id: "b", n: 1 },
    ]);
    await until(() => someoneWaits(admin));
    await other.query(`UPDATE ${tableOf(app)} SET n = 7 WHERE id = 'a'`);
    await other.query("COMMIT");
    await bulk;
    expect(await rows.count({ n: 1 })).toBe(2);
  });

  test("is not needed to keep bulks of the same rows out of each other's way", async () => {
    const database = await freshDatabase(url);
    onTestFinished(() => database.drop());
    const storages = numbers(4).map(
      () =>
        new PostgresTabularStorage(testPool(database.url, { max: 2 }), "rows", schema, [
          "id",
        ] as const),
    );
    await storages[0]?.setupDatabase();
    const shuffled = () =>
      numbers(200)
        .map((n) => ({ id: `k${n}`, at: Math.random() }))
        .sort((a, b) => a.at - b.at)
        .map(({ id }) => id);
    await Promise.all(
      storages.flatMap((storage, writer) =>
        numbers(5).map(async (round) => {
          const n = writer * 10 + round;
          await storage.putBulk(shuffled().map((id) => ({ id, n })));
          await Promise.all(shuffled().map((id) => storage.put({ id, n })));
        }),
      ),
    );
    expect(await storages[0]?.size()).toBe(200);
    const admin = await testClient(database.url);
    const { rows } = await admin.query(
      "SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()",
    );
    expect(rows).toEqual([{ deadlocks: 0 }]);
  });

  test("whose connection dies half-way fails with a transient error, and leaves nothing", async () => {
    const { rows } = await opened();
    const admin = await testClient(url);
    const failed = rows.transaction(async (tx) => {
      await tx.put({ id: "a" });
      await terminate(admin, "INSERT INTO%rows%");
      await pause(20);
      await tx.put({ id: "b" });
    });
    await expect(failed).rejects.toMatchObject({ kind: "transient", code: "CONNECTION_LOST" });
    expect(await rows.size()).toBe(0);
  });

  test("does not take a lost connection for an unknown commit before it has sent that", async () => {
    const { rows } = await opened();
    const admin = await testClient(url);
    const failed = rows.transaction(async (tx) => {
      await tx.put({ id: "a" });
      await terminate(admin, "INSERT INTO%rows%");
      await pause(50);
    });
    await expect(failed).rejects.toMatchObject({ kind: "transient", code: "CONNECTION_LOST" });
    expect(await rows.size()).toBe(0);
  });

  test("whose connection dies in its commit says that nobody knows", async () => {
    const { rows, pool, app } = await opened();
    const admin = await testClient(url);
    // A commit that takes its time: a deferred constraint waits for it.
    await admin.query(`
      CREATE FUNCTION ${app}.slow() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(10); RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON ${tableOf(app)}
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ${app}.slow()`);
    const failed = rows.transaction(async (tx) => void (await tx.put({ id: "a" })));
    const outcome = expect(failed).rejects.toMatchObject({
      kind: "transient",
      code: "COMMIT_UNKNOWN",
    });
    await until(async () => (await terminate(admin, "COMMIT")) > 0);
    await outcome;
    await until(() => pool.idleCount === pool.totalCount);
  });

  test("reports errors of its beginning typed", async () => {
    const pool = testPool("postgres://nobody:secret@127.0.0.1:9/none");
    const failed = withTransaction(pool, async () => undefined);
    await expect(failed).rejects.toMatchObject({ kind: "transient", code: "UNAVAILABLE" });
  });

  test("passes on what the function throws and what its signal aborts with, as they are", async () => {
    const { pool, app } = await opened();
    const thrown = { not: "an error" };
    const options = { schema: app };
    await expect(withTransaction(pool, () => Promise.reject(thrown), options)).rejects.toBe(thrown);
    const reason = new Error("enough");
    const aborted = withTransaction(pool, () => pause(5_000), {
      ...options,
      signal: signalAfter(20, reason),
    });
    await expect(aborted).rejects.toBe(reason);
    await until(() => pool.idleCount === pool.totalCount);
  });
});

describe("a transaction on a client that the user holds", () => {
  async function held() {
    const place = await opened();
    const client = await place.pool.connect();
    onTestFinished(() => client.release());
    place.sent.length = 0;
    const join = <T>(fn: (rows: typeof place.rows) => Promise<T>) =>
      withTransaction(place.pool, (tx) => fn(place.rows.with(tx)), { client, schema: place.app });
    return { ...place, client, join };
  }

  test("is one of its own outside of the user's", async () => {
    const { client, join, rows, texts } = await held();
    await join(async (tx) => void (await tx.put({ id: "a" })));
    expect(texts()[0]).toBe("BEGIN ISOLATION LEVEL SERIALIZABLE");
    expect(await rows.size()).toBe(1);
    expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
  });

  test("is part of the user's, and commits with it", async () => {
    const { client, join, rows } = await held();
    await client.query("BEGIN");
    await join(async (tx) => {
      await tx.put({ id: "a" });
      await tx.transaction(async (inner) => void (await inner.put({ id: "b" })));
    });
    expect(await rows.size()).toBe(0);
    await client.query("COMMIT");
    expect(await rows.size()).toBe(2);
  });

  test("leaves nothing when the user rolls back", async () => {
    const { client, join, rows } = await held();
    const events: unknown[] = [];
    rows.on("put", (row) => events.push(row));
    await client.query("BEGIN");
    await join(async (tx) => void (await tx.put({ id: "a" })));
    await client.query("ROLLBACK");
    expect(await rows.size()).toBe(0);
    expect(events).toEqual([]);
  });

  test("that fails undoes its own part, and the user's goes on", async () => {
    const { client, join, rows, app } = await held();
    await client.query("BEGIN");
    await client.query(`INSERT INTO ${tableOf(app)} (id) VALUES ('theirs')`);
    const failed = join(async (tx) => {
      await tx.put({ id: "ours" });
      throw new Error("stop");
    });
    await expect(failed).rejects.toThrow("stop");
    await client.query("COMMIT");
    expect((await rows.getAll())?.map(({ id }) => id)).toEqual(["theirs"]);
  });

  test("in a transaction that has failed already is a typed error", async () => {
    const { client, join } = await held();
    await client.query("BEGIN");
    await client.query("SELECT 1 / 0").catch(() => undefined);
    await expect(join(async () => undefined)).rejects.toThrow(StorageTransactionError);
    await client.query("ROLLBACK");
  });

  test("runs once, whatever isolation the user's has", async () => {
    const { client, join, rows } = await held();
    await rows.put({ id: "a", n: 0 });
    await client.query("BEGIN ISOLATION LEVEL SERIALIZABLE");
    let runs = 0;
    const failed = join(async (tx) => {
      runs++;
      await tx.get({ id: "a" });
      await outside(() => rows.put({ id: "a", n: 5 }));
      await tx.put({ id: "a", n: 1 });
    });
    await expect(failed).rejects.toMatchObject({ kind: "transient", code: "SERIALIZATION" });
    expect(runs).toBe(1);
    await client.query("ROLLBACK");
    expect(await rows.get({ id: "a" })).toEqual({ id: "a", n: 5 });
  });
});

describe("prepared statements", () => {
  const prepared = async (pool: pg.Pool) =>
    (await pool.query("SELECT name FROM pg_prepared_statements WHERE name <> ''")).rows;

  test("are made for texts that come again", async () => {
    const { rows, pool, app } = await opened({ config: { max: 1 } });
    for (let i = 0; i < 3; i++) await rows.get({ id: "a" });
    expect(await prepared(pool)).not.toHaveLength(0);
    const off = new PostgresTabularStorage(pool, "rows", schema, ["id"] as const, ["n"], {
      schema: app,
      preparedStatements: false,
    });
    await pool.query("DEALLOCATE ALL");
    for (let i = 0; i < 3; i++) {
      await off.put({ id: "a", n: i });
      await off.get({ id: "a" });
      await off.putBulk(numbers(3).map((n) => ({ id: `k${n}` })));
      await off.transaction(async (tx) => void (await tx.put({ id: "b" })));
    }
    expect(await prepared(pool)).toEqual([]);
  });

  test("that the server has lost are done without", async () => {
    const { rows, pool } = await opened({ config: { max: 1 } });
    for (let i = 0; i < 3; i++) await rows.put({ id: "a", n: i });
    await pool.query("DEALLOCATE ALL");
    await rows.put({ id: "a", n: 7 });
    expect(await rows.get({ id: "a" })).toEqual({ id: "a", n: 7 });
  });

  test("that the server has lost do not fail a transaction", async () => {
    const { rows, pool } = await opened({ config: { max: 1 } });
    for (let i = 0; i < 3; i++) await rows.put({ id: "a", n: i });
    await pool.query("DEALLOCATE ALL");
    await rows.transaction(async (tx) => {
      await tx.put({ id: "a", n: 7 });
      await tx.put({ id: "b", n: 8 });
    });
    expect(await rows.get({ id: "a" })).toEqual({ id: "a", n: 7 });
  });

  test.each([
    ["a call", (rows: Rows) => rows.get({ id: "a" })],
    ["a bulk", (rows: Rows) => rows.getMany([{ id: "a" }]).then(([row]) => row)],
    ["a transaction", (rows: Rows) => rows.transaction((tx) => tx.get({ id: "a" }))],
  ])("whose plan a change of the table has made void do not fail %s", async (_, read) => {
    const { rows, pool, app } = await opened({ config: { max: 1 } });
    await rows.put({ id: "a", n: 1 });
    for (let i = 0; i < 3; i++) expect(await read(rows)).toEqual({ id: "a", n: 1 });
    await pool.query(`ALTER TABLE ${tableOf(app)} ALTER COLUMN n TYPE integer`);
    for (let i = 0; i < 3; i++) expect(await read(rows)).toEqual({ id: "a", n: 1 });
  });
});

type Rows = Awaited<ReturnType<typeof opened>>["rows"];

const tableOf = (app: string): string => `${app}.rows`;
