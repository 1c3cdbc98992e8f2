import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Browser } from "../tabs/Browser.ts";
import type { Tab } from "../tabs/Tab.ts";

type Program = typeof import("../tabs/changes.page.ts");
const program = new URL("../tabs/changes.page.ts", import.meta.url);

let browser: Browser;
beforeAll(async () => {
  browser = await Browser.start();
});
afterAll(() => browser.close());

async function openTabs(
  count: number,
  options?: Parameters<Program["open"]>[1],
): Promise<{ readonly tabs: readonly Tab<Program>[]; readonly database: string }> {
  const database = crypto.randomUUID();
  const tabs: Tab<Program>[] = [];
  for (let at = 0; at < count; at++) {
    const tab = await browser.openTab<Program>(program);
    await tab.call("open", database, options);
    tabs.push(tab);
  }
  return { tabs, database };
}

const inShort = (changes: readonly { type: string; old?: object; new?: object }[]) =>
  changes.map(({ type, old, new: next }) => [type, old, next]);

describe("changes of another tab", () => {
  test("are delivered to a tab", async () => {
    const { tabs } = await openTabs(2);
    const [writer, watcher] = tabs as [Tab<Program>, Tab<Program>];
    await watcher.call("listen");
    await writer.call("put", { id: "a" });
    await writer.call("put", { id: "a", body: "new" });
    expect(inShort(await watcher.call("hears", 2))).toEqual([
      ["INSERT", undefined, { id: "a" }],
      ["UPDATE", { id: "a" }, { id: "a", body: "new" }],
    ]);
  });

  test.each(["dedicated", "shared", "service"] as const)(
    "are delivered to a %s worker, and its own to the tab",
    async (kind) => {
      const { tabs, database } = await openTabs(2);
      const [tab, host] = tabs as [Tab<Program>, Tab<Program>];
      await host.call("startWorker", kind, database);
      await tab.call("listen");
      await tab.call("put", { id: "a" });
      await host.call("putInWorker", { id: "b" });
      const expected = [
        ["INSERT", undefined, { id: "a" }],
        ["INSERT", undefined, { id: "b" }],
      ];
      expect(inShort(await host.call("hears", 2))).toEqual(expected);
      expect(inShort(await tab.call("hears", 2))).toEqual(expected);
    },
  );

  test("reach a tab that was reloaded where it left off", async () => {
    const { tabs, database } = await openTabs(2);
    const [writer, watcher] = tabs as [Tab<Program>, Tab<Program>];
    await watcher.call("listen");
    await writer.call("put", { id: "a" });
    const [first] = await watcher.call("hears", 1);
    await watcher.close();
    await writer.call("put", { id: "b" });
    const again = await browser.openTab<Program>(program);
    await again.call("open", database);
    await again.call("listen", first?.position);
    expect(inShort(await again.call("hears", 1))).toEqual([["INSERT", undefined, { id: "b" }]]);
  });
});

describe("a tab that watches", () => {
  test("and is closed leaves nothing behind once its lease has ended", async () => {
    const { tabs } = await openTabs(2, { leaseMs: 300 });
    const [writer, watcher] = tabs as [Tab<Program>, Tab<Program>];
    await watcher.call("listen");
    await writer.call("put", { id: "a" });
    expect(await writer.call("beside")).toEqual({ changes: 1, leases: 1, watched: true });
    await watcher.close();
    await vi.waitFor(
      async () => {
        await writer.call("put", { id: "b" });
        const left = { changes: 0, leases: 0, watched: false };
        expect(await writer.call("beside")).toEqual(left);
      },
      { timeout: 15_000, interval: 100 },
    );
  });

  test("hears everything though its timers sleep", async () => {
    const { tabs } = await openTabs(2, { leaseMs: 300 });
    const [writer, watcher] = tabs as [Tab<Program>, Tab<Program>];
    await watcher.call("stopTimers");
    await watcher.call("listen");
    await pause(500);
    await writer.call("putMany", 50);
    await pause(500);
    await writer.call("put", { id: "last" });
    expect(await writer.call("beside")).toEqual({ changes: 51, leases: 1, watched: true });
    const heard = await watcher.call("hears", 51);
    expect(heard.map(({ type }) => type)).toEqual(heard.map(() => "INSERT"));
    expect(heard.at(-1)?.new).toEqual({ id: "last" });
  });
});

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
