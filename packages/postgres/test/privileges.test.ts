import {
  PostgresKvStorage,
  PostgresTabularStorage,
  PostgresVectorStorage,
  withTransaction,
} from "@workglow/postgres";
import { PostgresQueueStorage, PostgresRateLimiterStorage } from "@workglow/postgres/job-queue";
import type pg from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { until } from "./serverActivity.ts";
import { freshRole, freshSchema } from "./servers/fresh.ts";
import { testClient, testPool } from "./spiedPool.ts";

const { main, embedded } = servers();

const schema = {
  type: "object",
  properties: { id: { type: "integer", "x-auto-generated": true }, name: { type: "string" } },
  required: ["id"],
  additionalProperties: false,
} as const;

const vectorSchema = {
  type: "object",
  properties: {
    id: { type: "string" },
    vector: { type: "array", format: "TypedArray:Float32Array" },
  },
  required: ["id", "vector"],
  additionalProperties: false,
} as const;

/** What the documentation says to grant, by what a role does. */
const GRANTS = {
  everyone: ["USAGE ON SCHEMA $app"],
  setUpCheck: ["SELECT ON $app._workglow_migrations"],
  rows: ["SELECT, INSERT, UPDATE, DELETE ON $app.rows, $app.settings"],
  generatedKeys: ["USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA $app"],
  notifications: ["SELECT ON $app._workglow_subscribers"],
  changes: [
    "SELECT, INSERT, DELETE ON $app._workglow_changes_rows",
    "SELECT, UPDATE ON $app._workglow_gate_rows",
    "SELECT, INSERT, UPDATE, DELETE ON $app._workglow_subscribers",
  ],
  queue: ["SELECT, INSERT, UPDATE, DELETE ON $app.job_queue, $app._workglow_job_leases"],
  queueChanges: [
    "SELECT, INSERT, DELETE ON $app._workglow_changes_job_queue",
    "SELECT, UPDATE ON $app._workglow_gate_job_queue",
    "SELECT, INSERT, UPDATE, DELETE ON $app._workglow_subscribers",
  ],
  limiter: [
    "SELECT, INSERT, UPDATE, DELETE ON $app.job_rate_limit_executions, $app.job_rate_limit_next_available",
  ],
  vectors: ["SELECT, INSERT, UPDATE, DELETE ON $app.vectors"],
} as const;

type Purpose = keyof typeof GRANTS;

const storagesOn = (pool: pg.Pool, app: string) => {
  const options = { schema: app };
  return {
    rows: new PostgresTabularStorage(pool, "rows", schema, ["id"] as const, ["name"], options),
    settings: new PostgresKvStorage(pool, "settings", undefined, undefined, options),
    queue: new PostgresQueueStorage<string, string>(pool, "jobs", options),
    limiter: new PostgresRateLimiterStorage(pool, options),
  };
};

/** Tables that an owner has set up, and storages of a role that has been granted so much. */
async function granted(...purposes: readonly Purpose[]) {
  const { url } = embedded;
  const app = await freshSchema(url);
  const [owner, role] = [await freshRole(url), await freshRole(url)];
  onTestFinished(async () => {
    await app.drop();
    await owner.drop();
    await role.drop();
  });
  const admin = await testClient(url);
  await admin.query(`GRANT USAGE, CREATE ON SCHEMA ${app.name} TO ${owner.name}`);
  const owned = storagesOn(testPool(owner.url), app.name);
  for (const storage of Object.values(owned)) await storage.setupDatabase();
  const migrations = [{ version: 1, steps: [] }];
  await new PostgresKvStorage(testPool(owner.url), "migrated", undefined, undefined, {
    schema: app.name,
    migrations,
  }).setupDatabase();
  for (const grant of purposes.flatMap((purpose) => GRANTS[purpose])) {
    await admin.query(`GRANT ${grant.replaceAll("$app", app.name)} TO ${role.name}`);
  }
  const pool = testPool(role.url);
  const storages = storagesOn(pool, app.name);
  onTestFinished(() => storages.queue[Symbol.asyncDispose]());
  return { ...storages, owned, pool, app: app.name };
}

const refused = { kind: "fatal", code: "PERMISSION" };

