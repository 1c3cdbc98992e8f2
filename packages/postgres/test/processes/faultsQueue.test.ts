import { setTimeout as pause } from "node:timers/promises";
import { PostgresTabularStorage } from "@workglow/postgres";
import { PostgresRateLimiterStorage } from "@workglow/postgres/job-queue";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { PostgresServer } from "../../../../scripts/lib/postgres/PostgresServer.ts";
import { startOwnServer } from "../servers/startOwnServer.ts";
import { testClient, testPool } from "../spiedPool.ts";
import { FaultProgram } from "./FaultProgram.ts";
import { faultyQueue } from "./faultyStorages.ts";
import { LossyProxy } from "./LossyProxy.ts";

/** How much longer than usual the tests work: 1, or what the stress script sets. */
const STRESS = Number(process.env.WORKGLOW_STRESS ?? 1);
const TEN_MINUTES = 600_000;

let server: PostgresServer;
beforeAll(async () => {
  server = await startOwnServer();
});
afterAll(() => server?.close());

beforeEach(async () => {
  const admin = await testClient(server.url);
  await admin.query("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
  await opened().setupDatabase();
});

function opened() {
  const queue = faultyQueue(testPool(server.url));
  onTestFinished(() => queue[Symbol.asyncDispose]());
  return queue;
}

async function worker(
  name: string,
  jobs: number,
  { url = server.url, workMs = 4, clock = 0 } = {},
): Promise<FaultProgram> {
  const program = new FaultProgram("faultyQueue", url, name, jobs, workMs, `clock=${clock}`);
  expect(await program.answer()).toBe("ready");
  return program;
}

interface Done {
  readonly input: string;
  readonly status: string;
  readonly run_attempts: number;
  readonly output: string;
}

/** Expects every job to have ended, and each acknowledged completion to be the one that counts. */
async function expectDrained(...programs: readonly FaultProgram[]): Promise<readonly Done[]> {
  for (const program of programs) expect(await program.ended()).toBe(0);
  const lines = programs.flatMap((program) => program.acknowledged());
  const client = await testClient(server.url);
  const { rows } = await client.query<Done>(
    "SELECT input #>> '{}' AS input, status, run_attempts::int, output #>> '{}' AS output FROM job_queue",
  );
  expect(rows.filter(({ status }) => status !== "COMPLETED")).toEqual([]);
  const jobs = new Map(rows.map((row) => [row.input, row]));
  const added = lines.filter((line) => line.startsWith("added ")).map((line) => line.slice(6));
  expect(added.filter((input) => !jobs.has(input))).toEqual([]);
  const completed = lines
    .map((line) => /^completed (\S+) by (.*)$/.exec(line))
    .flatMap((found) => (found ? [{ input: found[1] as string, output: found[2] as string }] : []));
  expect(completed.filter(({ input, output }) => jobs.get(input)?.output !== output)).toEqual([]);
  expect(new Set(completed.map(({ input }) => input)).size).toBe(completed.length);
  expect(completed.length).toBeGreaterThan(0);
  return rows;
}

describe("two processes that drain a queue through pools without listeners", () => {
  test("end every job once while their connections are ended five times a second", async () => {
    const admin = await testClient(server.url);
    const programs = [await worker("a", 1500 * STRESS), await worker("b", 1500 * STRESS)];
    let ended = 0;
    for (let i = 0; i < 15 * STRESS; i++) {
      await pause(200);
      const { rowCount } = await admin.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'faulty'",
      );
      ended += rowCount ?? 0;
    }
    expect(ended).toBeGreaterThan(15);
    await expectDrained(...programs);
  });

  test("end every job when the server crashes and comes back", async () => {
    const programs = [await worker("a", 1000 * STRESS), await worker("b", 1000 * STRESS)];
    for (let i = 0; i < 2 * STRESS; i++) {
      await pause(400);
      await server.stop("immediate");
      await pause(200);
      await server.start();
    }
    await expectDrained(...programs);
  });

  test.each([
    ["and their connections", "connection", 1000],
    ["in silence", "answer", 150],
  ] as const)(
    "end every job through a proxy that loses every fiftieth answer %s",
    async (_, loss, jobs) => {
      await using proxy = await LossyProxy.start(server.port, loss);
      const url = proxy.url(server.url);
      const programs = [
        await worker("a", jobs * STRESS, { url }),
        await worker("b", jobs * STRESS, { url }),
      ];
      proxy.percent = 2;
      await expectDrained(...programs);
      expect(proxy.lost).toBeGreaterThan(0);
    },
  );

  test("are not held up by a session that is idle in a transaction, but for the job it has locked", async () => {
    const queue = opened();
    const first = await queue.add({ input: "locked", run_after: null, completed_at: null });
    const holder = await testClient(server.url);
    await holder.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
    await holder.query("SELECT * FROM job_queue FOR UPDATE");
    const programs = [await worker("a", 300), await worker("b", 300)];
    const deadline = Date.now() + 15_000;
    while ((await queue.size("COMPLETED")) < 600 && Date.now() < deadline) await pause(50);
    expect(await queue.size("COMPLETED")).toBeGreaterThanOrEqual(600);
    // Reads neither wait for the lock nor hide the job.
    expect(await queue.get(first)).toMatchObject({ input: "locked", status: "PENDING" });
    expect((await queue.peek("PENDING")).map(({ input }) => input)).toEqual(["locked"]);
    expect(await queue.size("PENDING")).toBe(1);
    expect(await queue.next("nobody")).toBeUndefined();
    await holder.query("COMMIT");
    await expectDrained(...programs);
  });

  test("run each job once, one's clock being ten minutes ahead and the other's ten behind", async () => {
    const work = { workMs: 60 };
    const programs = [
      await worker("ahead", 100, { ...work, clock: TEN_MINUTES }),
      await worker("behind", 100, { ...work, clock: -TEN_MINUTES }),
      await worker("slow", 10, { workMs: 3_000, clock: TEN_MINUTES }),
    ];
    const startedAt = Date.now();
    const jobs = await expectDrained(...programs);
    expect(Date.now() - startedAt).toBeLessThan(20_000);
    expect(jobs.filter(({ run_attempts }) => run_attempts !== 1)).toEqual([]);
    const client = await testClient(server.url);
    const { rows } = await client.query(
      `SELECT count(*)::int AS wrong FROM job_queue
       WHERE created_at > now() OR completed_at > now() OR completed_at < created_at OR last_ran_at < created_at`,
    );
    expect(rows).toEqual([{ wrong: 0 }]);
  });
});

