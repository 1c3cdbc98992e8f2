import { setTimeout as pause } from "node:timers/promises";
import {
  PostgresKvStorage,
  PostgresTabularStorage,
  PostgresVectorStorage,
} from "@workglow/postgres";
import { PostgresQueueStorage, PostgresRateLimiterStorage } from "@workglow/postgres/job-queue";
import { StorageValidationError } from "@workglow/util";
import type pg from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { grantUse } from "./grants.ts";
import { until } from "./serverActivity.ts";
import { freshRole, freshSchema } from "./servers/fresh.ts";
import { testClient, testPool } from "./spiedPool.ts";

const { main, embedded } = servers();
const { url } = embedded;

const schema = {
  type: "object",
  properties: {
    id: { type: "integer", "x-auto-generated": true },
    name: { type: "string" },
  },
  required: ["id"],
  additionalProperties: false,
} as const;

const tenantPrefix = [{ name: "tenant_id", type: "uuid" }] as const;

/** A schema and two roles: one that owns its tables, and one with the documented grants. */
async function place() {
  const app = await freshSchema(url);
  const [owner, worker] = [await freshRole(url), await freshRole(url)];
  onTestFinished(async () => {
    await app.drop();
    await owner.drop();
    await worker.drop();
  });
  const admin = await testClient(url);
  await admin.query(`GRANT USAGE, CREATE ON SCHEMA ${app.name} TO ${owner.name}`);
  const options = (tenant: string) =>
    ({
      schema: app.name,
      rowLevelSecurity: true,
      prefixes: tenantPrefix,
      prefixValues: { tenant_id: tenant },
    }) as const;
  return {
    app: app.name,
    admin,
    owner,
    options,
    /** Connections of a tenant, as the pool's owner makes them. */
    poolOf: (tenant?: string, role: { readonly url: string } = worker): pg.Pool =>
      testPool(role.url, {
        ...(tenant !== undefined && { options: `-c workglow.tenant_id=${tenant}` }),
      }),
    grant: () => grantUse(admin, app.name, worker.name),
  };
}

const tableOn = (pool: pg.Pool, options: object) =>
  new PostgresTabularStorage(pool, "rows", schema, ["id"] as const, ["name"], options);

async function twoTenants() {
  const { options, owner, poolOf, grant, ...rest } = await place();
  await tableOn(poolOf("a", owner), options("a")).setupDatabase();
  await grant();
  const [poolA, poolB] = [poolOf("a"), poolOf("b")];
  const [a, b] = [tableOn(poolA, options("a")), tableOn(poolB, options("b"))];
  await a.putBulk([{ name: "one" }, { name: "two" }]);
  await b.put({ name: "three" });
  return { options, owner, poolOf, grant, poolA, poolB, a, b, ...rest };
}

