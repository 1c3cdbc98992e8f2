import { IndexedDbDatabase, withTransaction } from "@workglow/indexeddb";
import { JobStatus, type StoredJob } from "@workglow/job-queue";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  completed,
  freshDatabase,
  job,
  newQueue,
  pause,
  soon,
  spyOnTransactions,
} from "./queueKit.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const COUNT = 1700;

/** A queue in which many jobs have come due since anybody looked, the most urgent one last. */
async function withBacklog(database = freshDatabase()) {
  const queue = await newQueue(database);
  const at = soon(150);
  await queue.addMany(
    Array.from({ length: COUNT }, (_, input) => job({ input, priority: input, run_after: at })),
  );
  await pause(Math.max(0, Date.parse(at) - Date.now()) + 20);
  return queue;
}

describe("a backlog of jobs that have come due", () => {
  it("is made ready a page at a time, so that others get their turn", async () => {
    await using queue = await withBacklog();
    const transactions = spyOnTransactions();
    const order: string[] = [];
    const claiming = queue.next("worker").then((claimed) => {
      order.push("claimed");
      return claimed;
    });
    await pause(0);
    await queue.add(job({ input: "meanwhile" }));
    order.push("added");
    expect(await claiming).toMatchObject({ input: COUNT - 1, priority: COUNT - 1 });
    expect(order).toEqual(["added", "claimed"]);
    // One looks, four promote, one claims, one adds; and those that sweep.
    expect(transactions.count("readwrite")).toBeGreaterThanOrEqual(7);
    transactions.clear();
    expect(await queue.next("worker")).toMatchObject({ input: COUNT - 2 });
    expect(transactions.count("readwrite")).toBe(1);
  });

  it("keeps those waiting who claim, and not those who only end jobs", async () => {
    const database = freshDatabase();
    await using queue = await newQueue(database);
    await queue.addMany([job({ input: "held" }), job({ input: "held too" })]);
    const [first, second] = await queue.nextMany("worker", 2);
    const at = soon(100);
    await queue.addMany(Array.from({ length: COUNT }, () => job({ run_after: at })));
    await pause(Math.max(0, Date.parse(at) - Date.now()) + 20);
    const order: string[] = [];
    const note = (name: string) => () => void order.push(name);
    await Promise.all([
      queue.next("worker").then(note("claimed")),
      queue.complete(completed(first)).then(note("ended")),
      queue.completeAndNext([completed(second)], "worker", 1).then(note("handed over")),
      queue.get(first?.id).then((one) => note(String(one?.status))()),
    ]);
    expect(order.slice(0, 2).sort()).toEqual([JobStatus.COMPLETED, "ended"]);
    expect(await queue.size(JobStatus.COMPLETED)).toBe(2);
    expect(await queue.size(JobStatus.PROCESSING)).toBe(2);
  });

  it("becomes less by a claim that is given up", async () => {
    await using queue = await withBacklog();
    const controller = new AbortController();
    const transactions = spyOnTransactions();
    const given = queue.next("worker", { signal: controller.signal });
    await vi.waitFor(() => expect(transactions.count("readwrite")).toBe(2), { interval: 1 });
    controller.abort(new Error("no longer wanted"));
    await expect(given).rejects.toThrow("no longer wanted");
    await queue.size();
    const puts = vi.spyOn(IDBObjectStore.prototype, "put");
    expect(await queue.next("worker")).toMatchObject({ input: COUNT - 1 });
    expect(puts.mock.calls.length).toBeLessThan(COUNT - 400);
  });

  it("is claimed in order by all who ask at once, from several connections", async () => {
    const database = freshDatabase();
    await using queue = await withBacklog(database);
    await using other = await newQueue(new IndexedDbDatabase(database.name));
    const claimed = await Promise.all(
      [queue, other, queue, other].map((one) => one.nextMany("worker", 10)),
    );
    const priorities = claimed.flat().map(({ priority }) => priority);
    expect(priorities.sort((a, b) => b - a)).toEqual(
      Array.from({ length: 40 }, (_, i) => COUNT - 1 - i),
    );
  });

  it("is claimed from in one piece inside a transaction", async () => {
    const database = freshDatabase();
    await using queue = await withBacklog(database);
    await withTransaction(database, async (tx) => {
      expect(await queue.with(tx).next("worker")).toMatchObject({ input: COUNT - 1 });
    });
    expect(await queue.size(JobStatus.PROCESSING)).toBe(1);
  });
});

