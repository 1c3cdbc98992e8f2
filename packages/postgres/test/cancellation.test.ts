import { setTimeout as pause } from "node:timers/promises";
import { PGlite } from "@electric-sql/pglite";
import { PostgresTabularStorage, withTransaction } from "@workglow/postgres";
import { StorageTimeoutError } from "@workglow/util";
import type pg from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { running, signalAfter, until } from "./serverActivity.ts";
import { freshSchema } from "./servers/fresh.ts";
import { testClient, testPool } from "./spiedPool.ts";

const { url } = servers().embedded;

const schema = {
  type: "object",
  properties: { id: { type: "string" }, n: { type: "integer" } },
  required: ["id"],
  additionalProperties: false,
} as const;

const reason = new Error("no longer wanted");

/** A table, and a lock on it that lets every call wait on the server. */
async function opened(config: pg.PoolConfig = {}) {
  const fresh = await freshSchema(url);
  const admin = await testClient(url);
  onTestFinished(() => fresh.drop());
  const blocker = await testClient(url);
  const pool = testPool(url, config);
  const rows = new PostgresTabularStorage(pool, "rows", schema, ["id"] as const, [], {
    schema: fresh.name,
  });
  await rows.setupDatabase();
  await rows.put({ id: "a", n: 1 });
  return {
    app: fresh.name,
    pool,
    rows,
    block: () => blocker.query(`BEGIN; LOCK TABLE ${fresh.name}.rows`),
    unblock: () => blocker.query("ROLLBACK"),
    waiting: () => running(admin, `%"${fresh.name}"."rows"%`),
  };
}

const calls: readonly (readonly [string, (rows: Rows, signal: AbortSignal) => Promise<unknown>])[] =
  [
    ["get", (rows, signal) => rows.get({ id: "a" }, { signal })],
    ["put", (rows, signal) => rows.put({ id: "a", n: 2 }, { signal })],
    ["putBulk", (rows, signal) => rows.putBulk([{ id: "a", n: 2 }, { id: "b" }], { signal })],
    ["update", (rows, signal) => rows.update({ id: "a" }, { n: 2 }, { signal })],
    ["query", (rows, signal) => rows.query({ n: 1 }, { signal })],
    ["deleteAll", (rows, signal) => rows.deleteAll({ signal })],
    [
      "transaction",
      (rows, signal) =>
        rows.transaction(async (tx) => void (await tx.put({ id: "a", n: 2 })), { signal }),
    ],
  ];
type Rows = Awaited<ReturnType<typeof opened>>["rows"];

