import { JobStatus, type QueueChangePayload } from "@workglow/job-queue";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { completed, freshDatabase, job, newQueue } from "./queueKit.ts";

const REFUSED = "too large for a record";
/** A change holds the job as it was, too. */
const UNTOLD = "too large for a change";

type Held = { readonly output?: unknown };

/** As browsers do with records that they do not take: the call itself throws. */
beforeEach(() => {
  const { put } = IDBObjectStore.prototype;
  vi.spyOn(IDBObjectStore.prototype, "put").mockImplementation(function (
    this: IDBObjectStore,
    record: unknown,
    ...key: [IDBValidKey?]
  ) {
    const { stored, n } = (record ?? {}) as { stored?: Held; n?: Held };
    if (stored?.output === REFUSED || [REFUSED, UNTOLD].includes(n?.output as string)) {
      throw new DOMException("the value is too large", "DataError");
    }
    return put.call(this, record, ...key);
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe("a job that the browser refuses to store", () => {
  it("takes those along that are to be ended with it, and is held as before", async () => {
    await using queue = await newQueue(freshDatabase());
    await queue.addMany([job(), job(), job({ input: "next" })]);
    const claimed = await queue.nextMany("worker", 2);
    const endings = [completed(claimed[0]), completed(claimed[1], REFUSED)];
    await expect(queue.completeMany(endings)).rejects.toThrow(/completeMany/);
    await expect(queue.completeAndNext(endings, "worker", 1)).rejects.toThrow(/completeAndNext/);
    for (const one of claimed) expect(await queue.get(one.id)).toEqual(one);
    expect(await queue.peek()).toMatchObject([{ input: "next", run_attempts: 0 }]);
    await queue.completeMany(claimed.map((one) => completed(one)));
    expect(await queue.size(JobStatus.COMPLETED)).toBe(2);
  });

  it("leaves alone what others call in the same tick, in their order", async () => {
    await using queue = await newQueue(freshDatabase());
    await queue.addMany(Array.from({ length: 4 }, (_, input) => job({ input })));
    const [first, second] = await queue.nextMany("worker", 2);
    const results = await Promise.allSettled([
      queue.add(job({ input: "added" })),
      queue.complete(completed(first)),
      queue.next("before"),
      queue.complete(completed(second, REFUSED)),
      queue.next("after"),
      queue.size(JobStatus.COMPLETED),
      queue.add(job({ input: "added later" })),
    ]);
    expect(results).toMatchObject([
      { status: "fulfilled" },
      { status: "fulfilled" },
      { status: "fulfilled", value: { input: 2, run_attempts: 1 } },
      { status: "rejected" },
      { status: "fulfilled", value: { input: 3, run_attempts: 1 } },
      { status: "fulfilled", value: 1 },
      { status: "fulfilled" },
    ]);
    expect(await queue.get(second?.id)).toEqual(second);
    expect((await queue.peek()).map(({ input }) => input)).toEqual(["added", "added later"]);
    await queue.complete(completed(second));
  });

  it.each([REFUSED, UNTOLD])("is told of to nobody (%s)", async (output) => {
    await using queue = await newQueue(freshDatabase());
    const told: QueueChangePayload<unknown, unknown>[] = [];
    const ids = await queue.addMany([job(), job()]);
    using _ = { [Symbol.dispose]: queue.subscribeToChanges((change) => void told.push(change)) };
    await queue.size();
    const claimed = await queue.nextMany("worker", 2);
    const failing = queue.completeMany([completed(claimed[0]), completed(claimed[1], output)]);
    await expect(failing).rejects.toThrow(/completeMany/);
    for (const one of claimed) expect(await queue.get(one.id)).toEqual(one);
    await queue.completeMany(claimed.map((one) => completed(one, "fine")));
    const last = new Map<unknown, unknown>();
    await vi.waitFor(() => {
      for (const { new: now } of told) last.set(now?.id, now?.output);
      expect([...last]).toEqual(ids.map((id) => [id, "fine"]));
    });
    expect(told.filter(({ new: now }) => now?.output === output)).toEqual([]);
  });
});
