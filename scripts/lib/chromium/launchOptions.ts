import type { LaunchOptions } from "playwright-core";
import { isRoot } from "../isRoot.ts";

/** How tests start Chromium, for Playwright: no calls home, and no screen. */
export const launchOptions = {
  headless: true,
  // Chromium refuses to run as root with its sandbox.
  chromiumSandbox: !isRoot,
  // In a plain locale it finds no file whose name is more than ASCII.
  env: { ...environment(), LC_ALL: "C.UTF-8" },
  args: [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
} satisfies LaunchOptions;

function environment(): Record<string, string> {
  const set = Object.entries(process.env).filter((entry) => entry[1] !== undefined);
  return Object.fromEntries(set as [string, string][]);
}
