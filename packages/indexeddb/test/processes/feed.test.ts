import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Browser } from "../tabs/Browser.ts";
import type { Tab } from "../tabs/Tab.ts";

type Program = typeof import("../tabs/feed.page.ts");
const program = new URL("../tabs/feed.page.ts", import.meta.url);

let browser: Browser;
beforeAll(async () => {
  browser = await Browser.start();
});
afterAll(() => browser.close());

async function openTabs(count: number, database: string): Promise<readonly Tab<Program>[]> {
  const tabs: Tab<Program>[] = [];
  for (let at = 0; at < count; at++) {
    const tab = await browser.openTab<Program>(program);
    await tab.call("open", database, { leaseMs: 1000 });
    tabs.push(tab);
  }
  return tabs;
}

const close = (tabs: readonly Tab<Program>[]) => Promise.all(tabs.map((tab) => tab.close()));

const inShort = (changes: readonly { type: string; old?: object; new?: object }[]) =>
  changes.map(({ type, old, new: next }) => [type, old, next]);

/** Two tabs write at once; gives what is to be heard of each. */
async function churn(
  [one, other]: readonly Tab<Program>[],
  database: string,
  turns: number,
): Promise<readonly (readonly unknown[])[]> {
  const writing = [
    one?.call("churn", database, "one", turns),
    other?.call("churn", database, "other", turns),
  ];
  return (await Promise.all(writing)) as readonly (readonly unknown[])[];
}

/** The changes of rows that this tab has written. */
const by = (author: string, heard: ReturnType<typeof inShort>) =>
  heard.filter(([, old, next]) => ((old ?? next) as { id: string }).id.startsWith(author));

test("two tabs write: window, dedicated, shared and service worker hear each change once, in one order", async () => {
  const database = crypto.randomUUID();
  const tabs = await openTabs(7, database);
  const [window, dedicated, shared, service, doomed, ...writers] = tabs as [
    Tab<Program>,
    Tab<Program>,
    Tab<Program>,
    Tab<Program>,
    Tab<Program>,
    ...Tab<Program>[],
  ];
  await window.call("listen");
  await dedicated.call("startWorker", "dedicated", database);
  await shared.call("startWorker", "shared", database);
  await service.call("startWorker", "service", database);
  await doomed.call("listen");
  expect((await window.call("beside")).leases).toBe(5);

  const churning = churn(writers, database, 15);
  await doomed.call("hears", 20);
  // In the middle of it.
  await doomed.close();
  const [ofOne, ofOther] = await churning;
  const count = 2 * 15 * 8;
  expect(ofOne).toHaveLength(count / 2);

  const first = inShort(await window.call("hears", count));
  expect(first).toHaveLength(count);
  expect(by("one", first)).toEqual(ofOne);
  expect(by("other", first)).toEqual(ofOther);
  for (const host of [dedicated, shared, service]) {
    expect(inShort(await host.call("hears", count))).toEqual(first);
  }
  await vi.waitFor(
    async () => {
      await window.call("put", { id: "later" });
      expect((await window.call("beside")).leases).toBe(4);
    },
    { timeout: 10_000, interval: 100 },
  );
  await close([window, dedicated, shared, service, ...writers]);
});

describe("without BroadcastChannel", () => {
  test.each(["channel", "option"] as const)(
    "polling delivers everything once and in order (no %s)",
    async (without) => {
      const database = crypto.randomUUID();
      const tabs = await openTabs(3, database);
      const [listener, ...writers] = tabs as [Tab<Program>, ...Tab<Program>[]];
      await listener.call("listenByPolling", database, without);
      const [ofOne, ofOther] = await churn(writers, database, 5);
      const heard = inShort(await listener.call("hearsByPolling", 80));
      expect(by("one", heard)).toEqual(ofOne);
      expect(by("other", heard)).toEqual(ofOther);
      expect(heard).toHaveLength(80);
      await close(tabs);
    },
  );
});

test("a tab in which nothing runs for longer than its lease hears everything afterwards", async () => {
  const database = crypto.randomUUID();
  const tabs = await openTabs(3, database);
  const [frozen, ...writers] = tabs as [Tab<Program>, ...Tab<Program>[]];
  await frozen.call("listen");
  // Browsers freeze only tabs that nobody sees, and here all are seen.
  const blocking = frozen.call("block", 3000);
  const [ofOne, ofOther] = await churn(writers, database, 5);
  await new Promise((resolve) => setTimeout(resolve, 1200));
  await writers[0]?.call("put", { id: "last" });
  expect(await writers[0]?.call("beside")).toEqual({ changes: 81, leases: 1, watched: true });
  await blocking;
  const heard = inShort(await frozen.call("hears", 81));
  expect(by("one", heard)).toEqual(ofOne);
  expect(by("other", heard)).toEqual(ofOther);
  expect(heard.at(-1)).toEqual(["INSERT", undefined, { id: "last" }]);
  expect(heard).toHaveLength(81);
  await close(tabs);
});
