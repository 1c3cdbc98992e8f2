import {
  JobStatus,
  type JobStorageFormat,
  StaleLeaseError,
  type StoredJob,
} from "@workglow/job-queue";
import { withTransaction } from "@workglow/postgres";
import { PostgresQueueStorage, PostgresRateLimiterStorage } from "@workglow/postgres/job-queue";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { servers } from "../../../scripts/lib/postgres/testServers.ts";
import { type Fresh, freshSchema } from "./servers/fresh.ts";

const { embedded } = servers();
const job = (more: Partial<JobStorageFormat> = {}): JobStorageFormat => ({
  input: 1,
  run_after: null,
  completed_at: null,
  ...more,
});
const jobs = (count: number): JobStorageFormat[] =>
  Array.from({ length: count }, (_, input) => job({ input }));
const completed = (one: StoredJob, output: unknown = "done"): JobStorageFormat => ({
  ...one,
  status: JobStatus.COMPLETED,
  output,
});
const soon = (ms: number) => new Date(Date.now() + ms).toISOString();
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

let fresh: Fresh;
beforeAll(async () => {
  fresh = await freshSchema(embedded.url);
});
afterAll(() => fresh.drop());

let queues = 0;

/** A queue, and the texts of the statements that its pool has sent. */
async function spied(options: { deleteOnCompletion?: boolean; leaseMs?: number } = {}) {
  const pool = new pg.Pool({ connectionString: embedded.url, max: 6 });
  const sent: string[] = [];
  pool.on("connect", (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: unknown[]) => {
      const [config] = args as [string | { readonly text: string }];
      const text = typeof config === "string" ? config : config.text;
      // Now and then the change feed sends some of its own.
      if (/job_|^(?:BEGIN|COMMIT)/.test(text)) sent.push(text);
      return query(...args);
    }) as typeof client.query;
  });
  const queue = new PostgresQueueStorage(pool, `queue ${queues++}`, {
    schema: fresh.name,
    ...options,
  });
  await queue.setupDatabase();
  onTestFinished(async () => {
    await queue[Symbol.asyncDispose]();
    await pool.end();
  });
  /** How many statements a call sends; transactions count with their begin and commit. */
  const journeys = async (call: () => Promise<unknown>): Promise<number> => {
    sent.length = 0;
    await call();
    return sent.length;
  };
  const sql = (text: string, ...values: unknown[]) => pool.query(text, values);
  return { pool, queue, sent, journeys, sql, table: `"${fresh.name}"."job_queue"` };
}