describe("a call whose signal aborts", () => {
  test.each(calls)(
    "%s stops on the server, and its connection serves the next",
    async (_, call) => {
      const { rows, pool, block, unblock, waiting } = await opened({ max: 1 });
      const session = async () => (await pool.query("SELECT pg_backend_pid() AS pid")).rows;
      const before = await session();
      await block();
      const controller = new AbortController();
      const outcome = expect(call(rows, controller.signal)).rejects.toBe(reason);
      await until(async () => (await waiting()) === 1);
      controller.abort(reason);
      await outcome;
      await until(async () => (await waiting()) === 0);
      await unblock();
      expect(await rows.getAll()).toEqual([{ id: "a", n: 1 }]);
      expect(await session()).toEqual(before);
    },
  );

  test("ends at once while it waits for a connection, and takes none later", async () => {
    const { rows, pool } = await opened({ max: 1 });
    const held = await pool.connect();
    const failed = rows.put({ id: "b" }, { signal: signalAfter(30, reason) });
    await expect(failed).rejects.toBe(reason);
    const transaction = rows.transaction(async () => undefined, {
      signal: signalAfter(30, reason),
    });
    await expect(transaction).rejects.toBe(reason);
    held.release();
    expect((await rows.getAll())?.map(({ id }) => id)).toEqual(["a"]);
    await until(() => pool.idleCount === 1);
  });

  test("does not disturb others of the same tick", async () => {
    const { rows } = await opened();
    const controller = new AbortController();
    const aborted = rows.put({ id: "b" }, { signal: controller.signal });
    const others = ["c", "d"].map((id) => rows.put({ id }));
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    await Promise.all(others);
    expect((await rows.getAll())?.map(({ id }) => id)).toEqual(
      expect.arrayContaining(["a", "c", "d"]),
    );
  });

  test("inside a transaction undoes only itself", async () => {
    const { rows, block, unblock, waiting } = await opened();
    await rows.transaction(async (tx) => {
      await block();
      const controller = new AbortController();
      const outcome = expect(tx.put({ id: "b" }, { signal: controller.signal })).rejects.toBe(
        reason,
      );
      await until(async () => (await waiting()) === 1);
      controller.abort(reason);
      await outcome;
      await until(async () => (await waiting()) === 0);
      await unblock();
      await tx.put({ id: "c" });
    });
    expect((await rows.getAll())?.map(({ id }) => id)).toEqual(["a", "c"]);
  });

  test("inside a transaction stops with that, too", async () => {
    const { rows, pool, block, unblock, waiting } = await opened();
    await block();
    const controller = new AbortController();
    const call = new AbortController();
    const outcome = expect(
      rows.transaction((tx) => tx.put({ id: "b" }, { signal: call.signal }), {
        signal: controller.signal,
      }),
    ).rejects.toBe(reason);
    await until(async () => (await waiting()) === 1);
    controller.abort(reason);
    await outcome;
    await until(async () => (await waiting()) === 0);
    await until(() => pool.idleCount === pool.totalCount);
    await unblock();
  });
});

describe("a call whose time is up", () => {
  test("fails with a timeout and stops on the server", async () => {
    const { rows, block, unblock, waiting } = await opened();
    await block();
    const failed = rows.put({ id: "b" }, { timeoutMs: 100 });
    await expect(failed).rejects.toThrow(StorageTimeoutError);
    await until(async () => (await waiting()) === 0);
    await unblock();
    expect(await rows.size()).toBe(1);
  });

  test("by the server's statement_timeout fails with a timeout", async () => {
    const { rows, block, unblock } = await opened({ options: "-c statement_timeout=100" });
    await block();
    await expect(rows.get({ id: "a" })).rejects.toMatchObject({
      name: "StorageTimeoutError",
      kind: "transient",
      storage: "rows",
      operation: "get",
    });
    await unblock();
  });

  test("by the server's lock_timeout fails as busy", async () => {
    const { rows, block, unblock } = await opened({ options: "-c lock_timeout=50" });
    await block();
    await expect(rows.put({ id: "a" })).rejects.toMatchObject({
      name: "StorageBusyError",
      code: "BUSY",
    });
    await unblock();
  });
});

describe("on PGlite a signal is obeyed between statements", () => {
  test("before the first, after the call was made, and inside transactions", async () => {
    const database = await PGlite.create();
    onTestFinished(() => database.close());
    const rows = new PostgresTabularStorage(database, "rows", schema, ["id"] as const);
    await rows.setupDatabase();

    const aborted = rows.put({ id: "a" }, { signal: AbortSignal.abort(reason) });
    await expect(aborted).rejects.toBe(reason);

    const controller = new AbortController();
    const late = rows.transaction(
      async (tx) => {
        await tx.put({ id: "b" });
        controller.abort(reason);
        await pause(5);
        await tx.put({ id: "c" }).catch(() => undefined);
      },
      { signal: controller.signal },
    );
    await expect(late).rejects.toBe(reason);
    const timedOut = withTransaction(database, () => pause(5_000), { timeoutMs: 20 });
    await expect(timedOut).rejects.toThrow(StorageTimeoutError);
    expect(await rows.size()).toBe(0);
    await rows.put({ id: "d" });
    expect(await rows.size()).toBe(1);
  }, 60_000);
});
