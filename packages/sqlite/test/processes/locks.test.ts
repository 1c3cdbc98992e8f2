import { describe, expect, it, onTestFinished } from "vitest";
import { Child } from "./Child.ts";
import { opened, scratchFile } from "./scratch.ts";
import { storagesOn } from "./storages.ts";

const LOCKED_MS = 3_000;

/** Storages whose file another program has locked. */
async function whileLocked() {
  const file = scratchFile();
  const db = opened(file);
  const storages = storagesOn(db);
  onTestFinished(() => storages.dispose());
  await storages.setUp();
  await storages.documents.put({ path: "before", size: 1 });
  await storages.queue.add({ input: "before", run_after: null, completed_at: null });
  const holder = new Child("lockHolder", file, LOCKED_MS);
  await holder.message();
  let released = false;
  const release = holder.message(30_000).then(() => {
    released = true;
  });
  return { storages, release, isReleased: () => released };
}

describe("a foreign program that holds the write lock for three seconds", () => {
  it("makes writes wait and succeed, while the event loop keeps turning", async () => {
    const { storages, release } = await whileLocked();
    const { documents, settings, queue, limiter } = storages;
    let turns = 0;
    const timer = setInterval(() => turns++, 5);
    const startedAt = performance.now();
    const writes = Promise.all([
      documents.put({ path: "during", size: 2 }),
      documents.putBulk([{ path: "bulk", size: 3 }]),
      settings.put("during", 1),
      queue.next("worker"),
      queue.add({ input: "during", run_after: null, completed_at: null }),
      limiter.tryReserveExecution("paths", 1, 60_000),
    ]);
    const [, , , claimed, , token] = await writes;
    const waitedMs = performance.now() - startedAt;
    clearInterval(timer);
    await release;
    expect(waitedMs).toBeGreaterThan(LOCKED_MS / 2);
    // With the loop blocked it would turn once for each try to take the lock.
    expect(turns).toBeGreaterThan(waitedMs / 5 / 10);
    expect(claimed?.input).toBe("before");
    expect(token).not.toBeNull();
    expect((await documents.getAll())?.map(({ path }) => path)).toEqual([
      "before",
      "during",
      "bulk",
    ]);
    expect(await settings.get("during")).toBe(1);
    expect((await queue.peek()).map(({ input }) => input)).toEqual(["during"]);
  });

  it("does not keep reads waiting", async () => {
    const { storages, release, isReleased } = await whileLocked();
    const { documents, queue, settings } = storages;
    expect(await documents.size()).toBe(1);
    expect((await documents.query({ path: "before" }))?.length).toBe(1);
    expect(await settings.get("during")).toBeUndefined();
    expect((await queue.peek()).length).toBe(1);
    expect(await queue.size()).toBe(1);
    expect(isReleased(), "whether the lock was released before the reads were done").toBe(false);
    await release;
  });

  it("does not outlast a call's own timeout, and the call then has not happened", async () => {
    const { storages, release, isReleased } = await whileLocked();
    const { documents, queue } = storages;
    const late = documents.put({ path: "late", size: 1 }, { timeoutMs: 300 });
    await expect(late).rejects.toMatchObject({ name: "StorageTimeoutError", kind: "transient" });
    const controller = new AbortController();
    const reason = new Error("the caller left");
    const adding = queue.add(
      { input: "late", run_after: null, completed_at: null },
      { signal: controller.signal },
    );
    setTimeout(() => controller.abort(reason), 100);
    await expect(adding).rejects.toBe(reason);
    expect(isReleased(), "whether the lock was released before the calls gave up").toBe(false);
    await release;
    await documents.put({ path: "after", size: 1 });
    expect((await documents.getAll())?.map(({ path }) => path)).toEqual(["before", "after"]);
    expect(await queue.size()).toBe(1);
  });
});
