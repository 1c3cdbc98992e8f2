import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium as playwright } from "playwright-core";
import { chromium } from "../../../scripts/lib/chromium/chromium.ts";
import { launchOptions } from "../../../scripts/lib/chromium/launchOptions.ts";
import type { GroupName } from "../../browser/groupNames.ts";
import type {} from "../../browser/pageGlobals.ts";
import type { Measured, RoundsOptions } from "../measure.ts";
import { bundlePage } from "./bundlePage.ts";
import { type PageServer, servePage } from "./servePage.ts";

/** A Chromium whose pages measure groups, one page a group. */
export class BenchBrowser {
  private readonly context: BrowserContext;
  private readonly server: PageServer;
  private readonly profile: string;

  private constructor(context: BrowserContext, server: PageServer, profile: string) {
    this.context = context;
    this.server = server;
    this.profile = profile;
  }

  /** @throws Unavailable where there is no Chromium. */
  public static async start(): Promise<BenchBrowser> {
    const executablePath = await chromium((line) => console.error(line));
    const server = await servePage(await bundlePage());
    // A context without a profile is a private one: it keeps databases in memory.
    const profile = mkdtempSync(join(tmpdir(), "workglow-bench-"));
    const context = await playwright.launchPersistentContext(profile, {
      ...launchOptions,
      executablePath,
      args: [...launchOptions.args, "--js-flags=--expose-gc"],
    });
    return new BenchBrowser(context, server, profile);
  }

  public async run(
    name: GroupName,
    { rounds, onStep }: Pick<RoundsOptions, "rounds" | "onStep">,
  ): Promise<Measured> {
    const page = await this.context.newPage();
    try {
      page.on("console", (message) => {
        if (message.type() === "error") console.error(message.text());
      });
      page.on("pageerror", (error) => console.error(error));
      await page.exposeFunction("onStep", onStep);
      await page.goto(this.server.url);
      const measured = await page.evaluate(
        ([group, count]) => globalThis.measureGroup(group, count),
        [name, rounds] as const,
      );
      const version = this.context.browser()?.version() ?? "";
      return { ...measured, about: [`Chromium ${version}`, measured.about].join(", ") };
    } finally {
      await page.close();
    }
  }

  public async close(): Promise<void> {
    await this.context.close();
    await this.server.close();
    rmSync(this.profile, { recursive: true, force: true });
  }
}
