import { MemoryDatabase, withTransaction } from "@workglow/storage";
import { getLogger, StorageValidationError, setLogger } from "@workglow/util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  InMemoryQueueStorage,
  JobStatus,
  type JobStorageFormat,
  StaleLeaseError,
  type StoredJob,
} from "../src/index.ts";
import type { ClaimLedger } from "../src/storage/ClaimLedger.ts";

const LEASE_MS = 30_000;
const due = { run_after: null, completed_at: null } as const;
const job = (more: Partial<JobStorageFormat> = {}): JobStorageFormat => ({
  input: 1,
  ...due,
  ...more,
});
const completed = (one: StoredJob): JobStorageFormat => ({
  ...one,
  status: JobStatus.COMPLETED,
  output: "done",
});

let database: MemoryDatabase;
let open: InMemoryQueueStorage[];

function newQueue(leaseMs = LEASE_MS): InMemoryQueueStorage {
  const queue = new InMemoryQueueStorage("mail", { database, leaseMs });
  open.push(queue);
  return queue;
}

async function claim(queue: InMemoryQueueStorage): Promise<StoredJob> {
  const claimed = await queue.next("worker");
  if (claimed === undefined) throw new Error("there was no job");
  return claimed;
}

beforeEach(() => {
  vi.useFakeTimers();
  database = new MemoryDatabase();
  open = [];
});
afterEach(() => {
  for (const queue of open) queue.destroy();
  vi.useRealTimers();
});

describe("leases in memory", () => {
  test("a living instance keeps its jobs, however long they take", async () => {
    const [holder, other] = [newQueue(), newQueue()];
    await holder.add(job());
    const claimed = await claim(holder);
    for (let i = 0; i < 20; i++) {
      await vi.advanceTimersByTimeAsync(LEASE_MS / 2);
      expect(await other.next("other")).toBeUndefined();
    }
    await holder.complete(completed(claimed));
    expect(await other.size(JobStatus.COMPLETED)).toBe(1);
  });

  test("claims that were undone leave nothing behind, though none was ever made", async () => {
    const queue = newQueue();
    const { ledger } = (queue as unknown as { attempts: { ledger: ClaimLedger } }).attempts;
    await queue.addMany(Array.from({ length: 50 }, () => job()));
    for (let i = 0; i < 3; i++) {
      await withTransaction(database, async (tx) => {
        expect(await queue.with(tx).nextMany("worker", 50)).toHaveLength(50);
        throw new Error("undo");
      }).catch(() => undefined);
    }
    expect(ledger.isEmpty).toBe(false);
    await vi.advanceTimersByTimeAsync(LEASE_MS);
    expect(ledger.isEmpty).toBe(true);
  });

  test("the jobs of an instance that ended go to others within a lease and a second", async () => {
    const [holder, other] = [newQueue(), newQueue()];
    expect(await other.next("other")).toBeUndefined();
    await vi.advanceTimersByTimeAsync(LEASE_MS);
    const id = await holder.add(job());
    const claimed = await claim(holder);
    holder.destroy();
    await vi.advanceTimersByTimeAsync(LEASE_MS - 1);
    expect(await other.next("other")).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1001);
    const again = await claim(other);
    expect(again).toMatchObject({ id, run_attempts: 2 });
    await expect(newQueue().complete(completed(claimed))).rejects.toBeInstanceOf(StaleLeaseError);
    await other.complete(completed(again));
  });

  test("an instance that starts waits half a lease before it takes from the dead", async () => {
    const holder = newQueue();
    await holder.add(job());
    await claim(holder);
    holder.destroy();
    await vi.advanceTimersByTimeAsync(10 * LEASE_MS);
    const late = newQueue();
    expect(await late.next("late")).toBeUndefined();
    await vi.advanceTimersByTimeAsync(LEASE_MS / 2);
    expect(await late.next("late")).toMatchObject({ run_attempts: 2 });
  });

  test("an instance that ended with nothing claimed leaves no lease behind", async () => {
    const holder = newQueue();
    await holder.add(job());
    await holder.complete(completed(await claim(holder)));
    await holder[Symbol.asyncDispose]();
    const other = newQueue();
    await other.add(job());
    await claim(other);
    const { leases } = (other as unknown as { table: { leases: Map<string, number> } }).table;
    expect([...leases.keys()]).toHaveLength(1);
  });

  test("a job that kills its workers waits from the second crash on, then fails", async () => {
    const other = newQueue(3000);
    await other.next("other");
    await vi.advanceTimersByTimeAsync(3000);
    const id = await other.add(job({ max_retries: 2, backoff: { baseMs: 60_000, jitter: 0 } }));
    const crash = async (attempt: number): Promise<void> => {
      const victim = newQueue(3000);
      expect(await claim(victim)).toMatchObject({ id, run_attempts: attempt });
      victim.destroy();
      await vi.advanceTimersByTimeAsync(5000);
    };
    await crash(1);
    await other.release(await claim(other));
    await crash(2);
    expect(await other.next("other")).toBeUndefined();
    expect(await other.get(id)).toMatchObject({ status: JobStatus.PENDING });
    await vi.advanceTimersByTimeAsync(60_000);
    await crash(3);
    expect(await other.next("other")).toBeUndefined();
    expect(await other.get(id)).toMatchObject({
      status: JobStatus.FAILED,
      error: "Max retries reached",
      run_attempts: 3,
    });
  });

  test("an attempt past its timeout_ms counts as crashed, under a living lease too", async () => {
    const queue = newQueue();
    await queue.next("worker");
    await vi.advanceTimersByTimeAsync(LEASE_MS);
    await queue.add(job({ timeout_ms: 5000 }));
    const slow = await claim(queue);
    await vi.advanceTimersByTimeAsync(4000);
    expect(await queue.next("other")).toBeUndefined();
    await vi.advanceTimersByTimeAsync(2000);
    expect(await queue.next("other")).toMatchObject({ id: slow.id, run_attempts: 2 });
    await expect(queue.complete(completed(slow))).rejects.toBeInstanceOf(StaleLeaseError);
  });
});

