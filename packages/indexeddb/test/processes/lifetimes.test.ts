import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Browser } from "../tabs/Browser.ts";
import type { Tab } from "../tabs/Tab.ts";

type Program = typeof import("../tabs/lifetimes.page.ts");
const program = new URL("../tabs/lifetimes.page.ts", import.meta.url);

let browser: Browser;
beforeAll(async () => {
  browser = await Browser.start();
});
afterAll(() => browser.close());

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function openTabs(
  count: number,
  { idleLimitMs }: { idleLimitMs?: number } = {},
): Promise<{ readonly tabs: readonly Tab<Program>[]; readonly database: string }> {
  const database = crypto.randomUUID();
  const tabs: Tab<Program>[] = [];
  for (let at = 0; at < count; at++) {
    const tab = await browser.openTab<Program>(program);
    await tab.call("open", database, idleLimitMs);
    tabs.push(tab);
  }
  return { tabs, database };
}

const close = (tabs: readonly Tab<Program>[]) => Promise.all(tabs.map((tab) => tab.close()));

const cdp = ({ page }: Tab<Program>) => page.context().newCDPSession(page);
const originOf = ({ page }: Tab<Program>) => new URL(page.url()).origin;

describe("a transaction whose function waits for other things", () => {
  test("is kept for 1.5 s, and the writes of another tab come after it", async () => {
    const { tabs } = await openTabs(2);
    const [slow, other] = tabs as [Tab<Program>, Tab<Program>];
    const slowly = slow.call("putSlowly", "slow", 1500);
    await pause(300);
    const waited = await other.call("timedPut", "other");
    expect(waited).toBeGreaterThan(900);
    await slowly;
    expect(await other.call("ids")).toEqual(["other", "slow first", "slow last"]);
    expect(await other.call("timedPut", "again")).toBeLessThan(500);
    await close(tabs);
  });

  test("is given up when it hangs, and others go on", async () => {
    const { tabs } = await openTabs(2, { idleLimitMs: 400 });
    const [hanging, other] = tabs as [Tab<Program>, Tab<Program>];
    const hung = hanging.call("hang", "never");
    await pause(100);
    expect(await other.call("timedPut", "other")).toBeLessThan(1500);
    const { error, afterMs } = await hung;
    expect(error).toEqual({ name: "StorageBusyError", kind: "transient", code: "IDLE" });
    expect(afterMs).toBeGreaterThan(399);
    expect(afterMs).toBeLessThan(1500);
    await hanging.call("put", "after");
    expect(await other.call("ids")).toEqual(["after", "other"]);
    await close(tabs);
  });
});

const NAMES = [
  ...["add", "deleteAll", "get", "kv", "next", "put", "putBulk", "query", "size", "update"],
  "within",
];
const notSetUp = Object.fromEntries(NAMES.map((name) => [name, "StorageNotSetUpError"]));

describe("a database that is deleted under open tabs", () => {
  const ways = {
    deleteDatabase: (tab: Tab<Program>, database: string) => tab.call("remove", database),
    "clearing of the site's data": async (tab: Tab<Program>) => {
      const session = await cdp(tab);
      const storageTypes = "indexeddb";
      await session.send("Storage.clearDataForOrigin", { origin: originOf(tab), storageTypes });
    },
  };

  test.each(Object.keys(ways) as (keyof typeof ways)[])(
    "by %s is not set up for any call, and can be set up again",
    async (way) => {
      const { tabs, database } = await openTabs(3);
      const [one, other, remover] = tabs as [Tab<Program>, Tab<Program>, Tab<Program>];
      await one.call("put", "before");
      await other.call("listen", 100);
      await ways[way](remover, database);
      // The tabs are told a moment later.
      await vi.waitFor(() => expect(one.call("ids")).rejects.toThrow("does not exist"));
      expect(await one.call("callAll", true)).toEqual(notSetUp);
      expect(await other.call("callAll", false)).toEqual(notSetUp);
      await one.call("setUp");
      expect(await other.call("ids")).toEqual([]);
      await one.call("put", "after");
      expect(await other.call("ids")).toEqual(["after"]);
      expect(Object.values(await one.call("callAll", false))).toEqual(NAMES.map(() => "done"));
      // Whoever listened before is told to look anew, and goes on.
      await vi.waitFor(async () => {
        await one.call("put", "heard");
        const heard = await other.call("whatWasHeard");
        expect([heard[0], heard.at(-1)]).toEqual(["RESYNC", "heard"]);
      }, 10_000);
      await close(tabs);
    },
  );

  test("while they write: they fail as not set up or transiently, and go on when it is there again", async () => {
    const { tabs, database } = await openTabs(3);
    const [one, other, remover] = tabs as [Tab<Program>, Tab<Program>, Tab<Program>];
    const writing = [one, other].map((tab) => tab.call("write"));
    for (let round = 0; round < 3; round++) {
      await pause(200);
      await remover.call("remove", database);
      await pause(50);
      await remover.call("setUp");
    }
    await pause(200);
    await Promise.all([one.call("stop"), other.call("stop")]);
    const failures = new Set((await Promise.all(writing)).flat());
    failures.delete("StorageBusyError transient");
    expect([...failures].map((failure) => failure.split(" ")[0])).toEqual(["StorageNotSetUpError"]);
    expect((await remover.call("ids")).length).toBeGreaterThan(1);
    await close(tabs);
  });
});

test("a quota that is reached: nothing of the write is stored, and smaller ones go on", async () => {
  // The browser asks for the room seldom: what it was told before is in no other test's way here.
  await using small = await Browser.start();
  const tab = await small.openTab<Program>(program);
  const session = await cdp(tab);
  const origin = originOf(tab);
  await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 6_000_000 });
  await tab.call("open", "quota");
  await tab.call("putFiles", "small", 2, 100);
  const full = { name: "StorageFullError", kind: "fatal" };
  const kept = ["small 0", "small 1"];
  for (const call of ["putFiles", "putWithin"] as const) {
    await expect(tab.call(call, "large", 12, 1000)).rejects.toMatchObject(full);
    expect(await tab.call("ids")).toEqual(kept);
    expect(await tab.call("keys")).toEqual([]);
  }
  await tab.call("putFiles", "smaller", 2, 500);
  expect(await tab.call("ids")).toEqual([...kept, "smaller 0", "smaller 1"]);

  // Until there is no room for a small one either.
  const filling = async () => {
    for (let at = 0; at < 40; at++) await tab.call("putFiles", `more ${at}`, 1, 200);
  };
  await expect(filling()).rejects.toMatchObject(full);
  await tab.call("deleteFiles");
  // The browser takes note of the room a little later.
  await vi.waitFor(() => tab.call("putFiles", "again", 2, 500), { timeout: 10_000, interval: 200 });
  expect(await tab.call("ids")).toEqual(["again 0", "again 1"]);
});
