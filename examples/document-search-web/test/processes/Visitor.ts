import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";
import { expect } from "vitest";
import { chromium as chromiumPath } from "../../../../scripts/lib/chromium/chromium.ts";
import { launchOptions } from "../../../../scripts/lib/chromium/launchOptions.ts";

export async function startBrowser(): Promise<Browser> {
  return chromium.launch({ ...launchOptions, executablePath: await chromiumPath() });
}

export interface ArriveOptions extends BrowserContextOptions {
  /** Runs in the page's worker before its own program, to make a browser that behaves so. */
  readonly workerProgram?: string;
  /** How much the page may store; as much as the browser gives otherwise. */
  readonly quotaBytes?: number;
}

/** A person at one tab of the page. */
export class Visitor {
  readonly page: Page;
  /** What the browser complained of. */
  readonly complaints: string[] = [];
  /** Addresses that were asked for. */
  readonly requests: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") {
        this.complaints.push(message.text());
      }
    });
    page.on("request", (request) => this.requests.push(request.url()));
  }

  /** With a profile of their own, in which nothing is stored yet. */
  static async arrive(
    browser: Browser,
    url: string,
    { workerProgram, quotaBytes, ...options }: ArriveOptions = {},
  ): Promise<Visitor> {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 860 },
      ...options,
    });
    if (workerProgram !== undefined) {
      await context.route("**/worker-*.js", async (route) => {
        const response = await route.fetch();
        const body = `${workerProgram}\n${await response.text()}`;
        await route.fulfill({ response, body });
      });
    }
    if (quotaBytes !== undefined) {
      // Before anything is stored: later the browser would go by what it has found out already.
      const session = await context.newCDPSession(await context.newPage());
      const { origin } = new URL(url);
      await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: quotaBytes });
    }
    return Visitor.in(context, url);
  }

  /** With the profile of other tabs. */
  static async in(context: BrowserContext, url: string): Promise<Visitor> {
    const visitor = new Visitor(await context.newPage());
    await visitor.page.goto(url);
    return visitor;
  }

  /** Opens a second tab of the same profile. */
  openTab(url: string): Promise<Visitor> {
    return Visitor.in(this.page.context(), url);
  }

  /** Drops files and folders as a person does from their desktop. */
  async drop(...paths: string[]): Promise<void> {
    const session = await this.page.context().newCDPSession(this.page);
    const data = { items: [], files: paths, dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"] as const) {
      await session.send("Input.dispatchDragEvent", { type, x: 200, y: 300, data });
    }
    await session.detach();
  }

  async pick(...files: string[]): Promise<void> {
    await this.page.getByLabel("Choose files").setInputFiles(files);
  }

  /** Waits until so many documents are there and none of them waits. */
  async seesAllIndexed(documents: number): Promise<void> {
    await this.seesTitle(documents);
    await this.page.locator(".activity").waitFor({ state: "detached", timeout: 60_000 });
  }

  async seesTitle(documents: number): Promise<void> {
    const noun = documents === 1 ? "document" : "documents";
    const title = this.page.getByRole("heading", { name: `${documents} ${noun}`, exact: true });
    await title.and(this.page.locator("#documents-title")).waitFor({ timeout: 60_000 });
  }

  /** The paths of the results, best first. */
  async search(query: string): Promise<string[]> {
    await this.page.getByRole("searchbox").fill(query);
    return this.results(query);
  }

  /** The results that belong to this query, once they are there. */
  async results(query: string): Promise<string[]> {
    const results = this.page.locator(`.results[data-query=${JSON.stringify(query)}]`);
    await results.waitFor();
    return results.locator("h3").allInnerTexts();
  }

  /** The documents of the list. */
  documents(): Promise<string[]> {
    return this.page.locator(".document .path").allInnerTexts();
  }

  async leave(): Promise<void> {
    await this.page.context().close();
    expect(this.complaints).toEqual([]);
  }
}
