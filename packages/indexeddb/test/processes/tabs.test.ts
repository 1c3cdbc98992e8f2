import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Browser } from "../tabs/Browser.ts";
import { groupLives } from "../tabs/processGroup.ts";

type Neighbour = typeof import("../tabs/neighbour.page.ts");
const neighbour = new URL("../tabs/neighbour.page.ts", import.meta.url);

describe("tabs of one browser", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await Browser.start();
  });
  afterAll(() => browser.close());

  test("hear each other over BroadcastChannel", async () => {
    const [one, other] = [
      await browser.openTab<Neighbour>(neighbour),
      await browser.openTab<Neighbour>(neighbour),
    ];
    await one.call("say", "hello");
    await one.call("say", "still there?");
    expect(await other.call("hears", 2)).toEqual(["hello", "still there?"]);
  });

  test("are secure contexts, which Web Locks and service workers ask for", async () => {
    const tab = await browser.openTab<Neighbour>(neighbour);
    expect(await tab.call("isSecure")).toBe(true);
  });

  test("take and give what storages hold", async () => {
    const tab = await browser.openTab<Neighbour>(neighbour);
    const value = {
      bigint: 2n ** 62n,
      bytes: new Uint8Array([0, 255]),
      vector: new Float32Array([0.5, -0]),
      date: new Date(0),
      nothing: undefined,
      nested: [{ text: "ü\u0000😀", none: null, infinite: -Infinity }],
    };
    expect(await tab.call("echo", value)).toStrictEqual(value);
  });

  test("give what a function threw", async () => {
    const tab = await browser.openTab<Neighbour>(neighbour);
    const refused = { name: "RangeError", message: "too far", kind: "invalid" };
    await expect(tab.call("refuse")).rejects.toMatchObject(refused);
  });

  test.each(["doubleInWorker", "doubleInSharedWorker", "doubleInServiceWorker"] as const)(
    "%s: workers load programs of their own",
    async (double) => {
      const tab = await browser.openTab<Neighbour>(neighbour);
      expect(await tab.call(double, 21)).toBe(42);
    },
  );

  test("a call ends when its tab is closed; other tabs stay", async () => {
    const [closed, open] = [
      await browser.openTab<Neighbour>(neighbour),
      await browser.openTab<Neighbour>(neighbour),
    ];
    const ended = expect(closed.call("forever")).rejects.toThrow("closed");
    await closed.close();
    await ended;
    expect(await open.call("echo", 1)).toBe(1);
  });
});

test("what is stored outlives a kill and a restart", async () => {
  await using browser = await Browser.start();
  const before = await browser.openTab<Neighbour>(neighbour);
  await before.call("store", 1, 2);
  await browser.restart();
  const meanwhile = await browser.openTab<Neighbour>(neighbour);
  await meanwhile.call("store", 3, 4);

  const { pid } = browser;
  const ended = expect(meanwhile.call("forever")).rejects.toThrow("closed");
  await browser.kill();
  await ended;
  expect(groupLives(pid)).toBe(false);
  await expect(browser.openTab(neighbour)).rejects.toThrow("The browser has ended.");

  await browser.restart();
  const after = await browser.openTab<Neighbour>(neighbour);
  // A kill may cost the latest seconds of localStorage, which promises no durability.
  expect(await after.call("stored")).toEqual({
    inLocalStorage: expect.any(Number),
    inIndexedDb: 4,
  });
  expect([1, 3]).toContain((await after.call("stored")).inLocalStorage);
});

test("an error that a page does not catch fails the test that closes the browser", async () => {
  const browser = await Browser.start();
  const tab = await browser.openTab<Neighbour>(neighbour);
  await tab.call("throwLater");
  await vi.waitFor(() => expect(tab.uncaught).toHaveLength(1));
  const report = await browser.close().catch((error: AggregateError) => error.errors);
  expect(report).toMatchObject([{ message: "nobody catches this" }]);
});

test("a test run that is killed leaves no browser, and its data only until the next start", async () => {
  const holder = fork(join(import.meta.dirname, "../tabs/browserHolder.child.ts"), {
    execArgv: ["--conditions=@workglow/source"],
  });
  const [{ pid, userDataDir }] = await once(holder, "message");
  expect(groupLives(pid)).toBe(true);
  const exited = once(holder, "exit");
  holder.kill("SIGKILL");
  await exited;
  await vi.waitFor(() => expect(groupLives(pid)).toBe(false), { timeout: 10_000 });

  await using browser = await Browser.start();
  expect(existsSync(userDataDir)).toBe(false);
  expect(existsSync(browser.userDataDir)).toBe(true);
});