test("a process that is killed in a loop of adds and completions loses none of them", async () => {
  const killed: FaultProgram[] = [];
  for (let round = 0; round < 3 * STRESS; round++) {
    const program = await worker(`killed ${round}`.replace(" ", "-"), 100_000);
    await pause(200 + Math.random() * 300);
    await program.kill();
    killed.push(program);
  }
  const last = await worker("last", 5);
  expect(await last.ended()).toBe(0);
  await expectDrained(last);
  const client = await testClient(server.url);
  const { rows } = await client.query<Done>(
    "SELECT input #>> '{}' AS input, output #>> '{}' AS output FROM job_queue WHERE status = 'COMPLETED'",
  );
  const outputs = new Map(rows.map(({ input, output }) => [input, output]));
  for (const line of killed.flatMap((program) => program.acknowledged())) {
    const [, kind, input = "", output] = /^(added|completed) (\S+)(?: by (.*))?$/.exec(line) ?? [];
    expect(outputs.has(input)).toBe(true);
    if (kind === "completed") expect(outputs.get(input)).toBe(output);
  }
});

describe.each(["Asia/Tokyo", "America/New_York"])("on a server whose time zone is %s", (zone) => {
  const times = [
    "0001-01-01T00:00:00.000Z",
    "1883-11-18T16:59:59.999Z",
    "1969-12-31T23:59:59.999Z",
    "2024-03-10T06:59:59.999Z",
    "2024-03-10T07:00:00.000Z",
    "2024-11-03T05:30:00.123Z",
    "2024-11-03T06:30:00.123Z",
    "9999-12-31T23:59:59.999Z",
  ];
  beforeAll(async () => {
    await server.stop();
    await server.start({ timezone: zone, datestyle: "SQL, DMY", bytea_output: "escape" });
  });

  test("timestamps and bytes come back as they went in, and compare alike", async () => {
    const rows = new PostgresTabularStorage(
      testPool(server.url),
      "times",
      {
        type: "object",
        properties: {
          at: { type: "string", format: "date-time" },
          bytes: { type: "string", contentEncoding: "blob" },
        },
        required: ["at", "bytes"],
        additionalProperties: false,
      } as const,
      ["at"] as const,
    );
    await rows.setupDatabase();
    const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    await rows.putBulk(times.map((at) => ({ at, bytes })));
    expect(await rows.getAll()).toEqual(times.map((at) => ({ at, bytes })));
    for (const [i, at] of times.entries()) {
      expect(await rows.get({ at })).toEqual({ at, bytes });
      expect(await rows.count({ at: { operator: "<", value: at } })).toBe(i);
    }
  });

  test("jobs run when they are due, and not before", async () => {
    const queue = opened();
    const dueAt = Date.now() + 1_200;
    const id = await queue.add({
      input: "delayed",
      run_after: new Date(dueAt).toISOString(),
      completed_at: null,
    });
    await queue.add({ input: "now", run_after: null, completed_at: null });
    expect((await queue.get(id))?.run_after).toBe(new Date(dueAt).toISOString());
    expect((await queue.next("worker"))?.input).toBe("now");
    let claimed = await queue.next("worker");
    expect(claimed).toBeUndefined();
    while (claimed === undefined) {
      await pause(20);
      claimed = await queue.next("worker");
    }
    expect(claimed.input).toBe("delayed");
    expect(Date.now()).toBeGreaterThanOrEqual(dueAt - 5);
    expect(Date.now()).toBeLessThan(dueAt + 2_000);
    expect(claimed.last_ran_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Math.abs(Date.parse(claimed.last_ran_at ?? "") - Date.now())).toBeLessThan(2_000);
  });

  test("limits count their window by the server's clock", async () => {
    const limiter = new PostgresRateLimiterStorage(testPool(server.url));
    await limiter.setupDatabase();
    expect(await limiter.tryReserveExecution("q", 1, 800)).not.toBeNull();
    expect(await limiter.tryReserveExecution("q", 1, 800)).toBeNull();
    const start = new Date(Date.now() - 60_000).toISOString();
    expect(await limiter.getExecutionCount("q", start)).toBe(1);
    await pause(850);
    expect(await limiter.tryReserveExecution("q", 1, 800)).not.toBeNull();
  });
});
