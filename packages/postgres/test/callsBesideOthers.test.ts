import { PGlite } from "@electric-sql/pglite";
import { PostgresKvStorage, PostgresTabularStorage, withTransaction } from "@workglow/postgres";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { classifyPostgresError } from "../src/postgresErrors.ts";
import { type Fresh, freshSchema } from "./servers/fresh.ts";
import { spiedPool } from "./spiedPool.ts";

const { embedded } = servers();

const Account = {
  type: "object",
  properties: {
    id: { type: "integer", "x-auto-generated": true },
    email: { type: "string" },
  },
  required: ["id", "email"],
} as const satisfies DataPortSchemaObject;

let fresh: Fresh;
beforeAll(async () => {
  fresh = await freshSchema(embedded.url);
});
afterAll(() => fresh.drop());

let tables = 0;

async function accounts(handle: pg.Pool | PGlite, schema?: string) {
  const table = new PostgresTabularStorage(
    handle,
    `accounts${tables++}`,
    Account,
    ["id"] as const,
    [],
    { schema, uniqueIndexes: [["email"]] },
  );
  await table.setupDatabase();
  return table;
}

function opened(max = 4): pg.Pool {
  const pool = new pg.Pool({ connectionString: embedded.url, max });
  onTestFinished(async () => {
    if (!pool.ending) await pool.end();
  });
  return pool;
}

test("a bulk is stored in its order: a later row may take what an earlier one gives up", async () => {
  const table = await accounts(opened(), fresh.name);
  await table.put({ id: 2, email: "a" });
  await table.putBulk([
    { id: 2, email: "b" },
    { id: 1, email: "a" },
  ]);
  expect(await table.getAll()).toEqual([
    { id: 1, email: "a" },
    { id: 2, email: "b" },
  ]);
  await table.putBulk([{ id: 2, email: "c" }, { email: "b" }] as never);
  expect(await table.size()).toBe(3);
});

test("calls of one tick with large values are cut into statements that can travel", async () => {
  const { pool, texts } = spiedPool(embedded.url);
  const values = new PostgresKvStorage(pool, "large", undefined, undefined, { schema: fresh.name });
  await values.setupDatabase();
  const text = "x".repeat(1_500_000);
  await Promise.all(Array.from({ length: 9 }, (_, at) => values.put(`k${at}`, text)));
  expect(await values.size()).toBe(9);
  const inserts = texts().filter((sent) => sent.startsWith("INSERT") && sent.includes("large"));
  expect(inserts.length).toBeGreaterThan(1);
  expect(inserts.length).toBeLessThan(9);
});

describe("a pool that is told to end", () => {
  test("refuses the calls that wait for it", async () => {
    const pool = opened();
    const table = await accounts(pool, fresh.name);
    const call = table.size();
    const ended = pool.end();
    await expect(call).rejects.toMatchObject({ name: "StorageClosedError" });
    await ended;
    await expect(table.size()).rejects.toMatchObject({ name: "StorageClosedError" });
  });

  test("refuses those that wait for its only connection", async () => {
    const pool = opened(1);
    const table = await accounts(pool, fresh.name);
    const client = await pool.connect();
    const call = table.getAll();
    const ended = pool.end();
    await expect(call).rejects.toMatchObject({ name: "StorageClosedError" });
    client.release();
    await ended;
  });
});

test("transactions on one client follow each other, and each stands for itself", async () => {
  const pool = opened();
  const table = await accounts(pool, fresh.name);
  const client = await pool.connect();
  const options = { client, schema: fresh.name };
  const results = await Promise.allSettled([
    withTransaction(
      pool,
      async (tx) => void (await table.with(tx).put({ id: 1, email: "a" })),
      options,
    ),
    withTransaction(
      pool,
      async (tx) => {
        await table.with(tx).put({ id: 2, email: "b" });
        throw new Error("undone");
      },
      options,
    ),
  ]);
  client.release();
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  expect(await table.getAll()).toEqual([{ id: 1, email: "a" }]);
});

test("what a constraint of the user's own refuses undoes only itself in a transaction", async () => {
  const pool = opened();
  const table = new PostgresTabularStorage(pool, "checked", Account, ["id"] as const, [], {
    schema: fresh.name,
  });
  await table.setupDatabase();
  await pool.query(`ALTER TABLE "${fresh.name}"."checked" ADD CHECK ("email" <> 'never')`);
  await table.transaction(async (tx) => {
    await expect(tx.put({ id: 1, email: "never" })).rejects.toMatchObject({ code: "CONSTRAINT" });
    await tx.put({ id: 2, email: "fine" });
  });
  expect(await table.getAll()).toEqual([{ id: 2, email: "fine" }]);
});

test("a socket that the server has closed is a transient fault", () => {
  expect(classifyPostgresError({ code: "EPIPE" })).toMatchObject({ kind: "transient" });
});

test("on PGlite a call whose time is up before its turn has no effect", async () => {
  const database = new PGlite();
  onTestFinished(() => database.close());
  const table = await accounts(database);
  await table.put({ id: 1, email: "a" });
  let release = (): void => undefined;
  const held = database.transaction(
    () =>
      new Promise<void>((resolve) => {
        release = resolve;
      }),
  );
  const call = table.put({ id: 2, email: "b" }, { timeoutMs: 30 });
  await expect(call).rejects.toMatchObject({ name: "StorageTimeoutError" });
  release();
  await held;
  expect(await table.size()).toBe(1);
});