describe("claims in memory", () => {
  test("go by priority, then run_after, then the order of adding", async () => {
    const queue = newQueue();
    await queue.addMany([
      job({ input: "later", run_after: "2020-01-02T00:00:00Z" }),
      job({ input: "first", run_after: "2020-01-01T00:00:00Z" }),
      job({ input: "also first", run_after: "2020-01-01T00:00:00Z" }),
      job({ input: "urgent", priority: 1 }),
      job({ input: "whenever", priority: -1, run_after: "2019-01-01T00:00:00Z" }),
    ]);
    const order = ["urgent", "first", "also first", "later", "whenever"];
    expect((await queue.peek()).map(({ input }) => input)).toEqual(order);
    expect((await queue.nextMany("worker", 9)).map(({ input }) => input)).toEqual(order);
  });

  test("leave delayed jobs until they are due, whatever their priority", async () => {
    const queue = newQueue();
    const at = new Date(Date.now() + 60_000).toISOString();
    await queue.addMany([
      job({ input: "delayed", priority: 9, run_after: at }),
      job({ input: "now" }),
    ]);
    expect(await claim(queue)).toMatchObject({ input: "now" });
    expect(await queue.next("worker")).toBeUndefined();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await claim(queue)).toMatchObject({ input: "delayed", run_after: at });
  });

  test("see jobs that came due as claimable, before anybody claims", async () => {
    const queue = newQueue();
    const at = new Date(Date.now() + 1000).toISOString();
    await queue.addMany([
      job({ input: "plain" }),
      job({ input: "urgent", priority: 1, run_after: at }),
    ]);
    const inputs = async () => (await queue.peek()).map(({ input }) => input);
    expect(await inputs()).toEqual(["plain", "urgent"]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await inputs()).toEqual(["urgent", "plain"]);
    expect(await queue.size()).toBe(2);
  });

  test("cost the same whether a thousand jobs wait or two hundred thousand", async () => {
    vi.useRealTimers();
    const cost = async (pending: number): Promise<number> => {
      const queue = new InMemoryQueueStorage("many");
      open.push(queue);
      for (let at = 0; at < pending; at += 10_000) {
        await queue.addMany(Array.from({ length: Math.min(pending, 10_000) }, () => job()));
      }
      let best = Number.POSITIVE_INFINITY;
      for (let round = 0; round < 7; round++) {
        const start = performance.now();
        for (let i = 0; i < 500; i++) {
          await queue.complete(completed(await claim(queue)));
          await queue.add(job());
        }
        best = Math.min(best, performance.now() - start);
      }
      return best;
    };
    const few = await cost(1000);
    expect((await cost(200_000)) / few).toBeLessThan(5);
  });
});

