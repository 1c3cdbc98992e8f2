import {
  JobStatus,
  type JobStorageFormat,
  StaleLeaseError,
  type StoredJob,
} from "@workglow/job-queue";
import { SqliteTabularStorage, withTransaction } from "@workglow/sqlite";
import { SqliteQueueStorage, SqliteRateLimiterStorage } from "@workglow/sqlite/job-queue";
import { StorageSchemaMismatchError } from "@workglow/util";
import { describe, expect, it } from "vitest";
import { drivers, openedBy, spiedHandle, type TestHandle, temporaryPath } from "./drivers.ts";

const job = (more: Partial<JobStorageFormat> = {}): JobStorageFormat => ({
  input: 1,
  run_after: null,
  completed_at: null,
  ...more,
});
const completed = (one: StoredJob, output: unknown = "done"): JobStorageFormat => ({
  ...one,
  status: JobStatus.COMPLETED,
  output,
});
const soon = (ms: number) => new Date(Date.now() + ms).toISOString();
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function newQueue(handle: TestHandle, name = "mail", leaseMs = 30_000) {
  const queue = new SqliteQueueStorage(handle, name, { leaseMs });
  await queue.setupDatabase();
  return queue;
}

async function spiedQueue() {
  const { handle, ran } = spiedHandle();
  const queue = await newQueue(handle);
  const count = (pattern: RegExp) => ran.filter((text) => pattern.test(text)).length;
  return { queue, handle, ran, count };
}

const CLAIM = /"status" = 'PROCESSING'/;
const FINISH = /^UPDATE "job_queue" SET "status" = 'COMPLETED'/;

describe("calls of one tick", () => {
  it("share one claim and one transaction", async () => {
    const { queue, ran, count } = await spiedQueue();
    await queue.addMany(Array.from({ length: 40 }, (_, input) => job({ input })));
    ran.length = 0;
    const claimed = await Promise.all(Array.from({ length: 32 }, () => queue.next("worker")));
    expect(claimed.map((one) => one?.input)).toEqual(Array.from({ length: 32 }, (_, i) => i));
    expect(count(CLAIM)).toBe(1);
    expect(count(/^COMMIT/)).toBe(1);
    ran.length = 0;
    await Promise.all(claimed.map((one) => queue.complete(completed(one as StoredJob))));
    expect(count(FINISH)).toBe(32);
    expect(count(/^COMMIT/)).toBe(1);
  });

  it("get the jobs in the order of the calls, whoever makes them", async () => {
    const { queue } = await spiedQueue();
    await queue.addMany(Array.from({ length: 9 }, (_, input) => job({ input, priority: -input })));
    const claimed = await Promise.all([
      queue.next("a"),
      queue.nextMany("b", 3),
      queue.next("a"),
      queue.next("a"),
      queue.nextMany("c", 9),
    ]);
    expect(claimed.flat().map((one) => [one?.worker_id, one?.input])).toEqual([
      ["a", 0],
      ["b", 1],
      ["b", 2],
      ["b", 3],
      ["a", 4],
      ["a", 5],
      ["c", 6],
      ["c", 7],
      ["c", 8],
    ]);
    for (const one of claimed.flat()) {
      expect(await queue.get(one?.id)).toEqual(one);
    }
  });

  it("take effect in the order in which they were made, whatever is shared", async () => {
    const { queue } = await spiedQueue();
    const early = queue.next("worker");
    const id = queue.add(job());
    const [first, second] = [queue.next("worker"), queue.next("worker")];
    expect(await early).toBeUndefined();
    expect((await first)?.id).toBe(await id);
    expect(await second).toBeUndefined();

    const claimed = (await first) as StoredJob;
    const before = queue.get(claimed.id);
    const done = queue.complete(completed(claimed));
    const after = queue.get(claimed.id);
    const deleted = queue.delete(claimed.id);
    expect((await before)?.status).toBe(JobStatus.PROCESSING);
    expect((await after)?.status).toBe(JobStatus.COMPLETED);
    await Promise.all([done, deleted]);
    expect(await queue.get(claimed.id)).toBeUndefined();
  });

  it("fail each for itself", async () => {
    const { queue, handle } = await spiedQueue();
    await queue.addMany(Array.from({ length: 4 }, (_, input) => job({ input })));
    const claimed = await queue.nextMany("worker", 4);
    handle.exec(`CREATE TRIGGER "refusing" BEFORE UPDATE OF "output" ON "job_queue"
      WHEN new."output" = '"bad"' BEGIN SELECT raise(ABORT, 'not this one'); END`);
    const stale = completed({ ...(claimed[3] as StoredJob), lease_token: "another" });
    const results = await Promise.allSettled([
      queue.complete(completed(claimed[0] as StoredJob)),
      queue.complete(completed(claimed[1] as StoredJob, "bad")),
      queue.complete(completed(claimed[2] as StoredJob)),
      queue.complete(stale),
    ]);
    expect(results.map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "rejected",
    ]);
    expect(results[3]).toMatchObject({ reason: expect.any(StaleLeaseError) });
    expect(await queue.size(JobStatus.COMPLETED)).toBe(2);
    expect(await queue.size(JobStatus.PROCESSING)).toBe(2);
  });

  it("with options of their own travel alone", async () => {
    const { queue, ran, count } = await spiedQueue();
    await queue.addMany([job(), job(), job()]);
    ran.length = 0;
    const signal = new AbortController().signal;
    const claimed = await Promise.all([
      queue.next("worker"),
      queue.next("worker", { signal }),
      queue.next("worker"),
    ]);
    expect(new Set(claimed.map((one) => one?.id)).size).toBe(3);
    expect(count(CLAIM)).toBe(3);
  });
});

