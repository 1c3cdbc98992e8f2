import { chromium } from "./chromium.ts";

/** Finds or installs Chromium before the tests that need it; they read its path where it is put. */
export default async function setup(): Promise<void> {
  process.env.WORKGLOW_CHROMIUM = await chromium((line) => process.stderr.write(`${line}\n`));
}