describe("ending an attempt", () => {
  test("a retry keeps its run_after, and what went wrong", async () => {
    const queue = newQueue();
    await queue.add(job());
    const at = new Date(Date.now() + 5000).toISOString();
    const claimed = await claim(queue);
    await queue.saveProgress(claimed.id, 50, "half", { n: 1 });
    await queue.complete({
      ...claimed,
      status: JobStatus.PENDING,
      run_after: at,
      error: "try later",
    });
    expect(await queue.get(claimed.id)).toMatchObject({
      status: JobStatus.PENDING,
      run_after: at,
      run_attempts: 1,
      error: "try later",
      progress: 0,
      progress_message: "",
      progress_details: null,
      worker_id: null,
      completed_at: null,
    });
  });

  test("the last error of a job without attempts left stays readable", async () => {
    const queue = newQueue();
    await queue.add(job({ max_retries: 0 }));
    const claimed = await claim(queue);
    await queue.complete({
      ...claimed,
      status: JobStatus.PENDING,
      error: "no route",
      error_code: "NetError",
    });
    expect(await queue.get(claimed.id)).toMatchObject({
      status: JobStatus.FAILED,
      error: "Max retries reached",
      error_code: "PermanentJobError",
      error_details: { name: "NetError", cause: "no route" },
    });
  });

  test("progress that was saved stays, unless the job brings its own", async () => {
    const queue = newQueue();
    await queue.addMany([job(), job()]);
    const [first, second] = [await claim(queue), await claim(queue)];
    for (const { id } of [first, second]) await queue.saveProgress(id, 30, "reading", { page: 3 });
    await queue.complete({ ...first, status: JobStatus.FAILED, error: "x" });
    await queue.complete({ ...completed(second), progress_message: "all read" });
    expect(await queue.get(first.id)).toMatchObject({
      progress: 30,
      progress_message: "reading",
      progress_details: { page: 3 },
    });
    expect(await queue.get(second.id)).toMatchObject({
      progress: 100,
      progress_message: "all read",
    });
  });

  test("a job that nobody ever claimed may be ended without a token, and no other", async () => {
    const queue = newQueue();
    const id = await queue.add(job());
    await queue.complete({ id, ...job(), status: JobStatus.DISABLED });
    expect(await queue.get(id)).toMatchObject({ status: JobStatus.DISABLED });
    const retried = await queue.add(job());
    const claimed = await claim(queue);
    await queue.complete({ ...claimed, status: JobStatus.PENDING });
    await expect(
      newQueue().complete({ id: retried, ...job(), status: JobStatus.DISABLED }),
    ).rejects.toBeInstanceOf(StaleLeaseError);
  });

  test("completing a job that is not there is a warning", async () => {
    const warn = vi.fn();
    const logger = getLogger();
    setLogger({ ...logger, warn });
    await newQueue().complete({ id: 77, ...job(), status: JobStatus.COMPLETED });
    await newQueue().saveProgress(77, 1, "", null);
    expect(warn.mock.calls.flat()).toEqual([
      "mail.complete: there is no job 77",
      "mail.saveProgress: there is no job 77",
    ]);
    setLogger(logger);
  });

  test("stale attempts among several do not hold up the others, and are named", async () => {
    const queue = newQueue();
    await queue.addMany([job(), job(), job()]);
    const [a, b, c] = (await queue.nextMany("worker", 3)) as [StoredJob, StoredJob, StoredJob];
    await queue.release(b);
    const error = await queue.completeMany([a, b, c].map(completed)).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(StaleLeaseError);
    expect(error).toMatchObject({ code: "STALE_LEASE", kind: "invalid", ids: [b.id] });
    expect(await queue.size(JobStatus.COMPLETED)).toBe(2);
    expect(await queue.get(b.id)).toMatchObject({ status: JobStatus.PENDING, run_attempts: 0 });
  });
});

describe("queues of one memory database", () => {
  test("of the same name are one queue, of others are others", async () => {
    await newQueue().add(job());
    expect(await newQueue().size()).toBe(1);
    expect(await new InMemoryQueueStorage("letters", { database }).size()).toBe(0);
    expect(await new InMemoryQueueStorage("mail").size()).toBe(0);
  });

  test("take back everything with their transaction", async () => {
    const queue = newQueue();
    await queue.addMany([job(), job({ run_after: new Date(Date.now() + 10).toISOString() })]);
    await vi.advanceTimersByTimeAsync(20);
    const before = await queue.peek(JobStatus.PENDING);
    await withTransaction(database, async (tx) => {
      const view = queue.with(tx);
      await view.add(job());
      const [first] = await view.nextMany("worker", 9);
      await view.complete(completed(first as StoredJob));
      await view.deleteAll();
      throw new Error("undo");
    }).catch(() => undefined);
    expect(await queue.peek(JobStatus.PENDING)).toEqual(before);
    expect(await queue.size(JobStatus.COMPLETED)).toBe(0);
  });
});

test.each([[""], ["\0"], [7], ["x".repeat(1001)]])("a queue cannot be called %o", (name) => {
  expect(() => new InMemoryQueueStorage(name as string)).toThrow(StorageValidationError);
});
