import { rmSync } from "node:fs";
import { type BrowserContext, chromium as playwright } from "playwright-core";
import { chromium } from "../../../../scripts/lib/chromium/chromium.ts";
import { launchOptions } from "../../../../scripts/lib/chromium/launchOptions.ts";
import { makeUserDataFolder } from "../../../../scripts/lib/chromium/makeUserDataFolder.ts";
import { killGroup } from "./processGroup.ts";
import { addressOf } from "./programServer.ts";
import { Tab } from "./Tab.ts";

/**
 * A Chromium for tests with several tabs. What it stores outlives a kill and a restart; it goes
 * with `close()`, unless the test gave the folder.
 *
 * Chromium listens to this process over a pipe, and ends when the pipe breaks: a test run that is
 * killed leaves none behind.
 */
export class Browser implements AsyncDisposable {
  readonly userDataDir: string;
  private readonly ownsUserData: boolean;
  private readonly tabs: Tab<unknown>[] = [];
  private running: { readonly context: BrowserContext; readonly pid: number } | undefined;

  static async start(options: { readonly userDataDir?: string } = {}): Promise<Browser> {
    const browser = new Browser(options.userDataDir);
    try {
      await browser.launch();
    } catch (error) {
      await browser.close();
      throw error;
    }
    return browser;
  }

  private constructor(userDataDir: string | undefined) {
    this.ownsUserData = userDataDir === undefined;
    this.userDataDir = userDataDir ?? makeUserDataFolder();
  }

  /** The number of Chromium's main process, which leads a group of all its processes. */
  get pid(): number {
    return this.active().pid;
  }

  /**
   * Opens a tab and loads a program into it, as in
   * `openTab<typeof import("./drain.page.ts")>(new URL("./drain.page.ts", import.meta.url))`.
   */
  async openTab<Program>(program: URL): Promise<Tab<Program>> {
    const { context } = this.active();
    const address = await addressOf(program);
    const tab = await Tab.open<Program>(await context.newPage(), address);
    this.tabs.push(tab);
    return tab;
  }

  /** Ends all processes of the browser at once. Calls that are under way reject. */
  async kill(): Promise<void> {
    const { context, pid } = this.active();
    const closed = context.waitForEvent("close", { timeout: 0 });
    this.running = undefined;
    await killGroup(pid);
    await closed;
  }

  /** Starts the browser again on what it has stored, as a user does after a crash. */
  async restart(): Promise<void> {
    if (this.running) await this.quit();
    await this.launch();
  }

  /**
   * Ends the browser and removes what it stored.
   *
   * @throws AggregateError of what pages threw outside of calls
   */
  async close(): Promise<void> {
    await this.quit();
    if (this.ownsUserData)
      rmSync(this.userDataDir, { recursive: true, force: true, maxRetries: 5 });
    const uncaught = this.tabs.splice(0).flatMap((tab) => tab.uncaught);
    if (uncaught.length > 0) throw new AggregateError(uncaught, "pages threw outside of calls");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async launch(): Promise<void> {
    const context = await playwright.launchPersistentContext(this.userDataDir, {
      ...launchOptions,
      executablePath: await chromium(),
    });
    this.running = { context, pid: await pidOf(context) };
  }

  private async quit(): Promise<void> {
    const { running } = this;
    this.running = undefined;
    await running?.context.close();
  }

  private active() {
    if (this.running === undefined) throw new Error("The browser has ended.");
    return this.running;
  }
}

async function pidOf(context: BrowserContext): Promise<number> {
  const session = await context.browser()?.newBrowserCDPSession();
  const { processInfo = [] } = (await session?.send("SystemInfo.getProcessInfo")) ?? {};
  const main = processInfo.find(({ type }) => type === "browser");
  if (main === undefined) throw new Error("Chromium does not tell the number of its process.");
  return main.id;
}