describe("adding", () => {
  it("writes many jobs with few statements, and gives ids that grow in their order", async () => {
    const { queue, ran, count } = await spiedQueue();
    const ids = await queue.addMany(
      Array.from({ length: 1000 }, (_, input) =>
        job({ input, ...(input === 500 && { tags: ["odd"], run_after: soon(60_000) }) }),
      ),
    );
    expect(ids).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1));
    expect(count(/INSERT INTO "job_queue"/)).toBeLessThan(50);
    expect(await queue.get(501)).toMatchObject({ input: 500, tags: ["odd"] });
    expect(await queue.get(1000)).toMatchObject({ input: 999 });
    ran.length = 0;
    await queue.deleteAll();
    expect(await queue.add(job())).toBe(1001);
  });

  it("stores all jobs or none", async () => {
    const { queue, handle } = await spiedQueue();
    handle.exec(`CREATE TRIGGER "refusing" BEFORE INSERT ON "job_queue"
      WHEN new."input" = '77' BEGIN SELECT raise(ABORT, 'not this one'); END`);
    await expect(
      queue.addMany(Array.from({ length: 100 }, (_, input) => job({ input }))),
    ).rejects.toThrow("mail.addMany: ");
    expect(await queue.size()).toBe(0);
  });
});

describe("what is due", () => {
  it("is not ready before its time, is promoted by the claim, and goes by priority then", async () => {
    const { queue, handle } = await spiedQueue();
    const at = soon(150);
    await queue.addMany([
      job({ input: "plain" }),
      job({ input: "urgent", priority: 5, run_after: at }),
    ]);
    const ready = () =>
      handle.prepare('SELECT "input", "ready" FROM "job_queue" ORDER BY "id"').all();
    expect(ready()).toEqual([
      { input: '"plain"', ready: 1 },
      { input: '"urgent"', ready: 0 },
    ]);
    await pause(200);
    expect((await queue.peek()).map(({ input }) => input)).toEqual(["urgent", "plain"]);
    expect(await queue.next("worker")).toMatchObject({ input: "urgent", run_after: at });
    expect(ready()[1]).toEqual({ input: '"urgent"', ready: 1 });
  });
});

