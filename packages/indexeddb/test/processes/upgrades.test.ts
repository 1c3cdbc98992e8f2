import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Browser } from "../tabs/Browser.ts";
import type { Tab } from "../tabs/Tab.ts";

type Program = typeof import("../tabs/upgrades.page.ts");
const program = new URL("../tabs/upgrades.page.ts", import.meta.url);

let browser: Browser;
beforeAll(async () => {
  browser = await Browser.start();
});
afterAll(() => browser.close());

let databases = 0;
const newDatabase = () => `upgrades ${++databases}`;

/** Ids of rows in the order in which pages were told that they are stored. */
const acknowledged: string[] = [];

async function openTab(): Promise<Tab<Program>> {
  const tab = await browser.openTab<Program>(program);
  await tab.page.exposeFunction("acknowledged", (ids: readonly string[]) => {
    acknowledged.push(...ids);
  });
  return tab;
}

/** Resolves once so many more rows are stored. */
async function moreAcknowledged(count: number): Promise<void> {
  const wanted = acknowledged.length + count;
  await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThanOrEqual(wanted), {
    timeout: 20_000,
    interval: 5,
  });
}

const lost = (stored: readonly string[]) => {
  const found = new Set(stored);
  return acknowledged.filter((id) => !found.has(id));
};

/** A tab that writes all the time, and one that changes what the database is like. */
async function writerAndOther(rows: number) {
  acknowledged.length = 0;
  const database = newDatabase();
  const [writer, other] = [await openTab(), await openTab()];
  await writer.call("open", database, "first");
  await writer.call("fill", rows);
  await other.call("open", database, "first");
  const writing = writer.call("write", "written");
  await moreAcknowledged(60);
  return { writer, other, writing };
}

describe("while a tab writes, another", () => {
  test("adds tables: the writes wait and go on", async () => {
    const { writer, other, writing } = await writerAndOther(10);
    for (let at = 0; at < 5; at++) {
      await other.call("addTable", `table ${at}`);
      await moreAcknowledged(12);
    }
    await writer.call("stop");
    expect(await writing).toEqual([]);
    expect(lost(await other.call("ids"))).toEqual([]);
    await Promise.all([writer.close(), other.close()]);
  });

  test("adds an index over 5,000 rows: it holds these and all that come later", async () => {
    const { writer, other, writing } = await writerAndOther(5000);
    await other.call("setUp", "indexed");
    await moreAcknowledged(60);
    await writer.call("stop");
    expect(await writing).toEqual([]);
    expect(lost(await writer.call("ids"))).toEqual([]);
    const { rows, ...compared } = await other.call("compareIndex", "indexed", "n");
    expect(rows).toBeGreaterThan(5100);
    expect(compared).toEqual({ wrong: [], entries: rows, byIndex: true });
    await Promise.all([writer.close(), other.close()]);
  });

  test("migrates the table: the writer is told that its schema is outdated, and loses nothing", async () => {
    const { writer, other, writing } = await writerAndOther(500);
    await other.call("setUp", "migrated");
    // Each of its four loops ends with it.
    expect(await writing).toEqual(
      Array(4).fill("StorageSchemaMismatchError fatal SCHEMA_MISMATCH"),
    );
    const { rows, ...compared } = await other.call("compareIndex", "migrated", "mark");
    expect(compared).toEqual({ wrong: [], entries: rows, byIndex: true });
    expect(await other.call("wrongMarks")).toBe(0);
    const reloaded = await openTab();
    await reloaded.call("open", `upgrades ${databases}`, "migrated");
    expect(lost(await reloaded.call("ids"))).toEqual([]);
    await Promise.all([writer.close(), other.close(), reloaded.close()]);
  });
});

test("eight tabs and workers set up the same and other tables of a new database at once", async () => {
  const tabs = [await openTab(), await openTab(), await openTab(), await openTab()];
  await Promise.all(tabs.map((tab) => tab.call("startWorker")));
  for (let round = 0; round < 5; round++) {
    const database = newDatabase();
    const own = tabs.map((_, at) => [`page ${at}`, `worker ${at}`] as const);
    await Promise.all(
      tabs.flatMap((tab, at) => {
        const [ofPage, ofWorker] = own[at] as readonly [string, string];
        return [
          tab.call("setUpWithOthers", database, ofPage),
          tab.call("setUpInWorker", database, ofWorker),
        ];
      }),
    );
    const all = own.flat();
    expect(await tabs[0]?.call("tablesOf", database, "shared", ...all)).toEqual({
      shared: [...all].sort(),
      ...Object.fromEntries(all.map((table) => [table, [table]])),
    });
  }
  await Promise.all(tabs.map((tab) => tab.close()));
});

test("an upgrade of one's own may take longer than one waits for others", async () => {
  const database = newDatabase();
  const tab = await openTab();
  await tab.call("open", database, "first", 100);
  await tab.call("fill", 5000);
  await tab.call("setUp", "indexed");
  expect(await tab.call("compareIndex", "indexed", "n")).toMatchObject({ rows: 5000, wrong: [] });
  await tab.close();
});

describe("a tab that does not let go of the database", () => {
  test("makes an upgrade fail in time, and no longer once it is closed", async () => {
    const database = newDatabase();
    const [holder, other] = [await openTab(), await openTab()];
    await other.call("open", database, "first", 500);
    await other.call("put", "early");
    await holder.call("holdOn", database);
    const busy = { name: "StorageBusyError", kind: "transient", code: "BUSY" };
    for (const call of ["setUp", "put", "setUp"] as const) {
      const { error, afterMs } = await other.call("failing", call);
      expect(error).toEqual(busy);
      expect(afterMs).toBeLessThan(1500);
    }
    await holder.close();
    await other.call("setUp", "indexed");
    await other.call("put", "later");
    expect(await other.call("ids")).toEqual(["early", "later"]);
    expect(await other.call("compareIndex", "indexed", "n")).toEqual({
      rows: 2,
      wrong: [],
      entries: 2,
      byIndex: true,
    });
    await other.close();
  });
});
