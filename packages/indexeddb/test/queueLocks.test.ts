import { IndexedDbDatabase } from "@workglow/indexeddb";
import type { IndexedDbQueueStorage } from "@workglow/indexeddb/job-queue";
import { JobStatus, StaleLeaseError, type StoredJob } from "@workglow/job-queue";
import { afterEach, describe, expect, it, vi } from "vitest";
import { claimSoon, completed, freshDatabase, job, newQueue, pause } from "./queueKit.ts";

const PREFIX = "workglow-queue-instance:";

/** As the browser does when a tab ends: the lock goes, and nothing else happens. */
async function takeLockOf(held: StoredJob): Promise<void> {
  await navigator.locks.request(PREFIX + held.lease_instance, { steal: true }, async () => {});
}

async function lockNames(): Promise<readonly (string | undefined)[]> {
  return ((await navigator.locks.query()).held ?? []).map(({ name }) => name);
}

/** What is stored of the leases. */
async function leasesIn({ name }: IndexedDbDatabase): Promise<readonly object[]> {
  const opening = indexedDB.open(name);
  const db = await new Promise<IDBDatabase>((resolve) => {
    opening.onsuccess = () => resolve(opening.result);
  });
  const reading = db
    .transaction("_workglow_job_leases")
    .objectStore("_workglow_job_leases")
    .getAll();
  const leases = await new Promise<readonly object[]>((resolve) => {
    reading.onsuccess = () => resolve(reading.result);
  });
  db.close();
  return leases;
}

