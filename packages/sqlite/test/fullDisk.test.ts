import { Sqlite, type SqliteDatabaseHandle } from "@workglow/sqlite";
import { describe, expect, it } from "vitest";
import { expectSound, opened, rowsOf, scratchFile } from "./processes/scratch.ts";
import { storagesOn } from "./processes/storages.ts";

const FULL = { name: "StorageFullError", kind: "fatal" };
const LARGE = "x".repeat(20_000);

/** Takes away all room beyond what the file has, and `pages` more. */
function leaveRoom(db: SqliteDatabaseHandle, pages: number): void {
  const [{ page_count: used } = { page_count: 0 }] = rowsOf<{ page_count: number }>(
    db,
    "PRAGMA page_count",
  );
  db.exec(`PRAGMA max_page_count = ${used + pages}`);
}

function makeRoom(db: SqliteDatabaseHandle): void {
  db.exec("PRAGMA max_page_count = 1000000");
}

for (const driver of ["better-sqlite3", "node:sqlite"] as const) {
  describe(`a full disk, on ${driver}`, () => {
    async function almostFull() {
      await Sqlite.init({ driver });
      const db = opened(scratchFile());
      const storages = storagesOn(db);
      await storages.setUp();
      await storages.documents.put({ path: "before", size: 1 });
      await storages.queue.add({ input: "before", run_after: null, completed_at: null });
      leaveRoom(db, 4);
      return { db, ...storages };
    }

    it("is a typed error for each kind of storage, and nothing is stored", async () => {
      const { db, documents, settings, queue, chunks, dispose } = await almostFull();
      const many = Array.from({ length: 2_000 }, (_, i) => ({ path: `${LARGE}${i}`.slice(-900) }));
      const vector = new Float32Array([1, 2, 3]);
      const places = Array.from({ length: 20_000 }, (_, place) => ({ path: "p", place, vector }));
      await expect(documents.putBulk(many)).rejects.toMatchObject(FULL);
      await expect(settings.put("large", LARGE.repeat(5))).rejects.toMatchObject(FULL);
      await expect(chunks.putBulk(places)).rejects.toMatchObject(FULL);
      const job = { input: LARGE.repeat(5), run_after: null, completed_at: null };
      await expect(queue.add(job)).rejects.toMatchObject(FULL);
      expect((await documents.getAll())?.map(({ path }) => path)).toEqual(["before"]);
      expect(await settings.size()).toBe(0);
      expect(await chunks.size()).toBe(0);
      expect(await queue.size()).toBe(1);
      await dispose();
      expectSound(db);
    });

    it("rejects all writes of one tick together, and what was stored is read", async () => {
      const { settings, documents, dispose } = await almostFull();
      const writes = Array.from({ length: 30 }, (_, i) => settings.put(`${i}`, LARGE));
      const settled = await Promise.allSettled(writes);
      for (const one of settled) {
        expect(one).toMatchObject({ status: "rejected", reason: FULL });
      }
      expect(await settings.getAll()).toBeUndefined();
      expect(await documents.size()).toBe(1);
      await dispose();
    });

    it("is over once there is room: the same storages go on", async () => {
      const { db, settings, documents, queue, dispose } = await almostFull();
      await expect(settings.put("large", LARGE.repeat(5))).rejects.toMatchObject(FULL);
      makeRoom(db);
      await settings.put("large", LARGE.repeat(5));
      await documents.put({ path: "after", size: 2 });
      const claimed = await queue.next("worker");
      expect(claimed?.input).toBe("before");
      await queue.complete({ ...claimed!, status: "COMPLETED", output: LARGE });
      expect(await settings.get("large")).toBe(LARGE.repeat(5));
      expect((await documents.getAll())?.map(({ path }) => path)).toEqual(["before", "after"]);
      expect(await queue.outputForInput("before")).toBe(LARGE);
      await dispose();
      expectSound(db);
    });

    it("fails a transaction as a whole", async () => {
      const { db, documents, dispose } = await almostFull();
      const filling = documents.transaction(async (tx) => {
        await tx.put({ path: "inside", size: 1 });
        await tx.putBulk(
          Array.from({ length: 200 }, (_, i) => ({ path: `${LARGE}${i}`.slice(-900) })),
        );
      });
      await expect(filling).rejects.toMatchObject(FULL);
      expect((await documents.getAll())?.map(({ path }) => path)).toEqual(["before"]);
      makeRoom(db);
      await documents.transaction((tx) => tx.put({ path: "inside", size: 1 }));
      expect(await documents.size()).toBe(2);
      await dispose();
    });
  });
}