describe("one statement is sent", () => {
  it("by each of the calls that a queue lives on", async () => {
    const { queue, journeys } = await spied();
    expect(await journeys(() => queue.add(job()))).toBe(1);
    expect(await journeys(() => queue.addMany(jobs(5000)))).toBe(1);
    let held: StoredJob[] = [];
    // The first claim takes the lease, too.
    expect(await journeys(async () => held.push((await queue.next("w")) as StoredJob))).toBe(1);
    expect(await journeys(async () => held.push(...(await queue.nextMany("w", 1000))))).toBe(1);
    expect(held).toHaveLength(1001);
    const take = (count: number) => held.splice(0, count);
    const [one] = take(1) as [StoredJob];
    expect(await journeys(() => queue.saveProgress(one.id, 50, "half", { page: 1 }))).toBe(1);
    expect(await journeys(() => queue.get(one.id))).toBe(1);
    expect(await journeys(() => queue.complete(completed(one)))).toBe(1);
    expect(await journeys(() => queue.release(take(1)[0] as StoredJob))).toBe(1);
    const ends = take(90).map((held, at) =>
      at % 3 === 0
        ? completed(held)
        : { ...held, status: at % 3 === 1 ? JobStatus.FAILED : JobStatus.PENDING },
    );
    expect(await journeys(() => queue.completeMany(ends))).toBe(1);
    const ended = take(500).map((one) => completed(one));
    expect(
      await journeys(async () => {
        held = [...held, ...(await queue.completeAndNext(ended, "w", 500))];
      }),
    ).toBe(1);
    expect(held).toHaveLength(1001 - 92);
    expect(await queue.size(JobStatus.COMPLETED)).toBe(531);
  });

  it("also where completed jobs are deleted", async () => {
    const { queue, journeys } = await spied({ deleteOnCompletion: true });
    await queue.addMany(jobs(300));
    const held = await queue.nextMany("w", 300);
    const take = (count: number) => held.splice(0, count).map((one) => completed(one));
    expect(await journeys(() => queue.completeMany(take(100)))).toBe(1);
    expect(await journeys(() => queue.completeAndNext(take(100), "w", 5))).toBe(1);
    expect(await queue.size(JobStatus.PROCESSING)).toBe(100);
  });

  it("by a claim that delayed jobs have come due for, which go by priority", async () => {
    const { queue, journeys, sql, table } = await spied();
    const at = soon(100);
    await queue.addMany([
      job({ input: "plain" }),
      job({ input: "low", priority: -1, run_after: at }),
      job({ input: "urgent", priority: 5, run_after: at }),
    ]);
    await pause(150);
    let claimed: StoredJob | undefined;
    expect(
      await journeys(async () => {
        claimed = await queue.next("w");
      }),
    ).toBe(1);
    expect(claimed).toMatchObject({ input: "urgent", run_after: at });
    const { rows } = await sql(
      `SELECT input #>> '{}' AS input, ready FROM ${table} WHERE queue = $1 ORDER BY id`,
      queue.queueName,
    );
    expect(rows).toEqual([
      { input: "plain", ready: "1" },
      { input: "low", ready: "1" },
      { input: "urgent", ready: "1" },
    ]);
    expect((await queue.nextMany("w", 5)).map(({ input }) => input)).toEqual(["plain", "low"]);
  });
});

describe("more jobs than one claim takes care of that come due at once", () => {
  it("go by priority all the same", async () => {
    const { queue } = await spied();
    const at = soon(300);
    await queue.addMany(jobs(2500).map((one) => ({ ...one, run_after: at })));
    await queue.addMany([
      job({ input: "first", priority: 7, run_after: new Date(Date.parse(at) + 1).toISOString() }),
      job({ input: "plain" }),
    ]);
    await pause(400);
    expect(await queue.next("w")).toMatchObject({ input: "first" });
    expect(await queue.nextMany("w", 3000)).toHaveLength(2501);
  });
});