describe("rows of other tenants, with row-level security", () => {
  test("are neither seen, changed nor removed by any statement", async () => {
    const { app, poolA, poolB, a, b } = await twoTenants();
    const names = async (pool: pg.Pool) =>
      (await pool.query(`SELECT name FROM ${app}.rows ORDER BY id`)).rows.map(({ name }) => name);
    expect(await names(poolA)).toEqual(["one", "two"]);
    expect(await names(poolB)).toEqual(["three"]);
    expect((await poolB.query(`UPDATE ${app}.rows SET name = 'changed'`)).rowCount).toBe(1);
    expect((await poolB.query(`DELETE FROM ${app}.rows`)).rowCount).toBe(1);
    expect((await a.getAll())?.map(({ name }) => name)).toEqual(["one", "two"]);
    expect(await b.size()).toBe(0);
  });

  test("cannot be written, by hand or by a storage for another tenant", async () => {
    const { app, poolB, options, a } = await twoTenants();
    await expect(
      poolB.query(`INSERT INTO ${app}.rows (tenant_id, id, name) VALUES ('a', 99, 'planted')`),
    ).rejects.toMatchObject({ code: "42501" });
    await expect(poolB.query(`UPDATE ${app}.rows SET tenant_id = 'a'`)).rejects.toMatchObject({
      code: "42501",
    });
    const impostor = tableOn(poolB, options("a"));
    await expect(impostor.put({ id: 99, name: "planted" })).rejects.toMatchObject({
      kind: "fatal",
      code: "PERMISSION",
      storage: "rows",
      operation: "put",
    });
    expect(await impostor.getAll()).toBeUndefined();
    expect(await a.size()).toBe(2);
  });

  test("are hidden from sessions that do not say whose they are", async () => {
    const { app, poolOf, options } = await twoTenants();
    const pool = poolOf();
    expect((await pool.query(`SELECT FROM ${app}.rows`)).rowCount).toBe(0);
    await pool.query("BEGIN; SET LOCAL workglow.tenant_id = 'a'; COMMIT");
    expect((await pool.query(`SELECT FROM ${app}.rows`)).rowCount).toBe(0);
    await expect(tableOn(pool, options("a")).put({ name: "x" })).rejects.toMatchObject({
      code: "PERMISSION",
    });
  });

  test("are hidden from the tables' owner, too, whose migrations reach them all", async () => {
    const { app, poolOf, owner, options, a, b } = await twoTenants();
    const pool = poolOf("a", owner);
    expect((await pool.query(`SELECT FROM ${app}.rows`)).rowCount).toBe(2);
    const migrated = new PostgresTabularStorage(pool, "rows", schema, ["id"] as const, ["name"], {
      ...options("a"),
      migrations: [
        {
          version: 1,
          steps: [{ transform: (row: { name?: string }) => ({ ...row, name: `${row.name}!` }) }],
        },
      ],
    } as never);
    await migrated.setupDatabase();
    expect((await a.getAll())?.map(({ name }) => name)).toEqual(["one!", "two!"]);
    expect((await b.getAll())?.map(({ name }) => name)).toEqual(["three!"]);
    expect((await pool.query(`SELECT FROM ${app}.rows`)).rowCount).toBe(2);
  });

  test("do not stand in the way of one's own: every call works for either tenant", async () => {
    const { a, b } = await twoTenants();
    for (const rows of [a, b]) {
      await rows.deleteAll();
      const { id } = await rows.put({ name: "x" });
      expect(await rows.get({ id })).toEqual({ id, name: "x" });
      expect(await rows.update({ id }, { name: "y" })).toEqual({ id, name: "y" });
      expect(await rows.put({ id, name: "z" })).toEqual({ id, name: "z" });
      await expect(rows.insert({ id, name: "w" })).rejects.toMatchObject({
        name: "StorageConflictError",
      });
      await rows.transaction(async (tx) => void (await tx.putBulk([{ name: "p" }, { name: "q" }])));
      expect(await rows.count({ name: { operator: "in", value: ["p", "z"] } })).toBe(2);
      expect((await rows.getPage({ limit: 2 })).items).toHaveLength(2);
    }
    const keys = [...((await a.getAll()) ?? []), ...((await b.getAll()) ?? [])].map(({ id }) => id);
    expect(new Set(keys).size).toBe(6);
  });

  test("are what schemaSql() guards as setupDatabase() does, which then finds nothing to do", async () => {
    const { admin, app, options, poolOf, grant, owner } = await place();
    const rows = tableOn(poolOf("a", owner), options("a"));
    await admin.query(`SET ROLE ${owner.name}`);
    await admin.query(rows.schemaSql());
    await admin.query(rows.schemaSql());
    await admin.query("RESET ROLE");
    const guarded = async () =>
      (
        await admin.query(
          `SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, p.xmin::text, p.polname
           FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid
           WHERE c.relnamespace = $1::regnamespace ORDER BY 1, 5`,
          [app],
        )
      ).rows;
    const before = await guarded();
    expect(new Set(before.map(({ relname }) => relname))).toEqual(
      new Set(["rows", "_workglow_changes_rows"]),
    );
    expect(before.every((row) => row.relrowsecurity && row.relforcerowsecurity)).toBe(true);
    await rows.setupDatabase();
    expect(await guarded()).toEqual(before);
    await grant();
    await tableOn(poolOf("b"), options("b")).put({ name: "x" });
    expect((await poolOf("a").query(`SELECT FROM ${app}.rows`)).rowCount).toBe(0);
  });

  test("of a table that was there before are hidden from the next set-up on", async () => {
    const { app, owner, options, poolOf } = await place();
    const { rowLevelSecurity: _, ...open } = options("b");
    const pool = poolOf("a", owner);
    const before = tableOn(pool, open);
    await before.setupDatabase();
    await before.put({ name: "x" });
    expect((await pool.query(`SELECT FROM ${app}.rows`)).rowCount).toBe(1);
    await tableOn(pool, options("a")).setupDatabase();
    expect((await pool.query(`SELECT FROM ${app}.rows`)).rowCount).toBe(0);
  });

  test("cost one's own searches nothing: they read what they find", async () => {
    const { app, admin, poolOf, options } = await twoTenants();
    await admin.query(
      `INSERT INTO ${app}.rows (tenant_id, id, name)
       SELECT CASE i % 2 WHEN 0 THEN 'a' ELSE 'b' END, 1000 + i, 'name ' || lpad(i::text, 5, '0')
       FROM generate_series(0, 19999) AS i`,
    );
    await admin.query(`ANALYZE ${app}.rows`);
    const pool = poolOf("a");
    const sent: { text: string; values: unknown[] }[] = [];
    pool.on("connect", (client) => {
      const query = client.query.bind(client) as (...args: unknown[]) => unknown;
      client.query = ((...args: unknown[]) => {
        if (typeof args[0] === "object") sent.push(args[0] as (typeof sent)[0]);
        return query(...args);
      }) as never;
    });
    const rows = tableOn(pool, options("a"));
    const calls = [
      () => rows.get({ id: 2000 }),
      () => rows.query({ name: "name 01000" }),
      () => rows.query({ name: { operator: "prefix", value: "name 0100" } }),
      () => rows.query({ name: { operator: "in", value: ["name 00002", "name 00004"] } }),
      () => rows.getAll({ orderBy: [{ column: "name", direction: "DESC" }], limit: 5 }),
    ];
    for (const call of calls) {
      sent.length = 0;
      await call();
      const [statement] = sent;
      const explained = await pool.query({
        text: `EXPLAIN (ANALYZE, FORMAT JSON) ${statement?.text}`,
        values: statement?.values ?? [],
      });
      const removed = JSON.stringify(explained.rows).matchAll(/"Rows Removed by [^"]*":(\d+)/g);
      for (const [, count] of removed) expect(Number(count)).toBeLessThanOrEqual(1);
      expect(JSON.stringify(explained.rows)).not.toContain("Seq Scan");
    }
  });

  test("are told apart by several columns, numbers among them", async () => {
    const { app, owner, poolOf } = await place();
    const kv = (pool: pg.Pool, region: string, account: number) =>
      new PostgresKvStorage(pool, "settings", undefined, undefined, {
        schema: app,
        rowLevelSecurity: true,
        prefixes: [
          { name: "region", type: "uuid" },
          { name: "account", type: "number" },
        ],
        prefixValues: { region, account },
      });
    const session = (region: string, account: string) =>
      testPool(owner.url, {
        options: `-c workglow.region=${region} -c workglow.account=${account}`,
      });
    const mine = kv(session("eu", "7"), "eu", 7);
    await mine.setupDatabase();
    await mine.put("a", 1);
    expect(await mine.get("a")).toBe(1);
    expect(await kv(session("eu", "8"), "eu", 7).get("a")).toBeUndefined();
    expect(await kv(session("us", "7"), "eu", 7).get("a")).toBeUndefined();
    expect(await kv(poolOf(undefined, owner), "eu", 7).get("a")).toBeUndefined();
  });
});

