import { SqliteQueueStorage } from "@workglow/sqlite/job-queue";
import { describe, expect, it } from "vitest";
import { Child } from "./Child.ts";
import { expectSound, kept, opened, pause, rowsOf, STRESS, scratchFile } from "./scratch.ts";
import { storagesOn } from "./storages.ts";

const KILLS = 5 * STRESS;
const JOBS = 60 * STRESS;

interface Progress {
  readonly documents: string[];
  readonly chunks: { readonly path: string; readonly size: number }[];
  readonly completed: string[];
}

function progressIn(db: Parameters<typeof rowsOf>[0]): Progress {
  const paths = rowsOf<{ path: string }>(db, "SELECT path FROM documents ORDER BY path");
  const done = rowsOf<{ input: string }>(
    db,
    "SELECT input FROM job_queue WHERE status = 'COMPLETED' ORDER BY input",
  );
  return {
    documents: paths.map(({ path }) => path),
    chunks: rowsOf(db, "SELECT path, count(*) AS size FROM chunks GROUP BY path ORDER BY path"),
    completed: done.map(({ input }) => JSON.parse(input) as string),
  };
}

/** Each document with all its chunks and its job completed, or nothing of it. */
function expectWhole(db: Parameters<typeof rowsOf>[0]): number {
  const { documents, chunks, completed } = progressIn(db);
  expect(chunks).toEqual(documents.map((path) => ({ path, size: 3 })));
  expect(completed).toEqual(documents);
  return documents.length;
}

describe("a process killed inside withTransaction of a row, its vectors and a job's end", () => {
  it(
    `leaves all or nothing, ${KILLS} times, and the rest is done without doing any twice`,
    async () => {
      const file = scratchFile();
      const db = opened(file);
      const { queue, setUp, dispose } = storagesOn(db);
      await setUp();
      const inputs = Array.from({ length: JOBS }, (_, i) => `${i}`.padStart(4, "0"));
      await queue.addMany(inputs.map((input) => ({ input, run_after: null, completed_at: null })));
      for (let kill = 0; kill < KILLS; kill++) {
        const before = expectWhole(db);
        const indexer = new Child("indexer", file, `indexer ${kill}`);
        await indexer.message();
        await pause(20 + Math.random() * 100);
        if (indexer.running) await indexer.kill();
        expect(expectWhole(db)).toBeGreaterThanOrEqual(before);
      }
      const last = new Child("indexer", file, "last indexer");
      await last.message();
      expect(await last.message()).toBe("done");
      await last.exited();
      // What the killed ones held comes back with their leases; here it is given back by hand.
      const held = await queue.peek("PROCESSING", JOBS);
      expect(held.length).toBeLessThanOrEqual(KILLS);
      for (const job of held) await queue.release(job);
      const end = new Child("indexer", file, "end");
      await end.message();
      expect(await end.message()).toBe("done");
      expect(expectWhole(db)).toBe(JOBS);
      await dispose();
      expectSound(db);
    },
    120_000 * STRESS,
  );
});

describe("a queue with a short lease", () => {
  it("gives a killed process's job to the next run of the same program", async () => {
    const file = scratchFile();
    const db = opened(file);
    const queue = kept(new SqliteQueueStorage<string>(db, "paths", { leaseMs: 500 }));
    await queue.setupDatabase();
    await queue.add({ input: "a", run_after: null, completed_at: null });
    const first = new SqliteQueueStorage<string>(db, "paths", { leaseMs: 500 });
    expect((await first.next("program"))?.input).toBe("a");
    first.destroy();
    let again: unknown;
    const deadline = Date.now() + 30_000;
    while (again === undefined && Date.now() < deadline) {
      await pause(50);
      again = (await queue.next("program"))?.input;
    }
    expect(again).toBe("a");
  });
});