describe("calls of one tick", () => {
  it("share a statement, whoever makes them, and get the jobs in their order", async () => {
    const { queue, journeys } = await spied();
    expect(await journeys(() => Promise.all(jobs(40).map((one) => queue.add(one))))).toBe(1);
    let claimed: StoredJob[] = [];
    const claims = async () => {
      const all = await Promise.all(
        Array.from({ length: 32 }, (_, i) =>
          i % 5 === 0 ? queue.nextMany(`w${i}`, 2) : queue.next(`w${i}`),
        ),
      );
      claimed = all.flat() as StoredJob[];
    };
    expect(await journeys(claims)).toBe(1);
    expect(claimed.map((one) => one.input)).toEqual(Array.from({ length: 39 }, (_, i) => i));
    expect(claimed.slice(0, 8).map((one) => one.worker_id)).toEqual([
      "w0",
      "w0",
      "w1",
      "w2",
      "w3",
      "w4",
      "w5",
      "w5",
    ]);
    for (const one of claimed) expect(await queue.get(one.id)).toEqual(one);
    const ending = () => Promise.all(claimed.map((one) => queue.complete(completed(one))));
    expect(await journeys(ending)).toBe(1);
    expect(await queue.size(JobStatus.COMPLETED)).toBe(39);
  });

  it("take effect in the order in which they were made, whatever is shared", async () => {
    const { queue } = await spied();
    const id = queue.add(job());
    const [first, second] = [queue.next("worker"), queue.next("worker")];
    expect((await first)?.id).toBe(await id);
    expect(await second).toBeUndefined();

    const claimed = (await first) as StoredJob;
    const before = queue.get(claimed.id);
    const reported = queue.saveProgress(claimed.id, 70, "", null);
    const done = queue.complete(completed(claimed));
    const count = queue.size(JobStatus.COMPLETED);
    const after = queue.get(claimed.id);
    expect(await count).toBe(1);
    const deleted = queue.delete(claimed.id);
    const last = queue.get(claimed.id);
    expect(await before).toMatchObject({ status: JobStatus.PROCESSING, progress: 0 });
    expect(await after).toMatchObject({ status: JobStatus.COMPLETED, progress: 100 });
    await Promise.all([reported, done, deleted]);
    expect(await last).toBeUndefined();

    const again = queue.add(job({ input: "again" }));
    const all = queue.deleteAll();
    const kept = queue.add(job({ input: "kept" }));
    const taken = queue.next("worker");
    expect(await taken).toMatchObject({ input: "kept" });
    await Promise.all([again, all, kept]);
    expect(await queue.size()).toBe(0);
  });

  it("wait for no more than they need to, and never for each other", async () => {
    const { queue } = await spied();
    await queue.addMany(jobs(3));
    const [one, two, three] = (await queue.nextMany("worker", 3)) as StoredJob[] as [
      StoredJob,
      StoredJob,
      StoredJob,
    ];
    const retry = { ...two, status: JobStatus.PENDING };
    const answers = await Promise.allSettled([
      queue.saveProgress(one.id, 1, "", null),
      queue.completeAndNext([completed(one)], "worker", 1),
      queue.release(one),
      queue.completeAndNext([retry], "worker", 1),
      queue.completeAndNext([completed(three)], "worker", 1),
      queue.release(three),
      queue.deleteAll(),
      queue.complete(completed(two)),
      queue.next("worker"),
      queue.add(job()),
      queue.deleteAll(),
      queue.addMany(jobs(2)),
      queue.next("worker"),
    ]);
    expect(answers).toHaveLength(13);
    expect(answers[1]?.status).toBe("fulfilled");
    expect(answers[12]).toMatchObject({ status: "fulfilled", value: { input: 0 } });
    expect(await queue.size()).toBe(1);
  });

  it("hand a job that is given back or retried to a later claim", async () => {
    const { queue } = await spied();
    await queue.add(job());
    for (const end of ["release", "retry"]) {
      const claimed = (await queue.next("worker")) as StoredJob;
      const ending =
        end === "release"
          ? queue.release(claimed)
          : queue.complete({ ...claimed, status: JobStatus.PENDING });
      const again = await queue.next("worker");
      expect(again?.id).toBe(claimed.id);
      await ending;
      await queue.release(again as StoredJob);
    }
    const aborted = queue.abort((await queue.peek())[0]?.id);
    expect(await queue.next("worker")).toBeUndefined();
    await aborted;
  });

  it("fail each for itself", async () => {
    const { queue, sql, table } = await spied();
    await sql(`CREATE OR REPLACE FUNCTION "${fresh.name}".refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN IF new.output::text = '"bad"' OR new.input::text = '"bad"' THEN RAISE 'not this one'; END IF; RETURN new; END $$`);
    await sql(`CREATE TRIGGER refusing BEFORE INSERT OR UPDATE ON ${table}
      FOR EACH ROW EXECUTE FUNCTION "${fresh.name}".refuse()`);
    onTestFinished(async () => void (await sql(`DROP TRIGGER refusing ON ${table}`)));
    const added = await Promise.allSettled([
      queue.add(job({ input: 0 })),
      queue.addMany([job({ input: "good" }), job({ input: "bad" })]),
      queue.addMany(jobs(3)),
    ]);
    expect(added.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    const claimed = await queue.nextMany("worker", 9);
    expect(claimed.map(({ input }) => input)).toEqual([0, 0, 1, 2]);
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
    const { queue, journeys } = await spied();
    await queue.addMany(jobs(3));
    const signal = new AbortController().signal;
    const claims = () =>
      Promise.all([queue.next("w"), queue.next("w", { signal }), queue.next("w")]);
    expect(await journeys(claims)).toBe(2);
    expect(await queue.size(JobStatus.PROCESSING)).toBe(3);
  });
});

describe("calls made while others are under way", () => {
  it("gather into few statements", async () => {
    const { queue, journeys } = await spied();
    await queue.addMany(jobs(640));
    const work = async (_: unknown, at: number): Promise<void> => {
      for (;;) {
        const claimed = await queue.next(`w${at}`);
        if (claimed === undefined) return;
        await queue.complete(completed(claimed));
      }
    };
    const sent = await journeys(() => Promise.all(Array.from({ length: 32 }, work)));
    expect(await queue.size(JobStatus.COMPLETED)).toBe(640);
    // Two for each job would be 1,280.
    expect(sent).toBeLessThan(200);
  });
});

describe("claims", () => {
  it("do not wait for the disk by themselves, but do with an ending or in a transaction", async () => {
    const { queue, sent, pool } = await spied();
    await queue.addMany(jobs(4));
    const lazy = () => sent.filter((text) => text.includes("synchronous_commit")).length;
    const [held] = await queue.nextMany("w", 1);
    expect(lazy()).toBe(1);
    await queue.completeAndNext([completed(held as StoredJob)], "w", 1);
    expect(lazy()).toBe(1);
    await withTransaction(pool, (tx) => queue.with(tx).next("w"), { schema: fresh.name });
    expect(lazy()).toBe(1);
    await queue.next("w");
    expect(lazy()).toBe(2);
  });

  it("pass over jobs whose rows others have locked, which reads show all the same", async () => {
    const { queue, pool, table } = await spied();
    const [first] = await queue.addMany(jobs(2));
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      await client.query(`SELECT 1 FROM ${table} WHERE id = $1 FOR UPDATE`, [first]);
      expect(await queue.get(first)).toMatchObject({ status: JobStatus.PENDING });
      expect(await queue.peek()).toHaveLength(2);
      expect(await queue.size()).toBe(2);
      expect(await queue.next("w")).toMatchObject({ input: 1 });
      expect(await queue.next("w")).toBeUndefined();
    } finally {
      await client.query("ROLLBACK");
      client.release();
    }
    expect(await queue.next("w")).toMatchObject({ input: 0 });
  });
});

