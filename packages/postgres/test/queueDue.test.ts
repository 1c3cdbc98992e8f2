import { JobStatus, type JobStorageFormat, type StoredJob } from "@workglow/job-queue";
import { withTransaction } from "@workglow/postgres";
import { PostgresQueueStorage } from "@workglow/postgres/job-queue";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { type Fresh, freshSchema } from "./servers/fresh.ts";

const { embedded } = servers();
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

let fresh: Fresh;
let queues = 0;

beforeAll(async () => {
  fresh = await freshSchema(embedded.url);
});
afterAll(() => fresh.drop());

/** Storages of one queue, each with a pool of its own as another process has it. */
async function processes(count: number) {
  const queueName = `queue ${queues++}`;
  const claims: string[] = [];
  const all = Array.from({ length: count }, () => {
    const pool = new pg.Pool({ connectionString: embedded.url, max: 3 });
    pool.on("connect", (client) => {
      const query = client.query.bind(client) as (...args: unknown[]) => unknown;
      client.query = ((...args: unknown[]) => {
        const text = (args[0] as { readonly text?: string }).text ?? "";
        if (text.includes('"claimed" AS')) claims.push(text);
        return query(...args);
      }) as typeof client.query;
    });
    return { pool, queue: new PostgresQueueStorage(pool, queueName, { schema: fresh.name }) };
  });
  const [first] = all as [(typeof all)[number]];
  await first.queue.setupDatabase();
  onTestFinished(async () => {
    for (const { queue, pool } of all) {
      await queue[Symbol.asyncDispose]();
      await pool.end();
    }
  });
  const table = `"${fresh.name}"."job_queue"`;
  const isDue = `"queue" = '${queueName}' AND "status" = 'PENDING' AND "ready" = 0`;
  /** Adds delayed jobs and waits until they are due; nobody has made them ready then. */
  const comeDue = async (jobs: readonly Partial<JobStorageFormat>[]): Promise<void> => {
    const run_after = new Date(Date.now() + 150).toISOString();
    await first.queue.addMany(
      jobs.map((one) => ({ input: 0, run_after, completed_at: null, ...one })),
    );
    await pause(200);
    const { rows } = await first.pool.query(
      `SELECT count(*)::int AS "due" FROM ${table} WHERE ${isDue} AND "run_after" <= now()`,
    );
    expect(rows).toEqual([{ due: jobs.length }]);
  };
  return { ...first, queues: all.map(({ queue }) => queue), claims, table, isDue, comeDue };
}

/** A client in a transaction, which is rolled back where the test has not ended it. */
async function begun(pool: pg.Pool, isolation: string): Promise<pg.PoolClient> {
  const client = await pool.connect();
  await client.query(`BEGIN ISOLATION LEVEL ${isolation}`);
  onTestFinished(async () => {
    await client.query("ROLLBACK");
    client.release();
  });
  return client;
}

const inputs = (jobs: readonly (StoredJob | undefined)[]) => jobs.map((one) => one?.input);
const numbered = (count: number) => Array.from({ length: count }, (_, input) => ({ input }));

describe.each(["READ COMMITTED", "SERIALIZABLE"])("a claim in an open transaction, %s", (level) => {
  it("leaves to others what it does not take of the jobs that came due", async () => {
    const { pool, queues, comeDue, table, isDue, claims } = await processes(2);
    const [mine, theirs] = queues as [PostgresQueueStorage, PostgresQueueStorage];
    await comeDue(numbered(500));
    const client = await begun(pool, level);
    const inside = <T>(call: (queue: PostgresQueueStorage) => Promise<T>) =>
      withTransaction(pool, (tx) => call(mine.with(tx)), { schema: fresh.name, client });
    expect(await inside((queue) => queue.next("a"))).toMatchObject({ input: 0 });
    // Seen from inside: none but the claimed one has been written.
    const left = await client.query(`SELECT count(*)::int AS "due" FROM ${table} WHERE ${isDue}`);
    expect(left.rows).toEqual([{ due: 499 }]);
    const before = claims.length;
    expect(await theirs.next("b")).toMatchObject({ input: 1 });
    expect(inputs(await theirs.nextMany("b", 100))).toEqual(
      Array.from({ length: 100 }, (_, at) => at + 2),
    );
    expect(claims.length - before).toBe(2);
    await client.query("ROLLBACK");
    expect(await theirs.next("b")).toMatchObject({ input: 0 });
  });
});