/** A database, as two tabs have it open. */
async function twoTabs(leaseMs?: number) {
  const database = freshDatabase();
  const there = new IndexedDbDatabase(database.name);
  const options = leaseMs === undefined ? {} : { leaseMs };
  return {
    database,
    here: await newQueue(database, options),
    there: await newQueue(there, options),
  };
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("an instance with a Web Lock", () => {
  it("holds it from its first claim to the end", async () => {
    const queue = await newQueue(freshDatabase());
    await queue.add(job());
    const before = await lockNames();
    const claimed = (await queue.next("worker")) as StoredJob;
    expect(await lockNames()).toEqual([...before, PREFIX + claimed.lease_instance]);
    await queue.complete(completed(claimed));
    await queue[Symbol.asyncDispose]();
    expect(await lockNames()).toEqual(before);
  });

  it("loses its jobs in the moment in which its tab ends, long before its lease runs out", async () => {
    const { here, there } = await twoTabs();
    await here.add(job());
    const lost = (await there.next("there")) as StoredJob;
    expect(await here.next("here")).toBeUndefined();
    const start = performance.now();
    await takeLockOf(lost);
    const again = await claimSoon(here);
    expect(performance.now() - start).toBeLessThan(1000);
    expect(again).toMatchObject({ id: lost.id, run_attempts: 2, worker_id: "survivor" });
    await expect(there.complete(completed(lost))).rejects.toThrow(StaleLeaseError);
    await here.complete(completed(again));
    await Promise.all([here[Symbol.asyncDispose](), there[Symbol.asyncDispose]()]);
  });

  it("is missed by a tab that opens only after it has ended", async () => {
    const { database, here, there } = await twoTabs();
    await there.add(job());
    const lost = (await there.next("there")) as StoredJob;
    await takeLockOf(lost);
    expect(await claimSoon(here)).toMatchObject({ id: lost.id, run_attempts: 2 });
    await Promise.all([here[Symbol.asyncDispose](), there[Symbol.asyncDispose]()]);
    expect(await leasesIn(database)).toHaveLength(1);
  });

  it("keeps its jobs while it holds the lock, however old its lease is", async () => {
    const { here, there } = await twoTabs(120);
    await there.add(job());
    // A tab whose timers do not run renews nothing.
    const frozen = vi.spyOn(there as never as { _renew(): Promise<never> }, "_renew");
    frozen.mockImplementation(() => new Promise<never>(() => {}));
    const held = (await there.next("there")) as StoredJob;
    for (let i = 0; i < 30; i++) {
      expect(await here.next("here")).toBeUndefined();
      await pause(20);
    }
    await there.complete(completed(held));
    expect((await here.get(held.id))?.status).toBe(JobStatus.COMPLETED);
    await here[Symbol.asyncDispose]();
    there.destroy();
  });

  it("loses a job that takes longer than its time-out", async () => {
    const { here, there } = await twoTabs(200);
    await here.next("here");
    await there.add(job({ timeout_ms: 50 }));
    const held = (await there.next("there")) as StoredJob;
    expect(await claimSoon(here)).toMatchObject({ id: held.id, run_attempts: 2 });
    await Promise.all([here[Symbol.asyncDispose](), there[Symbol.asyncDispose]()]);
  });

  it("leaves what it still holds at its end to its lease: the work may go on", async () => {
    const { database, here, there } = await twoTabs(400);
    await here.next("here");
    await there.add(job());
    const held = (await there.next("there")) as StoredJob;
    const start = performance.now();
    await there[Symbol.asyncDispose]();
    expect(await lockNames()).not.toContain(PREFIX + held.lease_instance);
    expect(await leasesIn(database)).toContainEqual({
      instance: held.lease_instance,
      expiresMs: expect.any(Number),
      locked: false,
    });
    expect(await claimSoon(here)).toMatchObject({ id: held.id, run_attempts: 2 });
    expect(performance.now() - start).toBeGreaterThan(300);
    await here[Symbol.asyncDispose]();
  });

  it("leaves its jobs to its lease whoever else is at work, on whatever queue", async () => {
    const leaseMs = 1500;
    const { database, here, there } = await twoTabs(leaseMs);
    const other = await newQueue(new IndexedDbDatabase(database.name), { leaseMs: 60 }, "reports");
    await there.add(job());
    // A tab whose timers do not run renews nothing, so that others wait for its lock.
    const timers = vi.spyOn(globalThis, "setInterval").mockReturnValue(0 as never);
    const held = (await there.next("there")) as StoredJob;
    timers.mockRestore();
    for (const from = Date.now(); Date.now() - from < leaseMs + 400; await pause(20)) {
      await other.next("other");
      expect(await here.next("here")).toBeUndefined();
    }
    const start = performance.now();
    await there[Symbol.asyncDispose]();
    while (performance.now() - start < leaseMs - 200) {
      await other.next("other");
      expect(await here.next("here")).toBeUndefined();
      expect(JSON.stringify(await leasesIn(database))).toContain(held.lease_instance);
      await pause(20);
    }
    expect(await claimSoon(here)).toMatchObject({ id: held.id, run_attempts: 2 });
    await Promise.all([here[Symbol.asyncDispose](), other[Symbol.asyncDispose]()]);
  }, 15_000);

  it("leaves no lease behind for ever when its tab ends without a job", async () => {
    const { database, here, there } = await twoTabs(100);
    await there.add(job());
    const done = (await there.next("there")) as StoredJob;
    await there.complete(completed(done));
    vi.spyOn(there as never as { _renew(): Promise<never> }, "_renew").mockImplementation(
      () => new Promise<never>(() => {}),
    );
    await takeLockOf(done);
    await vi.waitFor(
      async () => {
        await here.next("here");
        expect(JSON.stringify(await leasesIn(database))).not.toContain(done.lease_instance);
      },
      { timeout: 5000, interval: 20 },
    );
    await here[Symbol.asyncDispose]();
    there.destroy();
  });
});

describe("where there are no Web Locks", () => {
  it("the lease alone decides", async () => {
    vi.stubGlobal("navigator", {});
    const { database, here, there } = await twoTabs(300);
    vi.unstubAllGlobals();
    await here.next("here");
    await there.add(job());
    vi.spyOn(there as never as { _renew(): Promise<never> }, "_renew").mockImplementation(
      () => new Promise<never>(() => {}),
    );
    const held = (await there.next("there")) as StoredJob;
    expect(await leasesIn(database)).toContainEqual(expect.objectContaining({ locked: false }));
    expect(await lockNames()).not.toContain(PREFIX + held.lease_instance);
    expect(await here.next("here")).toBeUndefined();
    expect(await claimSoon(here)).toMatchObject({ id: held.id, run_attempts: 2 });
    await here[Symbol.asyncDispose]();
    there.destroy();
  });

  it("a context that must not ask for locks goes on without", async () => {
    const request = vi.fn(() => Promise.reject(new DOMException("no locks here", "SecurityError")));
    vi.stubGlobal("navigator", { locks: { request } });
    await using queue = await newQueue(freshDatabase());
    await queue.add(job());
    expect(await queue.next("worker")).toMatchObject({ input: 1 });
    expect(request).toHaveBeenCalledTimes(1);
  });
});

describe("two tabs", () => {
  it("never get the same job, whoever asks when", async () => {
    const { here, there } = await twoTabs();
    await here.addMany(Array.from({ length: 300 }, (_, input) => job({ input })));
    const got: unknown[] = [];
    const drain = async (queue: IndexedDbQueueStorage, batch: number): Promise<void> => {
      for (;;) {
        const claimed = await queue.nextMany("worker", batch);
        if (claimed.length === 0) return;
        got.push(...claimed.map(({ input }) => input));
        await queue.completeMany(claimed.map((one) => completed(one)));
      }
    };
    await Promise.all([drain(here, 1), drain(there, 3), drain(here, 5), drain(there, 1)]);
    expect(got).toHaveLength(300);
    expect(new Set(got).size).toBe(300);
    expect(await there.size(JobStatus.COMPLETED)).toBe(300);
    await Promise.all([here[Symbol.asyncDispose](), there[Symbol.asyncDispose]()]);
  });
});

describe("tabs that come and go", () => {
  it("lose no job and end none twice, wherever they end", async () => {
    const { name } = freshDatabase();
    const count = 200;
    const first = await newQueue(new IndexedDbDatabase(name));
    const backoff = { baseMs: 0, jitter: 0 };
    await first.addMany(Array.from({ length: count }, (_, input) => job({ input, backoff })));
    const acknowledged: unknown[] = [];
    let [claims, deaths] = [0, 0];
    const work = async (tab: number): Promise<void> => {
      let queue = await newQueue(new IndexedDbDatabase(name));
      while (acknowledged.length < count) {
        const claimed = await queue.nextMany(`tab ${tab}`, 3);
        const [one] = claimed;
        if (one !== undefined && deaths < 20 && ++claims % 3 === 0) {
          deaths++;
          // The tab ends in the midst of its jobs, and another is opened in its place.
          await takeLockOf(one);
          queue.destroy();
          queue = await newQueue(new IndexedDbDatabase(name));
          continue;
        }
        await queue.completeMany(claimed.map((done) => completed(done)));
        acknowledged.push(...claimed.map(({ input }) => input));
        if (one === undefined) await pause(10);
      }
      await queue[Symbol.asyncDispose]();
    };
    await Promise.all([0, 1, 2, 3].map(work));
    expect(deaths).toBe(20);
    expect(acknowledged).toHaveLength(count);
    expect(new Set(acknowledged).size).toBe(count);
    expect(await first.size(JobStatus.COMPLETED)).toBe(count);
    const attempts = (await first.peek(JobStatus.COMPLETED, count)).map((one) => one.run_attempts);
    expect(attempts.filter((runs) => runs > 1).length).toBeGreaterThan(0);
    await first[Symbol.asyncDispose]();
  }, 30_000);
});
