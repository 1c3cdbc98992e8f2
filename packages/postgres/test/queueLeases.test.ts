import { JobStatus, type JobStorageFormat, type StoredJob } from "@workglow/job-queue";
import { withTransaction } from "@workglow/postgres";
import { PostgresQueueStorage } from "@workglow/postgres/job-queue";
import type { Transaction } from "@workglow/storage";
import { getLogger, setLogger } from "@workglow/util";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { type Fresh, freshSchema } from "./servers/fresh.ts";
import { startOwnServer } from "./servers/startOwnServer.ts";

const { embedded } = servers();
const job = (input: number): JobStorageFormat => ({ input, run_after: null, completed_at: null });
const completed = (one: StoredJob): JobStorageFormat => ({
  ...one,
  status: JobStatus.COMPLETED,
  output: 1,
});
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

let fresh: Fresh;
beforeAll(async () => {
  fresh = await freshSchema(embedded.url);
});
afterAll(() => fresh.drop());

let queues = 0;

/** Several instances of one queue, each with a pool of its own as in a process of its own. */
async function instances(
  leases: readonly number[],
  { url = embedded.url, schema = fresh.name as string | undefined, max = 4 } = {},
) {
  const name = `lease ${queues++}`;
  const made = leases.map((leaseMs) => {
    const pool = new pg.Pool({ connectionString: url, max });
    // Connections break while the server is down.
    pool.on("error", () => undefined);
    return { pool, queue: new PostgresQueueStorage(pool, name, { schema, leaseMs }) };
  });
  onTestFinished(async () => {
    for (const { pool, queue } of made) {
      await queue[Symbol.asyncDispose]();
      await pool.end();
    }
  });
  await made[0]?.queue.setupDatabase();
  return made;
}

/** What another instance claims within a time, polling. */
async function claimedWithin(ms: number, queue: PostgresQueueStorage) {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    const claimed = await queue.next("thief").catch(() => undefined);
    if (claimed !== undefined) return claimed;
    await pause(20);
  }
  return undefined;
}

/** Claims inside a transaction of the caller's own, and leaves its end to `end`. */
async function claimJoined(
  pool: pg.Pool,
  schema: string,
  queue: PostgresQueueStorage,
  end: string,
) {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const claim = (tx: Transaction) => queue.with(tx).next("worker");
    const claimed = await withTransaction(pool, claim, { client, schema });
    await client.query(end);
    return claimed as StoredJob;
  } finally {
    client.release();
  }
}

const expiryOf = async (pool: pg.Pool, claimed: StoredJob) => {
  const { rows } = await pool.query(
    `SELECT extract(epoch FROM "expires_at" - clock_timestamp()) * 1000 AS "leftMs"
     FROM "${fresh.name}"."_workglow_job_leases" WHERE "instance" = $1`,
    [claimed.lease_instance],
  );
  return Number(rows[0]?.leftMs);
};

describe("after an outage longer than the lease", () => {
  it.each([
    ["polled on", true],
    ["was idle meanwhile", false],
  ])(
    "the living keep their jobs from an instance that %s",
    async (_, polls) => {
      const logger = getLogger();
      setLogger({ ...logger, warn: () => undefined });
      onTestFinished(() => setLogger(logger));
      const server = await startOwnServer();
      onTestFinished(() => server.close());
      const [a, b] = await instances([1500, 1500], { url: server.url, schema: undefined });
      if (a === undefined || b === undefined) throw new Error("two were made");
      await a.queue.add(job(1));
      const held = (await a.queue.next("worker")) as StoredJob;
      expect(await claimedWithin(1000, b.queue)).toBeUndefined();
      await server.stop("fast");
      await (polls ? claimedWithin(2500, b.queue) : pause(2500));
      await server.start();
      expect(await claimedWithin(2000, b.queue)).toBeUndefined();
      await a.queue.complete(completed(held));
      expect(await a.queue.get(held.id)).toMatchObject({ status: JobStatus.COMPLETED });
    },
    40_000,
  );
});