describe("changes of other tenants, with row-level security", () => {
  test("are not in the log, and one's own arrive once each and in order", async () => {
    const { app, a, b, poolA, poolB } = await twoTenants();
    const heard: string[] = [];
    const end = a.subscribeToChanges(
      ({ type, new: row }) => void heard.push(`${type} ${row?.name}`),
      { pollingIntervalMs: 20 },
    );
    await end.ready;
    const expected: string[] = [];
    for (let i = 0; i < 20; i++) {
      await b.put({ name: `theirs ${i}` });
      await a.put({ name: `ours ${i}` });
      expected.push(`INSERT ours ${i}`);
    }
    await until(() => heard.length >= 20);
    await pause(50);
    expect(heard).toEqual(expected);
    const log = `SELECT FROM ${app}._workglow_changes_rows WHERE kind NOT IN (0, 4)`;
    const tenants = `${log} AND "key:tenant_id" = 'a'`;
    expect((await poolB.query(tenants)).rowCount).toBe(0);
    expect((await poolB.query(log)).rowCount).toBe(20);
    expect((await poolA.query(tenants)).rowCount).toBe(20);
    await expect(
      poolB.query(
        `INSERT INTO ${app}._workglow_changes_rows (kind, "key:tenant_id") VALUES (1, 'a')`,
      ),
    ).rejects.toMatchObject({ code: "42501" });
    end();
  });

  test("of an administrator that sees everything are logged for each tenant", async () => {
    const { app, a, admin } = await twoTenants();
    const heard: string[] = [];
    const end = a.subscribeToChanges(({ type }) => void heard.push(type), {
      pollingIntervalMs: 20,
    });
    await end.ready;
    await admin.query(`UPDATE ${app}.rows SET name = upper(name)`);
    await until(() => heard.length >= 2);
    expect(heard).toEqual(["UPDATE", "UPDATE"]);
    end();
  });
});