describe("adding inside a transaction", () => {
  it("of a client that the caller holds leaves nothing where that is rolled back", async () => {
    const { queue, pool } = await spied();
    const events: unknown[] = [];
    queue.on("add", (id) => events.push(id));
    const client = await pool.connect();
    try {
      for (const end of ["ROLLBACK", "COMMIT"]) {
        await client.query("BEGIN");
        await withTransaction(pool, (tx) => queue.add(job({ input: end }), { tx }), {
          schema: fresh.name,
          client,
        });
        expect(await queue.size()).toBe(0);
        await client.query(end);
      }
    } finally {
      client.release();
    }
    expect((await queue.peek()).map(({ input }) => input)).toEqual(["COMMIT"]);
    expect(await queue.next("w")).toMatchObject({ input: "COMMIT" });
  });
});

describe("names", () => {
  it("that are too long for the database are cut, and tenants still kept apart", async () => {
    const { pool } = await spied();
    const prefixes = ["first", "second"].map((name) => ({
      name: `${name} ${"x".repeat(50)}`,
      type: "uuid" as const,
    }));
    const queueOf = (value: string) =>
      new PostgresQueueStorage(pool, "q", {
        schema: fresh.name,
        prefixes,
        prefixValues: Object.fromEntries(prefixes.map(({ name }) => [name, value])),
      });
    const [mine, theirs] = [queueOf("a"), queueOf("b")];
    await mine.setupDatabase();
    await theirs.add(job());
    expect([await mine.size(), await theirs.size()]).toEqual([0, 1]);
    await Promise.all([mine[Symbol.asyncDispose](), theirs[Symbol.asyncDispose]()]);
  });
});

describe("reserving an execution", () => {
  it("is one transaction of two statements", async () => {
    const { pool, sent } = await spied();
    const limiter = new PostgresRateLimiterStorage(pool, { schema: fresh.name });
    await limiter.setupDatabase();
    sent.length = 0;
    expect(await limiter.tryReserveExecution("api", 1, 60_000)).not.toBeNull();
    expect(sent).toHaveLength(4);
    expect(await limiter.tryReserveExecution("api", 1, 60_000)).toBeNull();
    expect(sent).toHaveLength(8);
  });
});
