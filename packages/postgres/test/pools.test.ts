import { setTimeout as pause } from "node:timers/promises";
import { PostgresKvStorage, PostgresTabularStorage, withTransaction } from "@workglow/postgres";
import { StorageBusyError, StorageClosedError, StorageValidationError } from "@workglow/util";
import pg from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { until } from "./serverActivity.ts";
import { freshSchema } from "./servers/fresh.ts";
import { testClient, testPool } from "./spiedPool.ts";

const { url } = servers().embedded;

async function opened(config: pg.PoolConfig = {}, acquireTimeoutMs?: number) {
  const fresh = await freshSchema(url);
  onTestFinished(() => fresh.drop());
  const pool = testPool(url, config);
  const options = { schema: fresh.name, acquireTimeoutMs };
  const settings = new PostgresKvStorage(pool, "settings", undefined, undefined, options);
  await settings.setupDatabase();
  return { pool, settings, options };
}

describe("a pool all of whose connections are in use", () => {
  const exhausted = {
    name: "StorageBusyError",
    kind: "transient",
    code: "POOL_EXHAUSTED",
    storage: "settings",
  };

  test("is a transient error after acquireTimeoutMs, for every kind of call", async () => {
    const { pool, settings, options } = await opened({ max: 1 }, 60);
    const held = await pool.connect();
    await expect(settings.get("a")).rejects.toMatchObject({ ...exhausted, operation: "get" });
    await expect(settings.put("a", 1)).rejects.toMatchObject(exhausted);
    const both = await Promise.allSettled([settings.get("a"), settings.get("b")]);
    for (const result of both) {
      expect(result).toMatchObject({ status: "rejected", reason: exhausted });
    }
    const failed = withTransaction(pool, async () => undefined, options);
    await expect(failed).rejects.toThrow(StorageBusyError);
    held.release();
    await settings.put("a", 1);
    expect(await settings.get("a")).toBe(1);
    await until(() => pool.idleCount === 1);
  });

  test("is the same error where the pool's own time is up first", async () => {
    const { pool, settings } = await opened({ max: 1, connectionTimeoutMillis: 60 });
    const held = await pool.connect();
    await expect(settings.get("a")).rejects.toMatchObject(exhausted);
    held.release();
    expect(await settings.get("a")).toBeUndefined();
  });

  test("serves calls as connections become free, in any number", async () => {
    const { settings, pool } = await opened({ max: 2 });
    const reads = Array.from({ length: 200 }, (_, i) =>
      settings.get(`k${i}`).then(() => settings.keys().next()),
    );
    await Promise.all(reads);
    expect(pool.totalCount).toBeLessThanOrEqual(2);
  });
});

describe("a pool that nobody listens to", () => {
  test("does not end the process when the server ends its connections", async () => {
    const { pool, settings } = await opened({ max: 3, application_name: "terminated" });
    const admin = await testClient(url);
    await Promise.all(["a", "b", "c"].map((key) => settings.put(key, 1, { ifAbsent: true })));
    const transaction = withTransaction(pool, () => pause(60));
    await pause(30);
    const { rowCount } = await admin.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'terminated'",
    );
    expect(rowCount).toBeGreaterThan(0);
    await expect(transaction).rejects.toMatchObject({ kind: "transient" });
    await until(() => pool.totalCount === 0);
    expect(await settings.size()).toBe(3);
  });

  test("gets one listener, however many storages there are", async () => {
    const { pool } = await opened();
    for (let i = 0; i < 20; i++) new PostgresKvStorage(pool, `kv${i}`);
    expect(pool.listenerCount("error")).toBe(1);
  });

  test("and its clients get one each, however often they are used", async () => {
    const { pool, settings } = await opened({ max: 1 });
    for (let i = 0; i < 20; i++) await settings.get("a");
    const client = await pool.connect();
    // One of the pool's, one of ours.
    expect(client.listenerCount("error")).toBeLessThanOrEqual(2);
    client.release();
  });
});