describe("ending attempts", () => {
  it("deletes old jobs in batches, so that others get their turn", async () => {
    const { queue, ran, count } = await spiedQueue();
    await queue.addMany(Array.from({ length: 2500 }, () => job()));
    await queue.completeMany((await queue.nextMany("worker", 2500)).map((one) => completed(one)));
    await queue.add(job());
    ran.length = 0;
    const deleting = queue.deleteJobsByStatusAndAge(JobStatus.COMPLETED, 0);
    const claimed = await queue.next("worker");
    expect(claimed).toBeDefined();
    expect(await queue.size(JobStatus.COMPLETED)).toBeGreaterThan(0);
    await deleting;
    expect(count(/^DELETE FROM "job_queue"/)).toBe(3);
    expect(await queue.size(JobStatus.COMPLETED)).toBe(0);
    expect(await queue.size(JobStatus.PROCESSING)).toBe(1);
  });

  it("deletes nothing for an age before all time", async () => {
    const { queue } = await spiedQueue();
    await queue.add(job());
    await queue.complete(completed((await queue.next("worker")) as StoredJob));
    await queue.deleteJobsByStatusAndAge(JobStatus.COMPLETED, 8e15);
    expect(await queue.size(JobStatus.COMPLETED)).toBe(1);
  });

  it("gives the newest output, and tells fingerprints apart whose hashes are the same", async () => {
    const { queue, handle } = await spiedQueue();
    await queue.addMany([
      job({ fingerprint: "a".repeat(64) }),
      job({ input: 2, fingerprint: `${"a".repeat(63)}b` }),
      job({ input: 3 }),
      job({ input: 3 }),
    ]);
    const claimed = await queue.nextMany("worker", 4);
    for (const [i, one] of claimed.entries()) await queue.complete(completed(one, i));
    const hashes = handle.prepare('SELECT "fingerprint_hash" AS h FROM "job_queue"').all();
    expect(hashes[0]).toEqual(hashes[1]);
    expect(await queue.outputForInput(3)).toBe(3);
    expect(await queue.outputForInput(2)).toBeNull();
  });

  it("a completion and what the job wrote commit together", async () => {
    const { queue, handle } = await spiedQueue();
    const rows = new SqliteTabularStorage(
      handle,
      "rows",
      { type: "object", properties: { id: { type: "integer" } }, required: ["id"] } as const,
      ["id"] as const,
    );
    await rows.setupDatabase();
    await queue.add(job());
    const claimed = (await queue.next("worker")) as StoredJob;
    const writeAndFail = withTransaction(handle, async (tx) => {
      await rows.with(tx).put({ id: 1 });
      await queue.with(tx).complete(completed(claimed));
      throw new Error("on second thought");
    });
    await expect(writeAndFail).rejects.toThrow("on second thought");
    expect([await rows.size(), await queue.size(JobStatus.COMPLETED)]).toEqual([0, 0]);
    await withTransaction(handle, async (tx) => {
      await rows.with(tx).put({ id: 1 });
      await queue.with(tx).complete(completed(claimed));
    });
    expect([await rows.size(), await queue.size(JobStatus.COMPLETED)]).toEqual([1, 1]);
  });
});

describe("leases", () => {
  const leasesOf = (handle: TestHandle) =>
    handle.prepare('SELECT "instance", "expires_at" FROM "_workglow_job_leases"').all();

  it("are one row for each storage instance that has claimed something, and none for others", async () => {
    const { queue, handle } = await spiedQueue();
    const other = await newQueue(handle);
    expect(await other.next("idle")).toBeUndefined();
    expect(leasesOf(handle)).toEqual([]);
    await queue.addMany(Array.from({ length: 50 }, () => job()));
    const claimed = await queue.nextMany("worker", 50);
    const [lease, ...rest] = leasesOf(handle);
    expect(rest).toEqual([]);
    expect(lease?.instance).toBe(claimed[0]?.lease_instance);
    const left = Date.parse(String(lease?.expires_at)) - Date.now();
    expect(left).toBeGreaterThan(28_000);
    expect(left).toBeLessThan(30_100);
    await queue.completeMany(claimed.map((one) => completed(one)));
    await queue[Symbol.asyncDispose]();
    expect(leasesOf(handle)).toEqual([]);
  });

  it("are renewed by the timer alone", async () => {
    const { handle } = await spiedQueue();
    const queue = await newQueue(handle, "mail", 300);
    await queue.add(job());
    await queue.next("worker");
    const [first] = leasesOf(handle);
    const expiry = () => String(leasesOf(handle)[0]?.expires_at);
    await expect.poll(() => expiry() > String(first?.expires_at)).toBe(true);
    await queue[Symbol.asyncDispose]();
    const [last] = leasesOf(handle);
    await pause(250);
    expect(leasesOf(handle)).toEqual([last]);
  });

  it("that are not there count as expired", async () => {
    const path = temporaryPath();
    const [{ open }] = drivers as [(typeof drivers)[number]];
    const holder = await newQueue(openedBy(open, path), "mail", 60_000);
    const handle = openedBy(open, path);
    const other = await newQueue(handle, "mail", 200);
    await other.next("other");
    await holder.add(job());
    await holder.next("holder");
    handle.exec('DELETE FROM "_workglow_job_leases"');
    await expect.poll(() => other.next("other")).toMatchObject({ run_attempts: 2 });
    holder.destroy();
    other.destroy();
  });

  it("that ran out long ago are forgotten", async () => {
    const { queue, handle } = await spiedQueue();
    handle.exec(
      `INSERT INTO "_workglow_job_leases" VALUES ('long gone', '2020-01-01T00:00:00.000Z')`,
    );
    await queue.add(job({ timeout_ms: 1 }));
    const sweeping = await newQueue(handle, "mail", 500);
    const left = async () => {
      await sweeping.next("worker");
      return leasesOf(handle).map(({ instance }) => instance);
    };
    expect(await left()).toContain("long gone");
    await expect.poll(left).not.toContain("long gone");
    sweeping.destroy();
  });
});

