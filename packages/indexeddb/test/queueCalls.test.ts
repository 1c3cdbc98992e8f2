import { JobStatus, StaleLeaseError, type StoredJob } from "@workglow/job-queue";
import { StorageValidationError } from "@workglow/util";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  completed,
  freshDatabase,
  job,
  newQueue,
  pause,
  soon,
  spyOnReads,
  spyOnTransactions,
} from "./queueKit.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

describe("calls of one tick", () => {
  it("share one transaction, whatever worker claims", async () => {
    await using queue = await newQueue(freshDatabase());
    await queue.next("worker");
    const transactions = spyOnTransactions();
    const adding = Array.from({ length: 40 }, (_, input) => queue.add(job({ input })));
    expect(await Promise.all(adding)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    expect(transactions.count("readwrite")).toBe(1);
    transactions.clear();
    const claimed = await Promise.all(
      Array.from({ length: 32 }, (_, i) => queue.next(`worker ${i % 4}`)),
    );
    expect(claimed.map((one) => [one?.input, one?.worker_id])).toEqual(
      Array.from({ length: 32 }, (_, i) => [i, `worker ${i % 4}`]),
    );
    expect(transactions.count("readwrite")).toBe(1);
    transactions.clear();
    await Promise.all(claimed.map((one) => queue.complete(completed(one))));
    expect(transactions.count("readwrite")).toBe(1);
    expect(await queue.size(JobStatus.COMPLETED)).toBe(32);
  });

  it("hand jobs over in one transaction", async () => {
    await using queue = await newQueue(freshDatabase());
    await queue.addMany(Array.from({ length: 12 }, (_, input) => job({ input })));
    const held = await queue.nextMany("worker", 4);
    const transactions = spyOnTransactions();
    const next = await Promise.all(
      held.map((one) => queue.completeAndNext([completed(one)], "worker", 2)),
    );
    expect(next.flat().map(({ input }) => input)).toEqual([4, 5, 6, 7, 8, 9, 10, 11]);
    expect(transactions.count("readwrite")).toBe(1);
  });

  it("get the jobs in the order of the calls, and what is stored is what they got", async () => {
    await using queue = await newQueue(freshDatabase());
    await queue.addMany(Array.from({ length: 9 }, (_, input) => job({ input, priority: -input })));
    const claimed = await Promise.all([
      queue.next("a"),
      queue.nextMany("b", 3),
      queue.next("a"),
      queue.nextMany("c", 9),
    ]);
    expect(claimed.flat().map((one) => [one?.worker_id, one?.input])).toEqual([
      ["a", 0],
      ["b", 1],
      ["b", 2],
      ["b", 3],
      ["a", 4],
      ["c", 5],
      ["c", 6],
      ["c", 7],
      ["c", 8],
    ]);
    for (const one of claimed.flat()) expect(await queue.get(one?.id)).toEqual(one);
  });

  it("take effect in the order in which they were made", async () => {
    await using queue = await newQueue(freshDatabase());
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

  it("see what the calls before them did: a retry is claimed, a job that was ended is not", async () => {
    await using queue = await newQueue(freshDatabase());
    const [first, unclaimed] = await queue.addMany([job({ priority: 1 }), job()]);
    const claimed = (await queue.next("worker")) as StoredJob;
    const [, again, , nothing] = await Promise.all([
      queue.complete({ ...claimed, status: JobStatus.PENDING, run_after: null }),
      queue.next("worker"),
      queue.complete({ ...job(), id: unclaimed, status: JobStatus.FAILED, error: "not wanted" }),
      queue.next("worker"),
    ]);
    expect(again).toMatchObject({ id: first, run_attempts: 2 });
    expect(nothing).toBeUndefined();
  });

  it("fail each for itself", async () => {
    await using queue = await newQueue(freshDatabase());
    await queue.addMany([job(), job(), job()]);
    const claimed = await queue.nextMany("worker", 2);
    const results = await Promise.allSettled([
      queue.complete(completed(claimed[0])),
      queue.completeAndNext([{ ...completed(claimed[1]), lease_token: "another" }], "worker", 1),
      queue.complete({ ...completed(claimed[0]), id: {} }),
      queue.next("worker"),
    ]);
    expect(results).toMatchObject([
      { status: "fulfilled" },
      { status: "rejected", reason: expect.any(StaleLeaseError) },
      { status: "rejected", reason: expect.any(StorageValidationError) },
      { status: "fulfilled", value: { id: 3 } },
    ]);
  });

  it("with a signal of their own travel alone", async () => {
    await using queue = await newQueue(freshDatabase());
    await queue.addMany([job(), job(), job()]);
    const { signal } = new AbortController();
    const claimed = await Promise.all([
      queue.next("worker"),
      queue.next("worker", { signal }),
      queue.next("worker"),
    ]);
    expect(new Set(claimed.map((one) => one?.id))).toEqual(new Set([1, 2, 3]));
  });
});

describe("what a claim reads", () => {
  it("is the job, however many others are delayed or finished", async () => {
    await using queue = await newQueue(freshDatabase());
    const many = 10_000;
    await queue.addMany(Array.from({ length: many }, () => job()));
    await queue.completeMany((await queue.nextMany("worker", many)).map((one) => completed(one)));
    const delayed = job({ priority: 9, run_after: soon(3_600_000) });
    await queue.addMany(Array.from({ length: many }, () => delayed));
    await queue.addMany([job({ input: "ready" }), job({ input: "next" })]);
    // Looks for the dead, which is not what is counted.
    await queue.release((await queue.next("worker")) as StoredJob);
    const reads = spyOnReads();
    const claimed = await queue.next("worker");
    expect(claimed?.input).toBe("ready");
    // The job, and who listens to changes.
    expect(reads.rows()).toBeLessThanOrEqual(2);
    reads.clear();
    await queue.complete(completed(claimed));
    expect(reads.rows()).toBeLessThanOrEqual(2);
    reads.clear();
    expect(await queue.outputForInput("ready")).toBe("done");
    expect((await queue.peek(JobStatus.PENDING, 3)).map(({ input }) => input)).toEqual([
      "next",
      1,
      1,
    ]);
    expect(await queue.size()).toBe(many + 1);
    expect(reads.rows()).toBeLessThanOrEqual(5);
  }, 60_000);
});

describe("what is due", () => {
  it("goes by priority once its time has come, however much comes due at once", async () => {
    await using queue = await newQueue(freshDatabase());
    const at = soon(1500);
    await queue.addMany([
      job({ input: "plain" }),
      ...Array.from({ length: 1200 }, (_, input) =>
        job({ input, priority: input % 3, run_after: at }),
      ),
    ]);
    expect((await queue.peek(JobStatus.PENDING, 1))[0]?.input).toBe("plain");
    await pause(Date.parse(at) - Date.now() + 20);
    const first = { input: 2, priority: 2, run_after: at };
    expect((await queue.peek(JobStatus.PENDING, 1))[0]).toMatchObject(first);
    const claimed = await queue.nextMany("worker", 500);
    expect(claimed[0]).toMatchObject(first);
    const rest = await queue.nextMany("worker", 1000);
    const expected = [2, 1, 0].flatMap((rank) =>
      Array.from({ length: 400 }, (_, i) => 3 * i + rank),
    );
    expect([...claimed, ...rest].map(({ input }) => input)).toEqual([
      ...expected.slice(0, 800),
      "plain",
      ...expected.slice(800),
    ]);
  });
});

describe("deleting", () => {
  it("takes old jobs away a page at a time, so that others get their turn", async () => {
    await using queue = await newQueue(freshDatabase());
    await queue.addMany(Array.from({ length: 1100 }, () => job()));
    await queue.completeMany((await queue.nextMany("worker", 1100)).map((one) => completed(one)));
    await queue.add(job());
    const transactions = spyOnTransactions();
    await queue.deleteJobsByStatusAndAge(JobStatus.COMPLETED, 0);
    expect(transactions.count("readwrite")).toBe(3);
    expect([await queue.size(JobStatus.COMPLETED), await queue.size()]).toEqual([0, 1]);
  });

  it("never gives an id again", async () => {
    await using queue = await newQueue(freshDatabase());
    const ids = await queue.addMany([job(), job()]);
    await queue.deleteAll();
    expect(await queue.add(job())).toBe((ids[1] as number) + 1);
  });
});
