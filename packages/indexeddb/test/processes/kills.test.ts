import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Browser } from "../tabs/Browser.ts";
import type { Tab } from "../tabs/Tab.ts";

type Program = typeof import("../tabs/kills.page.ts");
type Way = import("../tabs/kills.page.ts").Way;
const program = new URL("../tabs/kills.page.ts", import.meta.url);

/** How many rows a batch of each way has. */
const SIZES: Record<Way, number> = { one: 1, bulk: 5, pair: 2, joint: 1 };

let browser: Browser;
/** Which rows pages were told are stored, by batch. */
let acknowledged = new Map<string, readonly number[]>();
const heard: {
  readonly type: string;
  readonly id: number | undefined;
  readonly position: string;
}[] = [];

let lives = 0;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function openTab(): Promise<Tab<Program>> {
  const tab = await browser.openTab<Program>(program);
  await tab.page.exposeFunction("acknowledged", (batch: string, ids: readonly number[]) => {
    acknowledged.set(batch, ids);
  });
  await tab.page.exposeFunction("heard", (type: string, id: number, position: string) => {
    heard.push({ type, id, position });
  });
  await tab.call("open");
  return tab;
}

/** Resolves at some moment after so many more batches were stored. */
async function someBatchesLater(count: number): Promise<void> {
  const wanted = acknowledged.size + count;
  await vi.waitFor(() => expect(acknowledged.size).toBeGreaterThanOrEqual(wanted), {
    timeout: 20_000,
    interval: 2,
  });
  await pause(Math.random() * 60);
}

/** That nothing was lost of what was acknowledged, and nothing is there in part. */
async function expectWhole(tab: Tab<Program>): Promise<number> {
  const { batches, wrong, ...stored } = await tab.call("everything");
  const found = new Map(batches);
  const missing = [...acknowledged].filter(([batch, ids]) => {
    const sorted = [...ids].sort((a, b) => a - b);
    return String(found.get(batch)) !== String(sorted);
  });
  expect(missing).toEqual([]);
  const wayOf = (batch: string) => batch.split(" ")[0] as Way;
  expect(batches.filter(([batch, ids]) => ids.length !== SIZES[wayOf(batch)])).toEqual([]);
  expect(wrong).toEqual([]);
  const count = batches.flatMap(([, ids]) => ids).length;
  expect(new Set(Object.values(stored.entryCounts))).toEqual(new Set([count]));
  const named = (...ways: Way[]) =>
    batches.map(([batch]) => batch).filter((batch) => ways.includes(wayOf(batch)));
  expect(new Set(stored.entries)).toEqual(new Set(named("pair", "joint")));
  for (const joint of [stored.vectors, stored.foundVectors, stored.jobs]) {
    expect([...joint].sort()).toEqual(named("joint").sort());
  }
  return Math.max(0, ...batches.flatMap(([, ids]) => ids));
}

describe("a browser that is killed while a tab writes", () => {
  beforeAll(async () => {
    browser = await Browser.start();
  });
  afterAll(() => browser.close());

  test("keeps all that was acknowledged, nothing in part, and goes on where it was", async () => {
    acknowledged = new Map();
    let highest = 0;
    for (let kill = 0; kill < 5; kill++) {
      const tab = await openTab();
      await tab.call("listen", heard.at(-1)?.position);
      const before = new Set(acknowledged.keys());
      const writing = tab.call("write", ++lives, ["one", "bulk", "pair", "joint"]);
      const killed = expect(writing).rejects.toThrow("closed");
      await someBatchesLater(40);
      await browser.kill();
      await killed;
      const born = [...acknowledged].filter(([batch]) => !before.has(batch));
      expect(Math.min(...born.flatMap(([, ids]) => ids))).toBeGreaterThan(highest);
      await browser.restart();
      const after = await openTab();
      highest = await expectWhole(after);
      await after.close();
    }
    // Everything once and in the order of the commits, which is that of the generated keys.
    const last = await openTab();
    await last.call("listen", heard.at(-1)?.position);
    await vi.waitFor(() => expect(heard.at(-1)?.id).toBe(highest), { timeout: 10_000 });
    const { batches } = await last.call("everything");
    const ids = batches.flatMap(([, of]) => of).sort((a, b) => a - b);
    expect(heard.map(({ id }) => id)).toEqual(ids);
    expect(new Set(heard.map(({ type }) => type))).toEqual(new Set(["INSERT"]));
  });
});

describe("a tab that is killed within transactions over all kinds of storage", () => {
  beforeAll(async () => {
    browser = await Browser.start();
  });
  afterAll(() => browser.close());

  test.each(["closed", "crashed"] as const)(
    "and is %s leaves all of each or nothing",
    async (how) => {
      acknowledged = new Map();
      const other = await openTab();
      for (let kill = 0; kill < 3; kill++) {
        const tab = await openTab();
        const ended = expect(tab.call("write", ++lives, ["joint", "pair"])).rejects.toThrow(how);
        await someBatchesLater(8);
        if (how === "closed") await tab.close();
        else await crash(tab);
        // Nobody waits for a transaction of the dead.
        await expectWhole(other);
        if (how === "crashed") await tab.close();
        await ended;
      }
      await other.close();
    },
  );
});

/** Has the process of a tab die. */
async function crash({ page }: Tab<Program>): Promise<void> {
  const crashed = new Promise((resolve) => page.once("crash", resolve));
  const session = await page.context().newCDPSession(page);
  session.send("Page.crash").catch(() => {});
  await crashed;
}
