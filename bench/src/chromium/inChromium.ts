import { Unavailable } from "../../../scripts/lib/Unavailable.ts";
import { GROUP_NAMES, type GroupName } from "../../browser/groupNames.ts";
import type { Measure, Measured } from "../measure.ts";
import { BenchBrowser } from "./BenchBrowser.ts";

let browser: Promise<BenchBrowser> | undefined;

/** The groups that run in a page of Chromium, which the first of them starts. */
export const inChromium = GROUP_NAMES.map((name) => ({ name, run: measureIn(name) }));

export async function closeChromium(): Promise<void> {
  const started = await browser?.catch(() => undefined);
  browser = undefined;
  await started?.close();
}

function measureIn(name: GroupName): Measure {
  return async (options): Promise<Measured> => {
    browser ??= BenchBrowser.start();
    try {
      return await (await browser).run(name, options);
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      return { lines: [], about: error.message };
    }
  };
}