describe("a claim in a transaction of the user's own", () => {
  it("holds after the commit, though nobody tells of it", async () => {
    const [a, b] = await instances([600, 600]);
    if (a === undefined || b === undefined) throw new Error("two were made");
    await a.queue.add(job(1));
    const held = await claimJoined(a.pool, fresh.name, a.queue, "COMMIT");
    expect(await claimedWithin(2000, b.queue)).toBeUndefined();
    const { lease_token: _, ...untold } = completed(held) as StoredJob;
    await a.queue.complete(untold);
    expect(await a.queue.get(held.id)).toMatchObject({ status: JobStatus.COMPLETED });
  });

  it("is forgotten after a rollback once the job is claimed again", async () => {
    const [a] = await instances([30_000]);
    if (a === undefined) throw new Error("one was made");
    await a.queue.add(job(1));
    const undone = await claimJoined(a.pool, fresh.name, a.queue, "ROLLBACK");
    const held = (await a.queue.next("worker")) as StoredJob;
    expect(held).toMatchObject({ id: undone.id, run_attempts: 1 });
    const { lease_token: _, ...untold } = completed(held) as StoredJob;
    await a.queue.complete(untold);
  });
});

describe("a claim in a long transaction", () => {
  it("has a lease that is fresh at the commit, and keeps its job", async () => {
    const [a, b] = await instances([900, 900]);
    if (a === undefined || b === undefined) throw new Error("two were made");
    await a.queue.add(job(1));
    const inside = async (tx: Transaction) => {
      const claimed = await a.queue.with(tx).next("worker");
      await claimedWithin(2000, b.queue);
      return claimed as StoredJob;
    };
    const held = await withTransaction(a.pool, inside, { schema: fresh.name });
    expect(await expiryOf(a.pool, held)).toBeGreaterThan(0);
    expect(await claimedWithin(1500, b.queue)).toBeUndefined();
    await a.queue.complete(completed(held));
  });

  it("leaves the lease's row free: other claims of the instance go on beside it", async () => {
    const [a] = await instances([30_000]);
    if (a === undefined) throw new Error("one was made");
    await a.queue.addMany([job(1), job(2)]);
    const inside = async (tx: Transaction) => {
      const claimed = (await a.queue.with(tx).next("worker")) as StoredJob;
      const client = new pg.Client({ connectionString: embedded.url });
      await client.connect();
      try {
        const { rows } = await client.query(
          `SELECT "instance" FROM "${fresh.name}"."_workglow_job_leases"
           WHERE "instance" = $1 FOR UPDATE SKIP LOCKED`,
          [claimed.lease_instance],
        );
        return rows.length;
      } finally {
        await client.end();
      }
    };
    expect(await withTransaction(a.pool, inside, { schema: fresh.name })).toBe(1);
  });

  it("is made even where the transaction holds the only connection", async () => {
    const [a] = await instances([2000], { max: 1 });
    if (a === undefined) throw new Error("one was made");
    await a.queue.add(job(1));
    const held = (await withTransaction(a.pool, (tx) => a.queue.with(tx).next("worker"), {
      schema: fresh.name,
    })) as StoredJob;
    expect(await expiryOf(a.pool, held)).toBeGreaterThan(0);
    await a.queue.complete(completed(held));
  });

  it("leaves the jobs of the dead to claims outside", async () => {
    const [dead, a] = await instances([300, 900]);
    if (dead === undefined || a === undefined) throw new Error("two were made");
    await dead.queue.add(job(1));
    const lost = (await dead.queue.next("worker")) as StoredJob;
    // Jobs that are held keep their lease, which runs out.
    await dead.queue[Symbol.asyncDispose]();
    await a.queue.next("worker");
    const end = Date.now() + 1500;
    while (Date.now() < end) {
      const inside = (tx: Transaction) => a.queue.with(tx).next("worker");
      expect(
        await withTransaction(a.pool, inside, { schema: fresh.name }),
        "a claim inside",
      ).toBeUndefined();
      await pause(50);
    }
    expect(await claimedWithin(2000, a.queue)).toMatchObject({ id: lost.id });
  });
});
