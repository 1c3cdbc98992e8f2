import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Browser } from "../tabs/Browser.ts";
import type { Tab } from "../tabs/Tab.ts";

type Queue = typeof import("../tabs/queue.page.ts");
const program = new URL("../tabs/queue.page.ts", import.meta.url);

let browser: Browser;
beforeAll(async () => {
  browser = await Browser.start();
});
afterAll(() => browser.close());

let queues = 0;

/** Tabs that share a queue of their own. */
async function tabsOn(count: number, leaseMs?: number): Promise<readonly Tab<Queue>[]> {
  const name = `queue ${++queues}`;
  const tabs: Tab<Queue>[] = [];
  for (let i = 0; i < count; i++) {
    const tab = await browser.openTab<Queue>(program);
    await tab.call("open", name, leaseMs);
    tabs.push(tab);
  }
  return tabs;
}

describe("tabs that share a queue", () => {
  test.each([2, 4])("%i tabs drain 1,000 jobs: none runs twice, none is lost", async (count) => {
    const tabs = await tabsOn(count);
    const log: { readonly input: number; readonly attempt: number }[] = [];
    for (const { page } of tabs) {
      await page.exposeFunction("ran", (input: number, attempt: number) => {
        log.push({ input, attempt });
      });
      await page.exposeFunction("ended", () => {});
    }
    await tabs[0]?.call("addMany", 1000);
    const shares = await Promise.all(tabs.map((tab, i) => tab.call("drain", 2, 1 + 2 * i)));
    expect(log.map(({ input }) => input).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 1000 }, (_, input) => input),
    );
    expect(log.every(({ attempt }) => attempt === 1)).toBe(true);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBe(1000);
    for (const share of shares) expect(share).toBeGreaterThan(0);
    expect(await tabs.at(-1)?.call("statuses")).toEqual({
      PENDING: 0,
      PROCESSING: 0,
      COMPLETED: 1000,
      FAILED: 0,
    });
    for (const tab of tabs) await tab.close();
  });

  test("a tab that is closed mid-job: another runs the job again at once", async () => {
    const [working, other] = (await tabsOn(2)) as [Tab<Queue>, Tab<Queue>];
    await working.call("addMany", 1);
    expect(await working.call("hold")).toBe(0);
    expect(await other.call("poll", 1500)).toBeUndefined();
    const polling = other.call("poll", 10_000);
    await working.close();
    const again = await polling;
    expect(again).toMatchObject({ input: 0, attempt: 2 });
    // The lease would have held for 30 s more.
    expect(again?.afterMs).toBeLessThan(2000);
    await other.close();
  });

  test("a tab whose process dies mid-job: one that had not seen it at work runs the job at once", async () => {
    const [working, other] = (await tabsOn(2)) as [Tab<Queue>, Tab<Queue>];
    await working.call("addMany", 1);
    expect(await working.call("hold")).toBe(0);
    const crashed = new Promise((resolve) => working.page.once("crash", resolve));
    const session = await working.page.context().newCDPSession(working.page);
    session.send("Page.crash").catch(() => {});
    await crashed;
    const again = await other.call("poll", 10_000);
    expect(again).toMatchObject({ input: 0, attempt: 2 });
    expect(again?.afterMs).toBeLessThan(3000);
    await working.close();
    await other.close();
  });

  test("a worker that is ended mid-job: its page runs the job again at once", async () => {
    const name = `queue ${queues + 1}`;
    const [page] = (await tabsOn(1)) as [Tab<Queue>];
    await page.call("addMany", 1);
    expect(await page.call("holdInWorkerThatEnds", name)).toBe(0);
    const again = await page.call("poll", 10_000);
    expect(again).toMatchObject({ input: 0, attempt: 2 });
    expect(again?.afterMs).toBeLessThan(3000);
    await page.close();
  });

  test("a tab whose timers do not run keeps its job for many times its lease", async () => {
    const [busy, other] = (await tabsOn(2, 500)) as [Tab<Queue>, Tab<Queue>];
    await other.call("poll", 400);
    await busy.call("addMany", 1);
    expect(await busy.call("hold")).toBe(0);
    const blocking = busy.call("block", 4000);
    expect(await other.call("poll", 3500)).toBeUndefined();
    await blocking;
    await busy.call("finish");
    expect(await other.call("statuses")).toMatchObject({ PROCESSING: 0, COMPLETED: 1 });

    // A time-out of its own takes a job even from a tab that lives.
    await busy.call("addMany", 1, 300);
    expect(await busy.call("hold")).toBe(0);
    const blockingAgain = busy.call("block", 2500);
    expect(await other.call("poll", 2500)).toMatchObject({ input: 0, attempt: 2 });
    await blockingAgain;
    await expect(busy.call("finish")).rejects.toMatchObject({ name: "StaleLeaseError" });
    await busy.close();
    await other.close();
  });
});

test("a browser that is killed mid-drain: what was completed stays so, and the rest runs at once", async () => {
  await using killed = await Browser.start();
  const open = async (): Promise<Tab<Queue>> => {
    const tab = await killed.openTab<Queue>(program);
    await tab.page.exposeFunction("ran", (input: number) => {
      started.push(input);
    });
    await tab.page.exposeFunction("ended", (inputs: readonly number[]) => {
      ended.push(...inputs);
    });
    await tab.call("open", "drained");
    return tab;
  };
  const started: number[] = [];
  const ended: number[] = [];
  const tabs = [await open(), await open()];
  await tabs[0]?.call("addMany", 600);
  const draining = tabs.map((tab) => tab.call("drain", 2, 3).catch(() => "killed"));
  await vi.waitFor(() => expect(ended.length).toBeGreaterThan(150), { timeout: 20_000 });
  await killed.kill();
  expect(await Promise.all(draining)).toEqual(["killed", "killed"]);
  const before = { started: started.splice(0), ended: ended.splice(0) };

  await killed.restart();
  const after = await open();
  const start = performance.now();
  // Nobody's lease has run out: the locks went with the browser.
  await vi.waitFor(
    async () => {
      await after.call("drain", 2, 3);
      expect(await after.call("statuses")).toMatchObject({ COMPLETED: 600 });
    },
    { timeout: 15_000, interval: 100 },
  );
  expect(await after.call("statuses")).toMatchObject({ PENDING: 0, PROCESSING: 0, COMPLETED: 600 });
  expect(performance.now() - start).toBeLessThan(15_000);
  expect(started.filter((input) => before.ended.includes(input))).toEqual([]);
  expect(new Set([...before.started, ...started]).size).toBe(600);
});