describe("the tables", () => {
  it("are named after the tenant columns, whatever these are called", async () => {
    const { handle } = spiedHandle();
    const queue = new SqliteQueueStorage(handle, 'a"b', {
      prefixes: [
        { name: "user id", type: "uuid" },
        { name: 'select"', type: "number" },
      ],
      prefixValues: { "user id": "x' OR 1=1 --", 'select"': -7 },
    });
    await queue.setupDatabase();
    const id = await queue.add(job());
    expect(await queue.get(id)).toMatchObject({ "user id": "x' OR 1=1 --", 'select"': -7 });
    const tables = handle.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    expect(tables.map(({ name }) => name)).toContain('job_queue_user id_select"');
  });

  it("are what schemaSql() prints, and may be made by it", async () => {
    const { handle } = spiedHandle();
    const storages = [new SqliteQueueStorage(handle, "mail"), new SqliteRateLimiterStorage(handle)];
    const definitions = (db: TestHandle) =>
      db.prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").all();
    for (const storage of storages) await storage.setupDatabase();
    const { handle: another } = spiedHandle();
    for (const storage of storages) {
      another.exec(storage.schemaSql());
      another.exec(storage.schemaSql());
    }
    expect(definitions(another)).toEqual(definitions(handle));
    const queue = new SqliteQueueStorage(another, "mail");
    await queue.setupDatabase();
    expect(await queue.add(job())).toBe(1);
  });

  it("that 0.2 made are reported as a mismatch, and left as they are", async () => {
    const { handle } = spiedHandle();
    handle.exec(`CREATE TABLE job_queue (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL, queue TEXT NOT NULL,
      job_run_id TEXT NOT NULL, status TEXT NOT NULL DEFAULT 'PENDING', input TEXT NOT NULL, output TEXT,
      run_attempts INTEGER DEFAULT 0, max_retries INTEGER DEFAULT 10, run_after TEXT, last_ran_at TEXT,
      created_at TEXT, completed_at TEXT, deadline_at TEXT, error TEXT, error_code TEXT, progress REAL DEFAULT 0,
      progress_message TEXT DEFAULT '', progress_details TEXT NULL, worker_id TEXT)`);
    handle.exec(
      `INSERT INTO job_queue (fingerprint, queue, job_run_id, input) VALUES ('f', 'mail', 'r', '1')`,
    );
    const queue = new SqliteQueueStorage(handle, "mail");
    const error = await queue.setupDatabase().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(StorageSchemaMismatchError);
    expect((error as Error).message).toContain("job_queue");
    expect(handle.prepare("SELECT count(*) AS n FROM job_queue").get()).toEqual({ n: 1 });
    expect(
      handle.prepare("SELECT count(*) AS n FROM pragma_table_info('job_queue')").get(),
    ).toEqual({ n: 20 });
  });

  it("get a column and an index that they lack", async () => {
    const { queue, handle } = await spiedQueue();
    await queue.add(job());
    handle.exec('ALTER TABLE "job_queue" DROP COLUMN "tags"');
    handle.exec('ALTER TABLE "job_queue" DROP COLUMN "crashes"');
    const index = handle
      .prepare(`SELECT name FROM sqlite_schema WHERE type = 'index' AND sql LIKE '%"ready" = 1'`)
      .get();
    handle.exec(`DROP INDEX "${String(index?.name)}"`);
    await queue.setupDatabase();
    const id = await queue.add(job({ tags: ["new"] }));
    expect(await queue.get(id)).toMatchObject({ tags: ["new"] });
    expect(
      handle.prepare("SELECT 1 AS there FROM sqlite_schema WHERE name = ?").all(index?.name),
    ).toHaveLength(1);
    expect(await queue.nextMany("worker", 9)).toHaveLength(2);
  });
});

