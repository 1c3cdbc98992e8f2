import { describe, expect, it } from "vitest";
import { Child } from "./Child.ts";
import { expectSound, opened, rowsOf, STRESS, scratchFile } from "./scratch.ts";
import { storagesOn } from "./storages.ts";

const NAMES = ["a", "b", "c", "d", "e", "f", "g", "h"];

/** Tables and indexes, whatever the order in which they were made. */
function schemaOf(file: string): unknown[] {
  const sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name";
  return rowsOf(opened(file), sql);
}

async function setUpByOne(): Promise<unknown[]> {
  const file = scratchFile();
  const { setUp, dispose } = storagesOn(opened(file));
  await setUp();
  await dispose();
  return schemaOf(file);
}

describe("eight processes that call setupDatabase() at once on a new file", () => {
  for (let round = 0; round < 3 * STRESS; round++) {
    it("make what one makes, for every kind of storage, and work at once", async () => {
      const file = scratchFile();
      const children = NAMES.map((name) => new Child("setupOfAll", file, name));
      await Promise.all(children.map((child) => child.message()));
      for (const child of children) child.send("go");
      const endings = await Promise.all(children.map((child) => child.exited()));
      expect(endings).toEqual(NAMES.map(() => 0));

      const db = opened(file);
      const { documents, chunks, settings, queue, limiter, dispose } = storagesOn(db);
      expect((await documents.getAll())?.map(({ path }) => path).sort()).toEqual(NAMES);
      expect((await chunks.getAll())?.map(({ path }) => path)).toEqual(NAMES);
      expect((await settings.getAll())?.map(({ key }) => key)).toEqual(NAMES);
      expect((await queue.peek()).map(({ input }) => input).sort()).toEqual(NAMES);
      expect(await limiter.getExecutionCount("paths", "2000-01-01T00:00:00Z")).toBe(NAMES.length);
      await dispose();
      expect(schemaOf(file)).toEqual(await setUpByOne());
      expectSound(db);
    });
  }
});