describe("limits beyond what IndexedDB counts to", () => {
  const HUGE = [2 ** 32, Number.MAX_SAFE_INTEGER];

  it.each(HUGE)("%d: give all that there is", async (limit) => {
    // As browsers do, and IndexedDB's stand-in may not.
    const { getAll, getAllKeys } = IDBIndex.prototype;
    const checked = (count: number | undefined): void => {
      if (count !== undefined && count > 2 ** 32 - 1) throw new TypeError("out of range");
    };
    vi.spyOn(IDBIndex.prototype, "getAll").mockImplementation(function (this: IDBIndex, ...args) {
      checked(args[1]);
      return getAll.apply(this, args);
    });
    vi.spyOn(IDBIndex.prototype, "getAllKeys").mockImplementation(function (
      this: IDBIndex,
      ...args
    ) {
      checked(args[1]);
      return getAllKeys.apply(this, args);
    });
    await using queue = await newQueue(freshDatabase());
    await queue.addMany([job(), job(), job({ run_after: soon(60_000) })]);
    expect(await queue.peek(JobStatus.PENDING, limit)).toHaveLength(3);
    const claims = await Promise.all([queue.next("a"), queue.nextMany("b", limit)]);
    expect(claims).toMatchObject([{ id: 1 }, [{ id: 2 }]]);
    expect(await queue.peek(JobStatus.PROCESSING, limit)).toHaveLength(2);
    expect(await queue.peek(JobStatus.COMPLETED, limit)).toEqual([]);
  });
});

describe("jobs that are held", () => {
  it("are renewed and looked through without their inputs being read", async () => {
    await using queue = await newQueue(freshDatabase(), { leaseMs: 150 });
    await queue.addMany(
      Array.from({ length: 60 }, (_, input) => job({ input, priority: input % 3 })),
    );
    // Two claims, so that the order of the tokens is not that of the jobs.
    const last = await queue.nextMany("worker", 30);
    const claimed: StoredJob[] = [...last, ...(await queue.nextMany("worker", 30))];
    await queue.abort(claimed[0]?.id);
    const renewals = vi.spyOn(queue as never as { _renew(): Promise<unknown> }, "_renew");
    let records = 0;
    for (const method of ["get", "getAll", "openCursor"] as const) {
      for (const of of [IDBIndex.prototype, IDBObjectStore.prototype]) {
        const original = of[method] as (...args: unknown[]) => IDBRequest;
        vi.spyOn(of, method).mockImplementation(function (this: unknown, ...args: unknown[]) {
          const request = original.apply(this, args);
          request.addEventListener("success", () => {
            const { result } = request;
            const read = Array.isArray(result) ? result : [result?.value ?? result];
            records += read.filter((record) => record?.stored !== undefined).length;
          });
          return request as never;
        });
      }
    }
    await vi.waitFor(() => expect(renewals.mock.settledResults[0]?.type).toBe("fulfilled"));
    const held = (await renewals.mock.results[0]?.value) as readonly object[];
    const byId = (a: { id?: unknown }, b: { id?: unknown }) => Number(a.id) - Number(b.id);
    expect([...held].sort(byId)).toEqual(
      claimed.map(({ id, lease_token }) => ({ id, token: lease_token })).sort(byId),
    );
    expect(records).toBe(0);
    const peeked = await queue.peek(JobStatus.PROCESSING, 5);
    expect(records).toBe(5);
    expect(peeked).toEqual(claimed.slice(1, 6));
    expect((await queue.peek(JobStatus.PROCESSING, 100)).map(({ id }) => id)).toEqual(
      claimed.slice(1).map(({ id }) => id),
    );
  });
});