describe("queues and limiters of other tenants, with row-level security", () => {
  test("hide their jobs, and work for each tenant", async () => {
    const { app, admin, options, owner, poolOf, grant } = await place();
    const make = (pool: pg.Pool, tenant: string) =>
      new PostgresQueueStorage<string, string>(pool, "jobs", { ...options(tenant) });
    const setUp = make(poolOf("a", owner), "a");
    await setUp.setupDatabase();
    await setUp[Symbol.asyncDispose]();
    await grant();
    const [poolA, poolB] = [poolOf("a"), poolOf("b")];
    const [a, b] = [make(poolA, "a"), make(poolB, "b")];
    onTestFinished(async () => {
      await a[Symbol.asyncDispose]();
      await b[Symbol.asyncDispose]();
    });
    const job = (input: string) => ({ input, run_after: null, completed_at: null });
    const heard: string[] = [];
    const end = a.subscribeToChanges(({ type }) => void heard.push(type));
    await end.ready;
    const id = await a.add(job("ours"));
    await b.add(job("theirs"));
    const hidden = `SELECT FROM ${app}.job_queue_tenant_id`;
    expect((await poolA.query(hidden)).rowCount).toBe(1);
    expect((await poolB.query(hidden)).rowCount).toBe(1);
    expect((await poolOf().query(hidden)).rowCount).toBe(0);
    expect(await b.get(id)).toBeUndefined();
    const claimed = await b.next("worker");
    expect(claimed?.input).toBe("theirs");
    expect(await b.next("worker")).toBeUndefined();
    if (claimed) await b.complete({ ...claimed, status: "COMPLETED", output: "done" });
    const ours = await a.next("worker");
    expect(ours?.id).toEqual(id);
    if (ours) await a.complete({ ...ours, status: "COMPLETED", output: "done" });
    expect(await a.size("COMPLETED")).toBe(1);
    await until(() => heard.length >= 3);
    const log = `SELECT FROM ${app}._workglow_changes_job_queue_tenant_id WHERE kind NOT IN (0, 4)`;
    const all = (await admin.query(log)).rowCount ?? 0;
    const [seenByA, seenByB] = [await poolA.query(log), await poolB.query(log)];
    expect(seenByA.rowCount).toBeGreaterThanOrEqual(3);
    expect(seenByB.rowCount).toBeGreaterThanOrEqual(3);
    expect((seenByA.rowCount ?? 0) + (seenByB.rowCount ?? 0)).toBe(all);
    const impostor = make(poolB, "a");
    await expect(impostor.add(job("planted"))).rejects.toMatchObject({ code: "PERMISSION" });
    await impostor[Symbol.asyncDispose]();
    end();
  });

  test("hide their executions", async () => {
    const { app, options, owner, poolOf, grant } = await place();
    const make = (pool: pg.Pool, tenant: string) =>
      new PostgresRateLimiterStorage(pool, { ...options(tenant) });
    await make(poolOf("a", owner), "a").setupDatabase();
    await grant();
    const [poolA, poolB] = [poolOf("a"), poolOf("b")];
    const [a, b] = [make(poolA, "a"), make(poolB, "b")];
    expect(await a.tryReserveExecution("jobs", 1, 60_000)).not.toBeNull();
    expect(await a.tryReserveExecution("jobs", 1, 60_000)).toBeNull();
    expect(await b.tryReserveExecution("jobs", 1, 60_000)).not.toBeNull();
    const hidden = `SELECT FROM ${app}.job_rate_limit_executions_tenant_id`;
    expect((await poolA.query(hidden)).rowCount).toBe(1);
    expect((await poolOf().query(hidden)).rowCount).toBe(0);
    await expect(make(poolB, "a").recordExecution("jobs")).rejects.toMatchObject({
      code: "PERMISSION",
    });
  });
});

