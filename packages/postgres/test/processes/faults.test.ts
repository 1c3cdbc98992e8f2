import { rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { openPostgres } from "@workglow/postgres";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { PostgresServer } from "../../../../scripts/lib/postgres/PostgresServer.ts";
import { someoneWaits, until } from "../serverActivity.ts";
import { startOwnServer } from "../servers/startOwnServer.ts";
import { testClient, testPool } from "../spiedPool.ts";
import { FaultProgram } from "./FaultProgram.ts";
import { faultyStorages } from "./faultyStorages.ts";
import { LossyProxy } from "./LossyProxy.ts";

/** How much longer than usual the tests work: 1, or what the stress script sets. */
const STRESS = Number(process.env.WORKGLOW_STRESS ?? 1);

let server: PostgresServer;
beforeAll(async () => {
  server = await startOwnServer();
});
afterAll(() => server?.close());
beforeEach(async () => {
  const admin = await testClient(server.url);
  await admin.query("DROP TABLE IF EXISTS faulty_rows, faulty_settings");
});

/** Expects all that was acknowledged, and no half of anything. */
async function expectKept(...programs: readonly FaultProgram[]): Promise<void> {
  const { rows, settings } = faultyStorages(testPool(server.url));
  const lines = programs.flatMap((program) => program.acknowledged());
  const of = (kind: string): string[] =>
    lines.filter((line) => line.startsWith(`${kind} `)).map((line) => line.slice(kind.length + 1));
  const stored = (await rows.getAll()) ?? [];
  const ids = new Set(stored.map(({ id }) => id));
  expect(of("row").filter((id) => !ids.has(id))).toEqual([]);
  const bulks = new Map<string, number>();
  for (const { bulk } of stored) bulks.set(bulk, (bulks.get(bulk) ?? 0) + 1);
  bulks.delete("none");
  expect([...bulks].filter(([, size]) => size !== 10)).toEqual([]);
  expect(of("bulk").filter((id) => !bulks.has(id))).toEqual([]);
  const keys = new Set(((await settings.getAll()) ?? []).map(({ key }) => key));
  expect(of("setting").filter((key) => !keys.has(key))).toEqual([]);
}

async function writer(url = server.url, round = 0) {
  const program = new FaultProgram("faultyWriter", url, round);
  expect(await program.answer()).toBe("ready");
  return program;
}

async function goesOn(program: FaultProgram): Promise<void> {
  const before = program.acknowledged().length;
  await until(() => program.acknowledged().length > before + 50);
}

describe("a process that writes through a pool without listeners", () => {
  test("lives, recovers and loses nothing while its connections are ended five times a second", async () => {
    const admin = await testClient(server.url);
    const program = await writer();
    await pause(500);
    const before = await program.acknowledgedDuring(pause(1_000));
    let ended = 0;
    for (let i = 0; i < 15 * STRESS; i++) {
      await pause(200);
      const { rowCount } = await admin.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'faulty'",
      );
      ended += rowCount ?? 0;
    }
    expect(ended).toBeGreaterThan(15 * STRESS);
    const after = await program.acknowledgedDuring(pause(1_000));
    expect(program.running).toBe(true);
    expect(after).toBeGreaterThan(before / 4);
    await program.kill();
    await expectKept(program);
  });

  test("lives, recovers and loses nothing when the server crashes and comes back", async () => {
    const program = await writer();
    for (let i = 0; i < 2 * STRESS; i++) {
      await pause(500);
      await server.stop("immediate");
      await pause(200);
      await server.start();
      await goesOn(program);
    }
    expect(program.running).toBe(true);
    await program.kill();
    await expectKept(program);
  });

  test("loses nothing that was acknowledged when it is killed itself, again and again", async () => {
    const programs: FaultProgram[] = [];
    for (let round = 0; round < 3 * STRESS; round++) {
      const program = await writer(server.url, round);
      await pause(100 + Math.random() * 300);
      await program.kill();
      expect(program.acknowledged().length).toBeGreaterThan(0);
      programs.push(program);
      await expectKept(...programs);
    }
  });
});

describe("a proxy that loses answers", () => {
  test("with their connections, 2 % of them: every call settles, and nothing is lost", async () => {
    await using proxy = await LossyProxy.start(server.port, "connection");
    const program = await writer(proxy.url(server.url));
    proxy.percent = 2;
    const written = await program.acknowledgedDuring(pause(2_500 * STRESS));
    proxy.percent = 0;
    expect(proxy.lost).toBeGreaterThan(0);
    expect(written).toBeGreaterThan(20);
    await goesOn(program);
    expect(program.running).toBe(true);
    await program.kill();
    await expectKept(program);
  });

  test("in silence: calls with a timeout settle, and their connections are given up", async () => {
    await using proxy = await LossyProxy.start(server.port, "answer");
    const pool = testPool(proxy.url(server.url), { max: 3 });
    const { rows } = faultyStorages(pool);
    await rows.setupDatabase();
    const row = await rows.put({ id: "a", bulk: "none", n: 1 });
    proxy.percent = 100;
    const calls = Array.from({ length: 3 }, () => rows.get(row, { timeoutMs: 100 }));
    for (const result of await Promise.allSettled(calls)) {
      expect(result).toMatchObject({
        status: "rejected",
        reason: { name: "StorageTimeoutError", kind: "transient" },
      });
    }
    proxy.percent = 0;
    expect(await rows.get(row)).toEqual(row);
  });
});