describe("a claim in a transaction", () => {
  it("takes by priority of what is ready and what came due, however much came due", async () => {
    const { pool, queue, comeDue } = await processes(1);
    await queue.addMany(
      ["ready 5", "ready 0"].map((input) => ({
        input,
        priority: Number(input.slice(-1)),
        run_after: null,
        completed_at: null,
      })),
    );
    await comeDue([
      ...Array.from({ length: 1200 }, () => ({ input: "low", priority: -1 })),
      { input: "due 7", priority: 7 },
      { input: "due 3", priority: 3 },
    ]);
    const client = await begun(pool, "READ COMMITTED");
    const inside = { schema: fresh.name, client };
    const one = await withTransaction(pool, (tx) => queue.with(tx).next("w"), inside);
    const many = await withTransaction(pool, (tx) => queue.with(tx).nextMany("w", 4), inside);
    expect(inputs([one, ...many])).toEqual(["due 7", "ready 5", "due 3", "ready 0", "low"]);
    const [ended] = many as [StoredJob];
    const more = await withTransaction(
      pool,
      (tx) =>
        queue.with(tx).completeAndNext([{ ...ended, status: JobStatus.COMPLETED }], "w", 1100),
      inside,
    );
    expect(more).toHaveLength(1100);
    await client.query("COMMIT");
    expect(await queue.nextMany("w", 200)).toHaveLength(99);
  });
});

describe("a claim beside one that makes ready what came due", () => {
  it.each(["next", "completeAndNext"])("gets its jobs once they are ready: %s", async (call) => {
    const { pool, queue, comeDue, table, isDue, claims } = await processes(1);
    await queue.add({ input: "held", run_after: null, completed_at: null });
    const held = (await queue.next("w")) as StoredJob;
    await comeDue(numbered(50));
    const client = await begun(pool, "READ COMMITTED");
    await client.query(`UPDATE ${table} SET "ready" = 1 WHERE ${isDue}`);
    claims.length = 0;
    const claimed =
      call === "next"
        ? Promise.all([queue.next("w"), queue.nextMany("x", 2)]).then((all) => all.flat())
        : queue.completeAndNext([{ ...held, status: JobStatus.COMPLETED }], "w", 3);
    await expect.poll(() => claims.length, { interval: 1 }).toBeGreaterThan(1);
    await client.query("COMMIT");
    const jobs = await claimed;
    expect(inputs(jobs)).toEqual([0, 1, 2]);
    for (const one of jobs) expect(await queue.get(one?.id)).toEqual(one);
    expect(await queue.size(JobStatus.COMPLETED)).toBe(call === "next" ? 0 : 1);
    await queue.completeMany(
      jobs.map((one) => ({ ...(one as StoredJob), status: JobStatus.COMPLETED })),
    );
  });

  it("keeps what it gets at first, and does not wait for ever for the rest", async () => {
    const { pool, queue, comeDue, table, isDue, claims } = await processes(1);
    await comeDue(numbered(6));
    const client = await begun(pool, "READ COMMITTED");
    await client.query(`SELECT 1 FROM ${table} WHERE ${isDue} AND input::text <> '4' FOR UPDATE`);
    claims.length = 0;
    const [one, many] = await Promise.all([queue.next("w"), queue.nextMany("x", 3)]);
    expect(inputs([one])).toEqual([4]);
    expect(many).toEqual([]);
    expect(claims).toHaveLength(4);
    claims.length = 0;
    expect(await queue.next("w")).toBeUndefined();
    expect(claims).toHaveLength(4);
    await expect(queue.next("w", { signal: AbortSignal.timeout(5) })).rejects.toThrow();
    await client.query("ROLLBACK");
    claims.length = 0;
    expect(inputs(await queue.nextMany("w", 9))).toEqual([0, 1, 2, 3, 5]);
    // Nothing is due elsewhere, though less was there than asked for.
    expect(await queue.nextMany("w", 9)).toEqual([]);
    expect(claims).toHaveLength(2);
  });

  it("comes away with nothing only when nothing is left", async () => {
    const { queues, comeDue } = await processes(4);
    await comeDue(numbered(500));
    const taken: unknown[] = [];
    const work = async (queue: PostgresQueueStorage, at: number): Promise<number> => {
      for (;;) {
        const claimed = await queue.next(`w${at}`);
        if (claimed === undefined) return queue.size();
        taken.push(claimed.input);
      }
    };
    expect(await Promise.all(queues.map(work))).toEqual([0, 0, 0, 0]);
    expect(new Set(taken).size).toBe(500);
    expect(taken).toHaveLength(500);
  });
});