for (const server of main?.hasVector ? [main] : []) {
  test("vectors of other tenants are not found, with row-level security", async () => {
    const app = await freshSchema(server.url);
    const role = await freshRole(server.url);
    onTestFinished(async () => {
      await app.drop();
      await role.drop();
    });
    const vectorSchema = {
      type: "object",
      properties: {
        id: { type: "string" },
        vector: { type: "array", format: "TypedArray:Float32Array" },
      },
      required: ["id", "vector"],
      additionalProperties: false,
    } as const;
    const made = (pool: pg.Pool, tenant: string) =>
      new PostgresVectorStorage(
        pool,
        "vectors",
        vectorSchema,
        ["id"] as const,
        [],
        2,
        Float32Array,
        {
          schema: app.name,
          rowLevelSecurity: true,
          prefixes: tenantPrefix,
          prefixValues: { tenant_id: tenant },
        },
      );
    await made(testPool(server.url), "a").setupDatabase();
    await grantUse(await testClient(server.url), app.name, role.name);
    const poolOf = (tenant: string) =>
      testPool(role.url, { options: `-c workglow.tenant_id=${tenant}` });
    const [a, b] = [made(poolOf("a"), "a"), made(poolOf("b"), "b")];
    await a.put({ id: "ours", vector: new Float32Array([1, 0]) });
    await b.put({ id: "theirs", vector: new Float32Array([1, 0]) });
    const query = new Float32Array([1, 0.1]);
    expect((await a.similaritySearch(query)).map(({ id }) => id)).toEqual(["ours"]);
    expect((await b.similaritySearch(query)).map(({ id }) => id)).toEqual(["theirs"]);
    expect(await made(poolOf("b"), "a").similaritySearch(query)).toEqual([]);
    expect((await poolOf("c").query(`SELECT FROM ${app.name}.vectors`)).rowCount).toBe(0);
  });
}

test.each([
  ["no tenant columns", undefined],
  ["a name that is no setting's", [{ name: "tenant id", type: "uuid" }]],
  [
    "names that differ by case alone",
    [
      { name: "tenant", type: "uuid" },
      { name: "Tenant", type: "uuid" },
    ],
  ],
])("row-level security is refused with %s", (_, prefixes) => {
  const pool = testPool(url);
  const options = {
    rowLevelSecurity: true,
    ...(prefixes && {
      prefixes,
      prefixValues: Object.fromEntries(prefixes.map(({ name }) => [name, "a"])),
    }),
  } as never;
  expect(() => tableOn(pool, options)).toThrow(StorageValidationError);
  expect(() => new PostgresQueueStorage(pool, "jobs", options)).toThrow(StorageValidationError);
  expect(() => new PostgresRateLimiterStorage(pool, options)).toThrow(StorageValidationError);
});