describe("a role that does not own the tables, with what the documentation says to grant", () => {
  test("reads and writes rows, and finds that nothing is to be set up", async () => {
    const { rows, settings, pool, app } = await granted(
      "everyone",
      "setUpCheck",
      "rows",
      "generatedKeys",
      "notifications",
    );
    await rows.setupDatabase();
    await settings.setupDatabase();
    const { id } = await rows.put({ name: "a" });
    await rows.putBulk([{ name: "b" }, { name: "c" }]);
    await rows.put({ id: 100, name: "d" });
    await rows.update({ id }, { name: "e" });
    await rows.deleteSearch({ name: "b" });
    await rows.transaction(async (tx) => void (await tx.put({ name: "f" })));
    await withTransaction(
      pool,
      async (tx) => {
        await rows.with(tx).put({ name: "g" });
        await settings.with(tx).put("a", 1);
      },
      { schema: app },
    );
    expect(await rows.size()).toBe(5);
    for await (const _row of rows.records(2));
    await settings.deleteAll();
    expect(await settings.size()).toBe(0);
    await rows.deleteAll();
    expect(await rows.size()).toBe(0);
  });

  test("writes rows that others subscribe to, without any right on their changes", async () => {
    const { rows, owned } = await granted("everyone", "rows", "generatedKeys");
    const heard: unknown[] = [];
    const end = owned.rows.subscribeToChanges(({ new: row }) => void heard.push(row?.name), {
      pollingIntervalMs: 20,
    });
    await end.ready;
    await rows.put({ name: "a" });
    await until(() => heard.length > 0);
    expect(heard).toEqual(["a"]);
    end();
  });

  test("subscribes to changes", async () => {
    const { rows } = await granted("everyone", "rows", "generatedKeys", "changes");
    const heard: unknown[] = [];
    const end = rows.subscribeToChanges(({ new: row }) => void heard.push(row?.name));
    await end.ready;
    await rows.putBulk([{ name: "a" }, { name: "b" }]);
    await until(() => heard.length > 1);
    expect(heard).toEqual(["a", "b"]);
    end();
    await rows[Symbol.asyncDispose]();
  });

  test("works on a queue and a limiter", async () => {
    const { queue, limiter } = await granted("everyone", "queue", "queueChanges", "limiter");
    await queue.setupDatabase();
    await limiter.setupDatabase();
    const heard: unknown[] = [];
    const end = queue.subscribeToChanges(({ type }) => void heard.push(type));
    await end.ready;
    const job = { input: "a", run_after: null, completed_at: null };
    await queue.addMany([job, job, job]);
    const [first, second] = await queue.nextMany("worker", 2);
    if (first === undefined || second === undefined) throw new Error("nothing is claimed");
    await queue.saveProgress(first.id, 50, "half", null);
    await queue.complete({ ...first, status: "COMPLETED", output: "b" });
    await queue.abort(second.id);
    await queue.release(second).catch(() => undefined);
    await queue.deleteJobsByStatusAndAge("COMPLETED", 0);
    await queue.deleteAll();
    expect(await queue.size()).toBe(0);
    await until(() => heard.length >= 5);
    end();
    const token = await limiter.tryReserveExecution("jobs", 1, 60_000);
    expect(token).not.toBeNull();
    await limiter.recordExecution("jobs");
    await limiter.setNextAvailableTime("jobs", new Date().toISOString());
    await limiter.clear("jobs");
  });

  test("that may only read does that, and is refused everything else", async () => {
    const { rows, owned, pool, app } = await granted("everyone");
    const admin = await testClient(embedded.url);
    const { rows: me } = await pool.query("SELECT current_user AS name");
    await admin.query(`GRANT SELECT ON ${app}.rows TO ${me[0].name}`);
    await owned.rows.put({ name: "a" });
    expect(await rows.query({ name: "a" })).toEqual([{ id: 1, name: "a" }]);
    expect(await rows.getMany([{ id: 1 }])).toHaveLength(1);
    expect((await rows.getPage({})).items).toHaveLength(1);
    await expect(rows.put({ id: 1, name: "b" })).rejects.toMatchObject(refused);
    await expect(rows.put({ name: "b" })).rejects.toMatchObject(refused);
    await expect(rows.delete({ id: 1 })).rejects.toMatchObject(refused);
    const end = rows.subscribeToChanges(() => undefined);
    await expect(end.ready).rejects.toMatchObject(refused);
  });

  test("that has been granted nothing is told so", async () => {
    const { rows, settings, queue } = await granted("everyone");
    await expect(rows.get({ id: 1 })).rejects.toMatchObject({
      ...refused,
      message: "rows.get: the role of this connection may not do that",
    });
    await expect(settings.put("a", 1)).rejects.toMatchObject(refused);
    await expect(queue.next("worker")).rejects.toMatchObject(refused);
  });

  test("cannot set up what is missing", async () => {
    const { pool, app } = await granted("everyone", "rows");
    const other = new PostgresKvStorage(pool, "other", undefined, undefined, { schema: app });
    await expect(other.setupDatabase()).rejects.toMatchObject(refused);
  });
});

for (const { url } of main?.hasVector ? [main] : []) {
  test("such a role writes and searches vectors", async () => {
    const app = await freshSchema(url);
    const role = await freshRole(url);
    onTestFinished(async () => {
      await app.drop();
      await role.drop();
    });
    const admin = await testClient(url);
    const vectorsOn = (pool: pg.Pool) =>
      new PostgresVectorStorage(
        pool,
        "vectors",
        vectorSchema,
        ["id"] as const,
        [],
        3,
        Float32Array,
        {
          schema: app.name,
          index: { type: "hnsw" },
        },
      );
    await vectorsOn(testPool(url)).setupDatabase();
    for (const grant of [...GRANTS.everyone, ...GRANTS.vectors]) {
      await admin.query(`GRANT ${grant.replaceAll("$app", app.name)} TO ${role.name}`);
    }
    const vectors = vectorsOn(testPool(role.url));
    await vectors.setupDatabase();
    await vectors.put({ id: "a", vector: new Float32Array([1, 0, 0]) });
    const found = await vectors.similaritySearch(new Float32Array([1, 0.1, 0]), { topK: 1 });
    expect(found.map(({ id }) => id)).toEqual(["a"]);
    await vectors.delete({ id: "a" });
  });
}
