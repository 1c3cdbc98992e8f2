import { getLogger, StorageError, setLogger } from "@workglow/util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  type ClaimRequest,
  type ClaimResult,
  type ClaimTerms,
  InMemoryQueueStorage,
  type JobEnding,
  JobStatus,
  type JobStorageFormat,
  type NewJob,
  type StoredJob,
} from "../src/index.ts";

const LEASE_MS = 30_000;
const job = (): JobStorageFormat => ({ input: 1, run_after: null, completed_at: null });

class ConnectionLost extends StorageError {
  constructor() {
    super("the connection was lost", { kind: "transient", code: "CONNECTION" });
  }
}

/** A queue over a line that breaks, before the work reaches the database or after it was done. */
class BrokenLineQueue extends InMemoryQueueStorage {
  public breaks: ("before" | "after")[] = [];
  public readonly calls: string[] = [];
  public renewals: ClaimTerms[] = [];

  protected override _add(jobs: readonly NewJob[], o: undefined) {
    return this.over("add", () => super._add(jobs, o));
  }

  protected override _claim(request: ClaimRequest, terms: ClaimTerms, o: undefined) {
    this.renewals.push(terms);
    return this.over("claim", () => super._claim(request, terms, o)) as Promise<
      ClaimResult<unknown, unknown>
    >;
  }

  protected override _end(endings: readonly JobEnding[], o: undefined) {
    return this.over("end", () => super._end(endings, o));
  }

  protected override _renew(...args: Parameters<InMemoryQueueStorage["_renew"]>) {
    return this.over("renew", () => super._renew(...args));
  }

  private async over<T>(call: string, work: () => T): Promise<Awaited<T>> {
    this.calls.push(call);
    const breaks = this.breaks.shift();
    if (breaks === "before") throw new ConnectionLost();
    const result = await work();
    if (breaks === "after") throw new ConnectionLost();
    return result;
  }
}

let queue: BrokenLineQueue;
const logger = getLogger();
const warn = vi.fn();

beforeEach(() => {
  vi.useFakeTimers();
  warn.mockClear();
  setLogger({ ...logger, warn });
  queue = new BrokenLineQueue("mail", { leaseMs: LEASE_MS });
});
afterEach(() => {
  queue.destroy();
  setLogger(logger);
  vi.useRealTimers();
});

/** The result of a call that may pause before it tries again. */
async function inTime<T>(call: Promise<T>): Promise<T> {
  call.catch(() => undefined);
  await vi.advanceTimersByTimeAsync(5000);
  return call;
}

async function claimOne(): Promise<StoredJob> {
  const claimed = await inTime(queue.next("worker"));
  if (claimed === undefined) throw new Error("there was no job");
  return claimed;
}

describe("a fault that passes", () => {
  test("does not fail next(): it is made again", async () => {
    await queue.add(job());
    queue.breaks = ["before", "before"];
    expect(await claimOne()).toMatchObject({ run_attempts: 1 });
    expect(queue.calls).toEqual(["add", "claim", "claim", "claim"]);
  });

  test("does not fail complete(), even if the work was done and only the answer was lost", async () => {
    await queue.add(job());
    const claimed = await claimOne();
    queue.breaks = ["after", "before"];
    await inTime(queue.complete({ ...claimed, status: JobStatus.COMPLETED, output: 7 }));
    expect(await queue.get(claimed.id)).toMatchObject({ status: JobStatus.COMPLETED, output: 7 });
  });

  test("fails next() when it does not pass", async () => {
    queue.breaks = ["before", "before", "before", "before"];
    await expect(claimOne()).rejects.toMatchObject({ code: "CONNECTION", operation: "next" });
    expect(queue.calls).toHaveLength(4);
  });

  test("fails add(), which might add twice", async () => {
    queue.breaks = ["before"];
    await expect(inTime(queue.add(job()))).rejects.toMatchObject({ code: "CONNECTION" });
    expect(queue.calls).toEqual(["add"]);
  });
});

describe("a claim whose answer was lost", () => {
  test("is given back by a renewal, uncounted, once it cannot be under way any more", async () => {
    const id = await queue.add(job());
    queue.breaks = ["after"];
    expect(await inTime(queue.next("worker"))).toBeUndefined();
    expect(await queue.get(id)).toMatchObject({ status: JobStatus.PROCESSING, run_attempts: 1 });
    await vi.advanceTimersByTimeAsync(LEASE_MS);
    expect(await queue.get(id)).toMatchObject({
      status: JobStatus.PENDING,
      run_attempts: 0,
      lease_token: null,
    });
    expect(await claimOne()).toMatchObject({ run_attempts: 1 });
  });

  test("is FAILED by the renewal when the job was to be aborted", async () => {
    const id = await queue.add(job());
    queue.breaks = ["after"];
    await inTime(queue.next("worker"));
    await queue.abort(id);
    await vi.advanceTimersByTimeAsync(LEASE_MS);
    expect(await queue.get(id)).toMatchObject({ status: JobStatus.FAILED, error: "Job aborted" });
  });

  test("leaves the claims alone whose answers came", async () => {
    await queue.addMany([job(), job()]);
    const claimed = await claimOne();
    queue.breaks = ["after"];
    await inTime(queue.next("worker"));
    await vi.advanceTimersByTimeAsync(3 * LEASE_MS);
    expect(await queue.get(claimed.id)).toMatchObject({ status: JobStatus.PROCESSING });
    await queue.complete({ ...claimed, status: JobStatus.COMPLETED });
  });
});

describe("a renewal that fails", () => {
  test("is told, and the next claim renews in its own transaction", async () => {
    await queue.addMany([job(), job()]);
    await claimOne();
    expect(queue.renewals.at(-1)?.renew).toBe(true);
    queue.breaks = ["before", "before"];
    await vi.advanceTimersByTimeAsync(LEASE_MS * 0.6);
    expect(warn).toHaveBeenCalledWith(
      'Queue "mail" could not renew its lease; it claims no job until it can',
      expect.any(ConnectionLost),
    );
    await claimOne();
    expect(queue.renewals.at(-1)?.renew).toBe(true);
  });

  test("keeps no claim from being made while the lease is fresh", async () => {
    await queue.addMany([job(), job()]);
    await claimOne();
    await claimOne();
    expect(queue.renewals.map(({ renew }) => renew)).toEqual([true, false]);
  });

  test("is not told when it only failed because the queue was destroyed", async () => {
    await queue.add(job());
    await claimOne();
    queue.destroy();
    await vi.advanceTimersByTimeAsync(LEASE_MS);
    expect(warn).not.toHaveBeenCalled();
  });
});