test("a proxy that loses 2 % of the answers in silence: every call settles, and nothing is lost", async () => {
  await using proxy = await LossyProxy.start(server.port, "answer");
  const program = await writer(proxy.url(server.url));
  proxy.percent = 2;
  await until(() => proxy.lost >= 4 * STRESS);
  proxy.percent = 0;
  await pause(5_000);
  await goesOn(program);
  expect(program.running).toBe(true);
  await program.kill();
  await expectKept(program);
});

test("statements that run long, or wait for a lock, are taken for nothing else", async () => {
  const pool = testPool(server.url, { max: 2 });
  const { rows } = faultyStorages(pool);
  await rows.setupDatabase();
  const foreign = await testClient(server.url);
  await foreign.query("BEGIN; LOCK TABLE faulty_rows");
  const row = { id: "a", bulk: "none", n: 1 };
  const waiting = rows.transaction((tx) => tx.put(row));
  const { executor } = openPostgres(pool);
  const slow = executor.execute({ text: "SELECT pg_sleep(5)", params: [] });
  await pause(4_500);
  await foreign.query("ROLLBACK");
  await slow;
  expect(await waiting).toEqual(row);
  expect(await rows.size()).toBe(1);
});

test("a replica is read from, and refuses everything else as read-only", async () => {
  const { rows, settings } = faultyStorages(testPool(server.url));
  await rows.setupDatabase();
  await settings.setupDatabase();
  await rows.putBulk([1, 2, 3].map((n) => ({ id: `k${n}`, bulk: "none", n })));
  await server.stop();
  const signal = join(dirname(server.logFile), "data", "standby.signal");
  writeFileSync(signal, "");
  await server.start();
  try {
    await rows.setupDatabase();
    expect(await rows.get({ id: "k1" })).toEqual({ id: "k1", bulk: "none", n: 1 });
    expect(await Promise.all([rows.get({ id: "k2" }), rows.get({ id: "none" })])).toHaveLength(2);
    expect((await rows.getPage({ limit: 2 })).items).toHaveLength(2);
    expect(await rows.count({ n: { operator: ">", value: 1 } })).toBe(2);
    for await (const _row of rows.records(1));
    const readOnly = { name: "StorageReadOnlyError", kind: "fatal" };
    for (const write of [
      () => rows.put({ id: "k1", bulk: "none", n: 2 }),
      () => rows.delete({ id: "k1" }),
      () => settings.put("a", 1),
      () => rows.transaction((tx) => tx.size()),
      () => rows.subscribeToChanges(() => undefined).ready,
    ]) {
      await expect(write()).rejects.toMatchObject(readOnly);
    }
  } finally {
    await server.stop();
    rmSync(signal);
    await server.start();
  }
  await rows.put({ id: "k4", bulk: "none", n: 4 });
  expect(await rows.size()).toBe(4);
});

test("rows that a foreign transaction has locked are read without waiting", async () => {
  const { rows } = faultyStorages(testPool(server.url));
  await rows.setupDatabase();
  await rows.putBulk([1, 2, 3].map((n) => ({ id: `k${n}`, bulk: "none", n })));
  const foreign = await testClient(server.url);
  await foreign.query("BEGIN");
  await foreign.query("UPDATE faulty_rows SET n = 9 WHERE id = 'k2'");
  await foreign.query("SELECT * FROM faulty_rows FOR UPDATE");
  expect(await rows.get({ id: "k2" }, { timeoutMs: 2_000 })).toEqual({
    id: "k2",
    bulk: "none",
    n: 2,
  });
  expect(await rows.size({ timeoutMs: 2_000 })).toBe(3);
  expect(await rows.query({ n: 2 }, { timeoutMs: 2_000 })).toHaveLength(1);
  expect((await rows.getPage({ limit: 2, timeoutMs: 2_000 })).items).toHaveLength(2);
  await rows.put({ id: "k4", bulk: "none", n: 4 }, { timeoutMs: 2_000 });
  const refused = rows.put({ id: "k2", bulk: "none", n: 4 }, { timeoutMs: 100 });
  await expect(refused).rejects.toMatchObject({ name: "StorageTimeoutError" });
  // The server stops it a moment later.
  const admin = await testClient(server.url);
  await until(async () => !(await someoneWaits(admin)));
  await foreign.query("ROLLBACK");
  expect(await rows.get({ id: "k2" })).toMatchObject({ n: 2 });
});
