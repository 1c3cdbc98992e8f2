import type { LaunchOptions } from "playwright-core";
import { isRoot } from "../isRoot.ts";

/** How tests start Chromium, for Playwright: no calls home, and no screen. */
export const launchOptions = {
  headless: true,
  // Chromium refuses to run as root with its sandbox.
  chromiumSandbox: !isRoot,
  args: [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
} satisfies LaunchOptions;