describe("a queue on a path", () => {
  it("opens and closes the file itself", async () => {
    const path = temporaryPath();
    const queue = new SqliteQueueStorage(path, "mail");
    await queue.setupDatabase();
    await queue.add(job({ input: "kept" }));
    await queue[Symbol.asyncDispose]();
    const again = new SqliteQueueStorage(path, "mail");
    expect(await again.next("worker")).toMatchObject({ input: "kept" });
    const limiter = new SqliteRateLimiterStorage(path);
    await limiter.setupDatabase();
    expect(await limiter.tryReserveExecution("mail", 1, 1000)).not.toBeNull();
    await limiter[Symbol.asyncDispose]();
    await again[Symbol.asyncDispose]();
  });
});

describe("changes", () => {
  it("tell of the job, not of what is kept beside it", async () => {
    const { queue } = await spiedQueue();
    const seen: string[] = [];
    const unsubscribe = queue.subscribeToChanges(
      (change) => void seen.push(`${change.type} ${change.new?.status}`),
      { pollingIntervalMs: 10 },
    );
    await unsubscribe.ready;
    await queue.addMany([job({ input: "due soon", run_after: soon(30) }), job({ input: "now" })]);
    await pause(60);
    // Promotes the delayed job, and claims the other.
    await queue.nextMany("worker", 1);
    await expect
      .poll(() => seen)
      .toEqual(["INSERT PENDING", "INSERT PENDING", "UPDATE PROCESSING"]);
    unsubscribe();
  });
});

describe("rate limits", () => {
  it("hold for the longest window there is", async () => {
    const { handle } = spiedHandle();
    const limiter = new SqliteRateLimiterStorage(handle);
    await limiter.setupDatabase();
    const reserve = () => limiter.tryReserveExecution("mail", 1, 3_155_695_200_000);
    expect(await reserve()).not.toBeNull();
    expect(await reserve()).toBeNull();
  });

  it("forget the executions that no window reaches any more, a few at a time", async () => {
    const { handle } = spiedHandle();
    const limiter = new SqliteRateLimiterStorage(handle);
    await limiter.setupDatabase();
    const insert = handle.prepare(
      `INSERT INTO "job_rate_limit_executions" ("queue", "executed_at") VALUES ('mail', '2020-01-01T00:00:00.000Z')`,
    );
    for (let i = 0; i < 350; i++) insert.run();
    const left = () =>
      handle.prepare('SELECT count(*) AS n FROM "job_rate_limit_executions"').get()?.n;
    await limiter.recordExecution("mail");
    expect(left()).toBe(251);
    await limiter.recordExecution("mail");
    expect(left()).toBe(152);
    await limiter.tryReserveExecution("mail", 0, 1000);
    expect(left()).toBe(52);
    await limiter.tryReserveExecution("mail", 5, 1000);
    expect(left()).toBe(3);
  });

  it("forget after a week where no window was named, and after the longest where one was", async () => {
    const { handle } = spiedHandle();
    const limiter = new SqliteRateLimiterStorage(handle);
    await limiter.setupDatabase();
    const [hour, day, epoch] = [3_600_000, 86_400_000, "1970-01-01T00:00:00Z"];
    const insert = handle.prepare(
      'INSERT INTO "job_rate_limit_executions" ("queue", "executed_at") VALUES (?, ?)',
    );
    const insertAged = (queue: string, ageMs: number) =>
      insert.run(queue, new Date(Date.now() - ageMs).toISOString());
    await limiter.setNextAvailableTime("mail", epoch);
    await limiter.tryReserveExecution("yearly", 0, 365 * day);
    for (const queue of ["mail", "yearly"]) {
      insertAged(queue, 7 * day + hour);
      insertAged(queue, 7 * day - hour);
      await limiter.recordExecution(queue);
    }
    expect(await limiter.getExecutionCount("mail", epoch)).toBe(2);
    expect(await limiter.getExecutionCount("yearly", epoch)).toBe(3);
  });

  it("keep what the longest window that was ever asked for reaches", async () => {
    const { handle } = spiedHandle();
    const limiter = new SqliteRateLimiterStorage(handle);
    await limiter.setupDatabase();
    await limiter.tryReserveExecution("mail", 5, 60_000);
    await pause(20);
    await limiter.tryReserveExecution("mail", 5, 1);
    expect(await limiter.getExecutionCount("mail", "2020-01-01T00:00:00Z")).toBe(2);
    expect(await limiter.tryReserveExecution("mail", 2, 60_000)).toBeNull();
  });
});