describe("a pool is its owner's", () => {
  test("and stays open when storages are disposed of", async () => {
    const { pool, settings } = await opened();
    await settings.put("a", 1);
    await settings[Symbol.asyncDispose]();
    expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
  });

  test("whose end is a typed error", async () => {
    const { pool, settings } = await opened();
    await pool.end();
    await expect(settings.get("a")).rejects.toThrow(StorageClosedError);
    await expect(withTransaction(pool, async () => undefined)).rejects.toThrow(StorageClosedError);
  });

  test("and nothing else is taken for one", async () => {
    const client = new pg.Client({ connectionString: url });
    for (const handle of [client, url, {}, undefined, null]) {
      expect(() => new PostgresKvStorage(handle as never, "kv")).toThrow(StorageValidationError);
    }
  });
});

test.each([
  [{ schema: 7 }],
  [{ schema: "" }],
  [{ schema: "pg_catalog" }],
  [{ schema: "a\0b" }],
  [{ preparedStatements: "no" }],
  [{ listen: 1 }],
  [{ acquireTimeoutMs: 0 }],
  [{ acquireTimeoutMs: Number.NaN }],
  [{ acquireTimeoutMs: "5" }],
])("options %o are refused before the database is touched", (options) => {
  const pool = new pg.Pool({ connectionString: "postgres://127.0.0.1:9/none" });
  expect(() => new PostgresKvStorage(pool, "kv", undefined, undefined, options as never)).toThrow(
    StorageValidationError,
  );
  expect(pool.totalCount + pool.waitingCount).toBe(0);
});

describe("two schemas of one database", () => {
  const schema = {
    type: "object",
    properties: { id: { type: "integer", "x-auto-generated": true }, name: { type: "string" } },
    required: ["id"],
    additionalProperties: false,
  } as const;

  test("do not see each other, whatever the search path", async () => {
    await using one = await freshSchema(url);
    await using two = await freshSchema(url);
    const pool = testPool(url, { options: `-c search_path=${two.name}` });
    const tables = [one.name, two.name].map(
      (app) =>
        new PostgresTabularStorage(pool, "rows", schema, ["id"] as const, ["name"], {
          schema: app,
        }),
    );
    const [first, second] = tables as [(typeof tables)[0], (typeof tables)[0]];
    await first.setupDatabase();
    await expect(second.size()).rejects.toMatchObject({ name: "StorageNotSetUpError" });
    await second.setupDatabase();
    await first.put({ name: "one" });
    await first.put({ name: "again" });
    await second.put({ name: "two" });
    expect(await first.getAll()).toEqual([
      { id: 1, name: "one" },
      { id: 2, name: "again" },
    ]);
    expect(await second.getAll()).toEqual([{ id: 1, name: "two" }]);
    const all = await pool.query(
      "SELECT schemaname FROM pg_tables WHERE tablename = 'rows' AND schemaname = ANY($1)",
      [[one.name, two.name]],
    );
    expect(all.rows).toHaveLength(2);
  });

  test("take what schemaSql() prints, after which setupDatabase() finds nothing to do", async () => {
    await using app = await freshSchema(url);
    const pool = testPool(url);
    const rows = new PostgresTabularStorage(pool, "rows", schema, ["id"] as const, ["name"], {
      schema: app.name,
      uniqueIndexes: [["name", "id"]],
      prefixes: [{ name: "tenant", type: "uuid" }],
      prefixValues: { tenant: "a" },
    });
    const objects = async () =>
      (
        await pool.query(
          `SELECT relname, relkind, xmin::text FROM pg_class
           WHERE relnamespace = $1::regnamespace ORDER BY 1`,
          [app.name],
        )
      ).rows;
    await pool.query(rows.schemaSql());
    const before = await objects();
    expect(before.map(({ relname }) => relname)).toContain("rows");
    await pool.query(rows.schemaSql());
    await rows.setupDatabase();
    expect(await objects()).toEqual(before);
    expect(await rows.put({ name: "x" })).toEqual({ id: 1, name: "x" });
  });
});
